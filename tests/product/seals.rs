//! What no rule of payments could notice, the seals do; and what was deleted together with its seals,
//! those that were exported.

use serde_json::json;
use tokio::process::Command;
use tokio::time::{Duration, Instant, sleep};

use crate::flows::authorized;
use crate::harness::{Daybook, PATIENCE};
use crate::store::{Book, Store};

/// One partition, so that positions are known, and seals at once.
const FLAGS: &[&str] = &["--partitions=1", "--seal-every-ms=50"];

/// A stopped daybook: positions 1 to 4 are a payment that was captured, 5 and 6 one that was not.
async fn sealed(store: Store) -> Daybook {
    let mut daybook = Daybook::start(store, FLAGS).await;
    let id = authorized(&daybook, "k1", 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    daybook.verify_until(" 0 events are not sealed yet").await;
    authorized(&daybook, "k2", 500).await;
    daybook.verify_until(" 0 events are not sealed yet").await;
    daybook.verify_until(", the views 0 events behind").await;
    assert_eq!(daybook.stop().await, Some(0));
    daybook
}

/// What `verify` says, which must find something.
async fn named(daybook: &Daybook, arguments: &[&str]) -> String {
    let output = daybook.command("verify", arguments).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

async fn export(daybook: &Daybook, name: &str) -> String {
    let output = daybook.command("seals export", &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let file = daybook.data_dir().join(name);
    std::fs::write(&file, output.stdout).unwrap();
    format!("--against={}", file.display())
}

fn assert_names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

pub(crate) async fn a_changed_byte_that_no_rule_knows_of_is_named(store: Store) {
    let daybook = sealed(store).await;
    let changed =
        "UPDATE event SET traceparent = '00-11111111111111111111111111111111-2222222222222222-01'
        WHERE position = 2";
    daybook.book.tamper_with_ledger(&[changed]).await;
    let text = named(&daybook, &[]).await;
    assert_names(
        &text,
        &["ledger partition 0 position 1: the events of positions 1 to", "made of"],
    );
    let mended = "UPDATE event SET traceparent = NULL WHERE position = 2";
    daybook.book.tamper_with_ledger(&[mended]).await;
    daybook.verify().await;
}

pub(crate) async fn a_changed_order_is_named(store: Store) {
    let daybook = sealed(store).await;
    // Each payment by itself is as it was.
    let swapped = [
        "UPDATE event SET position = 1000 WHERE position = 4",
        "UPDATE event SET position = 4 WHERE position = 5",
        "UPDATE event SET position = 5 WHERE position = 1000",
    ];
    daybook.book.tamper_with_ledger(&swapped).await;
    let text = named(&daybook, &[]).await;
    assert_names(&text, &["ledger partition 0 position", "the events of positions"]);
    let of_ledger = text.lines().filter(|line| line.starts_with("ledger "));
    assert!(of_ledger.clone().all(|line| line.contains("seal")), "only they know:\n{text}");
}

pub(crate) async fn a_changed_and_a_deleted_seal_are_named(store: Store) {
    let daybook = sealed(store).await;
    let against = export(&daybook, "seals.jsonl").await;
    let hash = match store {
        Store::Embedded => "zeroblob(32)",
        Store::Postgres | Store::Kafka => "decode(repeat('00', 32), 'hex')",
    };
    let changed = format!("UPDATE seal SET hash = {hash} WHERE number = 1");
    daybook.book.tamper_with_ledger(&[&changed]).await;
    let text = named(&daybook, &[]).await;
    assert_names(
        &text,
        &["ledger partition 0 position", "seal 1 is not the one that was made here"],
    );
    let text = named(&daybook, &[&against]).await;
    assert_names(&text, &["seal 1 was exported as", ": it says 0000"]);
    let later =
        "UPDATE seal SET sealed_at = (SELECT recorded_at FROM event LIMIT 1) WHERE number = 2";
    daybook.book.tamper_with_ledger(&[later]).await;
    assert_names(&named(&daybook, &[&against]).await, &["seal 2 was exported as", ", made "]);
    let raised = "UPDATE seal SET incarnation = 7 WHERE number = 2";
    daybook.book.tamper_with_ledger(&[raised]).await;
    let text = named(&daybook, &[]).await;
    assert_names(&text, &["seal 2 is of incarnation 7, not of 1 to 1"]);
    daybook.book.tamper_with_ledger(&["DELETE FROM seal WHERE number = 1"]).await;
    let text = named(&daybook, &[]).await;
    assert_names(&text, &["seals 1 to 1 are missing: seal 2 follows"]);
    daybook.book.tamper_with_ledger(&["DELETE FROM seal"]).await;
    let text = named(&daybook, &[&against]).await;
    assert_names(&text, &["was exported and is missing in the ledger"]);
    // Nothing is left that could tell but the export.
    let text = daybook.verify().await;
    assert_names(&text, &["0 seals fit, 6 events are not sealed yet"]);
}

pub(crate) async fn a_deleted_tail_is_named(store: Store) {
    let mut daybook = sealed(store).await;
    let against = export(&daybook, "seals.jsonl").await;
    let deleted = ["DELETE FROM event WHERE position > 4", "UPDATE ledger_partition SET head = 4"];
    daybook.book.tamper_with_ledger(&deleted).await;
    let text = named(&daybook, &[]).await;
    assert_names(&text, &["partition 0 position 5: the tail is missing: the partition ends at 4"]);
    // A process that seals says so too, and seals nothing. Workers that remember more would stop before it.
    daybook.book.lose_views_and_work_rows().await;
    daybook.resume_with(FLAGS).await;
    daybook.says("LEDGER_DIVERGED: partition 0 is sealed up to position 6, and ends at 4").await;
    assert_eq!(daybook.stop().await, Some(0));
    // Who deletes the seals and the views with it leaves nothing that could tell, but the export.
    daybook.book.tamper_with_ledger(&["DELETE FROM seal WHERE position > 4"]).await;
    daybook.book.lose_views_and_work_rows().await;
    daybook.verify().await;
    let text = named(&daybook, &[&against]).await;
    assert_names(
        &text,
        &[
            "position 5: the tail is missing: the partition ends at 4, and exported seal",
            "up to position 6, was exported and is missing in the ledger",
        ],
    );
}

pub(crate) async fn exported_seals_fit_until_something_is_changed(store: Store) {
    let daybook = sealed(store).await;
    let against = export(&daybook, "seals.jsonl").await;
    let output = daybook.command("verify", &[&against]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(" exported seals fit") && !text.contains("\n0 exported"), "{text}");
    let file = daybook.data_dir().join("other.jsonl");
    std::fs::write(&file, "{}\n").unwrap();
    let against = format!("--against={}", file.display());
    let refused = daybook.command("verify", &[&against]).await;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("line 1 is no seal"), "{message}");
    let refused = daybook.command("verify", &["--against=/nowhere/seals"]).await;
    assert_eq!(refused.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seals_stand_in_their_topic() {
    let daybook = Daybook::start(Store::Kafka, FLAGS).await;
    let Book::Kafka(_, topic) = &*daybook.book.clone() else { panic!("it has a topic") };
    for number in 0..3 {
        authorized(&daybook, &format!("k{number}"), 1000).await;
        daybook.verify_until(" 0 events are not sealed yet").await;
    }
    let exported = daybook.command("seals export", &[]).await.stdout;
    let exported = String::from_utf8(exported).unwrap();
    let exported: Vec<_> = exported.lines().collect();
    assert!(exported.len() >= 3, "{exported:?}");
    let give_up = Instant::now() + PATIENCE;
    loop {
        let published = topic.seals().await;
        if published == exported {
            break;
        }
        assert!(Instant::now() < give_up, "the topic has {published:?} of {exported:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The script of `docs/seals.md`, taken out of the page.
fn script() -> String {
    let page = include_str!("../../docs/seals.md");
    let (_, behind) = page.split_once("```python\n").unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_script_agrees() {
    let has_blake3 = Command::new("python3").args(["-c", "import blake3"]).output().await;
    if !has_blake3.is_ok_and(|output| output.status.success()) {
        // The golden values were computed with it once; running it again is a luxury.
        eprintln!("skipped: python3 has no blake3");
        return;
    }
    let daybook = sealed(Store::Embedded).await;
    export(&daybook, "seals.jsonl").await;
    let ledger = daybook.data_dir().join("ledger.db");
    let seals = daybook.data_dir().join("seals.jsonl");
    let run = || async {
        let mut python = Command::new("python3");
        let output = python.arg("-c").arg(script()).args([&ledger, &seals]).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(run().await, "");
    let changed = "UPDATE event SET data = data || ' ' WHERE position = 6";
    daybook.book.tamper_with_ledger(&[changed]).await;
    assert_eq!(run().await, "partition 0: positions up to 6 are not those that were sealed\n");
}
