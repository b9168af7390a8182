//! What a raw producer or an administrator may do to the topic is named by the check.

use daybook_engine::record::TopicRecord;
use daybook_relay::verify::Note;

use super::book::p;
use super::stage::Stage;

fn set_header(record: &mut TopicRecord, name: &str, value: &str) {
    for (known, found) in &mut record.headers {
        if known == name {
            *found = Some(value.as_bytes().to_vec());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_record_is_named() {
    let stage = Stage::published_stage(60).await;
    let mut forged = stage.records(p(1)).await.swap_remove(3);
    set_header(&mut forged, "ce_id", "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77");
    stage.produce_raw(&forged).await;
    let found = stage.differences().await;
    assert_eq!(found.len(), 1, "{found:?}");
    let end = stage.book.head(p(1)).await;
    let start = format!("partition 1 offset {end} position 4: is event 0190a6f0");
    assert!(found[0].starts_with(&start), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_somebody_else_is_named() {
    let stage = Stage::published_stage(60).await;
    let mut foreign = stage.records(p(2)).await.swap_remove(0);
    foreign.headers.clear();
    stage.produce_raw(&foreign).await;
    foreign.value = None;
    stage.produce_raw(&foreign).await;
    let found = stage.differences().await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|line| line.contains("is no record of this ledger's relay")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_record_is_counted_and_is_no_difference() {
    let stage = Stage::published_stage(60).await;
    let again = stage.records(p(2)).await.swap_remove(5);
    stage.produce_raw(&again).await;
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.repeats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_is_named() {
    let stage = Stage::published_stage(60).await;
    stage.rewrite(p(1), |records| drop(records.remove(4))).await;
    assert_eq!(
        stage.differences().await,
        ["partition 1 offset 4 position 5: missing: this record stands where they should"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_records_are_named() {
    let stage = Stage::published_stage(60).await;
    stage.rewrite(p(1), |records| records.swap(4, 5)).await;
    assert_eq!(
        stage.differences().await,
        ["partition 1 offset 5 position 5: is out of order: later positions stand before it"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_value_is_named() {
    let stage = Stage::published_stage(60).await;
    stage.rewrite(p(1), |records| records[4].value = Some(b"{}".to_vec())).await;
    assert_eq!(
        stage.differences().await,
        ["partition 1 offset 4 position 5: is not as the ledger has it: the value differs"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_deleted_is_said_and_is_no_difference() {
    let mut stage = Stage::published_stage(60).await;
    stage.delete_before(p(1), 7).await;
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    let position = Some(8);
    assert_eq!(report.notes, [Note::CutOff { partition: p(1), offset: 7, position }]);
    stage.book.grow(20).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    assert!(stage.verify().await.is_clean());
}
