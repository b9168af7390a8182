//! The topic against the ledger: each way in which it can be wrong is named.

use std::time::Duration;

use daybook_engine::broker::memory::Behaviour;
use daybook_engine::ids::Partition;
use daybook_engine::record::TopicRecord;
use daybook_relay::verify::{Note, VerifyReport};

use super::stage::{Book, PARTITIONS, Stage, p};

async fn published_stage(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, Behaviour::default());
    stage.book.grow(200).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    stage
}

fn lines(report: &VerifyReport) -> Vec<String> {
    report.differences.iter().map(ToString::to_string).collect()
}

/// What the check says of a topic of which one partition was changed.
async fn after(change: impl FnOnce(&mut Vec<TopicRecord>)) -> Vec<String> {
    let stage = published_stage(1).await;
    stage.broker.tamper(p(2), change);
    lines(&stage.verify().await)
}

#[tokio::test(start_paused = true)]
async fn a_topic_as_the_relay_left_it_is_clean() {
    let stage = published_stage(1).await;
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.records, report.repeats), (stage.book.count().await, 0));
    assert_eq!(report.notes, []);
}

#[tokio::test(start_paused = true)]
async fn events_of_an_older_version_are_published_as_they_stand() {
    let mut stage = Stage::new(1, Behaviour::default());
    stage.book = Book::of_an_older_build();
    stage.book.grow(100).await;
    let running = stage.start();
    stage.published().await;
    running.stop().await;
    stage.assert_topic_is_whole().await;
    let records = Partition::all(PARTITIONS).flat_map(|p| stage.broker.records(p));
    let is_older = |record: &TopicRecord| {
        record.value.as_ref().is_some_and(|value| value.starts_with(br#"{"v":0,"#))
    };
    assert_ne!(records.filter(is_older).count(), 0, "there are some");
    assert!(stage.verify().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_is_named() {
    let found = after(|records| drop(records.remove(9))).await;
    assert_eq!(
        found,
        ["partition 2 offset 9 position 10: missing: this record stands where they should"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_first_record_and_a_deleted_stretch_are_named() {
    let found = after(|records| drop(records.drain(..3))).await;
    assert_eq!(
        found,
        ["partition 2 offset 0 positions 1 to 3: missing: this record stands where they should"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_last_record_is_missing_ten_seconds_later() {
    let stage = published_stage(1).await;
    stage.broker.tamper(p(2), |records| drop(records.pop()));
    let head = stage.book.head(p(2)).await;
    let started = tokio::time::Instant::now();
    let found = lines(&stage.verify().await);
    let expected = format!(
        "partition 2 position {head}: missing at the end, though the relay's cursor stands at \
         {head}: lost"
    );
    assert_eq!(found, [expected]);
    assert!(started.elapsed() >= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_published_within_ten_seconds_is_not_missing() {
    let mut stage = published_stage(1).await;
    stage.book.grow(50).await;
    let late = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        stage.start()
    };
    let (report, running) = tokio::join!(stage.verify(), late);
    assert!(report.is_clean(), "{report:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_relay_publishes_is_missing_and_says_where_the_cursor_stands() {
    let mut stage = published_stage(1).await;
    let before = stage.book.head(p(0)).await;
    while stage.book.head(p(0)).await == before {
        stage.book.grow(1).await;
    }
    let found = lines(&stage.verify().await);
    let found: Vec<_> =
        found.iter().filter(|line| line.starts_with("partition 0 position")).collect();
    assert!(found[0].ends_with(&format!("the relay's cursor stands at {before}")), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_record_is_no_difference_behind_its_first_occurrence() {
    let stage = published_stage(1).await;
    stage.broker.tamper(p(2), |records| {
        let again: Vec<_> = records[3..8].to_vec();
        records.splice(8..8, again);
    });
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.repeats, 5);
}

#[tokio::test(start_paused = true)]
async fn swapped_records_are_out_of_order() {
    let found = after(|records| records.swap(9, 10)).await;
    assert_eq!(
        found,
        ["partition 2 offset 10 position 10: is out of order: later positions stand before it"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_value_key_or_header_is_named() {
    type Change = fn(&mut TopicRecord);
    let cases: [(Change, &str); 6] = [
        (|record| record.value = Some(b"{}".to_vec()), "the value differs"),
        (|record| record.value.as_mut().unwrap().push(b' '), "the value differs"),
        (
            |record| record.headers[4].1 = Some(b"2026-01-01T00:00:00.000Z".to_vec()),
            "header ce_time",
        ),
        (
            |record| record.headers[3].1 = Some(b"payment.voided2".to_vec()),
            "header ce_type differs",
        ),
        (|record| record.headers.push(("x".to_owned(), None)), "header x differs"),
        (|record| record.headers.swap(0, 1), "the order of the headers differs"),
    ];
    for (change, expected) in cases {
        let found = after(|records| change(&mut records[9])).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("partition 2 offset 9 position 10: "), "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_is_named() {
    let foreign = |records: &mut Vec<TopicRecord>| {
        let record = TopicRecord { headers: Vec::new(), ..records[4].clone() };
        records.insert(5, record);
    };
    let found = after(foreign).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("partition 2 offset 5: is no record of this ledger's relay"));
}

#[tokio::test(start_paused = true)]
async fn a_forged_event_is_named_and_so_is_the_one_whose_place_it_took() {
    let forge = |records: &mut Vec<TopicRecord>| {
        records[9].headers[1].1 = Some(b"0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a77".to_vec());
    };
    let found = after(forge).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("offset 9 position 10: is event 0190a6f0"), "{found:?}");
    assert!(found[1].contains("position 10: missing"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_beyond_the_ledgers_head_is_named() {
    let stage = published_stage(1).await;
    let beyond = stage.book.head(p(2)).await + 1;
    stage.broker.tamper(p(2), |records| {
        let mut record = records.last().unwrap().clone();
        record.headers[6].1 = Some(beyond.to_string().into_bytes());
        records.push(record);
    });
    let found = lines(&stage.verify().await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(&format!("position {beyond}: is not in the ledger")), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn what_retention_deleted_is_said_and_is_no_difference() {
    let stage = published_stage(1).await;
    stage.broker.delete_before(p(1), 20);
    let all = stage.broker.records(p(3)).len() as u64;
    stage.broker.delete_before(p(3), all);
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    let expected = [
        Note::CutOff { partition: p(1), offset: 20, position: Some(21) },
        Note::CutOff { partition: p(3), offset: all, position: None },
    ];
    assert_eq!(report.notes, expected);
}

#[tokio::test(start_paused = true)]
async fn of_many_differences_the_first_are_kept_and_the_others_counted() {
    let found = {
        let stage = published_stage(1).await;
        for number in 0..PARTITIONS {
            stage.broker.tamper(p(number), |records| {
                records.iter_mut().for_each(|record| record.value = Some(Vec::new()));
            });
        }
        stage.verify().await
    };
    assert_eq!(found.differences.len(), 100);
    assert_eq!(found.more, found.records - 100);
}
