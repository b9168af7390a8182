//! A ledger that is older than what others have seen of it: restored, adopted, and nobody skips what
//! comes after.

mod consumer;
mod past;

use serde_json::json;

use crate::flows::{authorization, authorized};
use crate::harness::Daybook;
use crate::outages::Clients;
use crate::store::Store;
use consumer::Consumers;
use past::Past;

/// Few, so that each has events before the restore and after it.
pub(crate) const PARTITIONS: u16 = 2;
pub(crate) const FLAGS: &[&str] = &["--partitions=2", "--seal-every-ms=50"];

async fn captured(daybook: &Daybook, key: &str) -> String {
    let id = authorized(daybook, key, 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    id
}

/// Payments of these numbers, all captured; their ids.
async fn pay(daybook: &Daybook, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(captured(daybook, &format!("k{number}")).await);
    }
    ids
}

/// Everything is sealed, in the views, and in the topic where there is one.
async fn settle(daybook: &Daybook) {
    daybook.verify_until(" 0 events are not sealed yet").await;
    daybook.verify_until(", the views 0 events behind").await;
    daybook.outbox_is_empty().await;
}

/// A stopped daybook whose ledger ends after `kept` payments, and whose views, relay and topic have seen
/// `lost` more; the ids of these.
async fn gone_back(store: Store) -> (Daybook, Vec<String>, Vec<String>) {
    let mut daybook = Daybook::start(store, FLAGS).await;
    let kept = pay(&daybook, 0..20).await;
    settle(&daybook).await;
    let past = Past::keep(&mut daybook).await;
    let lost = pay(&daybook, 100..120).await;
    settle(&daybook).await;
    assert_eq!(daybook.stop().await, Some(0));
    (past.in_the_place_of(daybook).await, kept, lost)
}

pub(crate) async fn nobody_skips_a_new_event_after_a_restore(store: Store) {
    let (mut daybook, kept, lost) = gone_back(store).await;
    let consumers = Consumers::of(&daybook).await;
    let adopted = daybook.adopt().await;
    assert!(adopted.contains("is adopted as incarnation 2"), "{adopted}");
    assert!(adopted.contains("rebuilt from nothing"), "{adopted}");
    daybook.resume_with(FLAGS).await;
    for id in &kept {
        assert_eq!(daybook.payment(id).await.expect(200).field("status"), "CAPTURED");
    }
    for id in &lost {
        daybook.payment(id).await.expect(404);
    }
    let new = pay(&daybook, 200..220).await;
    // A client whose payment was lost repeats its request, and it is the same payment.
    let again = daybook.post("/api/v1/payments", authorization("k100", 1000)).await.expect(201);
    assert_eq!(again.text_field("paymentId"), lost[0]);
    settle(&daybook).await;
    let listed = daybook.get("/api/v1/payments?limit=200").await.expect(200);
    assert_eq!(listed.field("items").as_array().unwrap().len(), kept.len() + new.len() + 1);
    let text = daybook.relay_verify().await;
    if store == Store::Kafka {
        assert!(text.contains(" records are of events that a restore has lost"), "{text}");
        assert!(text.contains("no difference"), "{text}");
    }
    consumers.have_seen_everything(&daybook).await;
}

pub(crate) async fn a_ledger_that_went_back_stops_its_readers_until_it_is_adopted(store: Store) {
    let (mut daybook, ..) = gone_back(store).await;
    daybook.forget_that_it_was_restored();
    daybook.resume_with(FLAGS).await;
    daybook.says("the views stop").await;
    daybook.says("LEDGER_DIVERGED").await;
    assert_eq!(daybook.stop().await, Some(0));
    daybook.adopt().await;
    daybook.resume_with(FLAGS).await;
    captured(&daybook, "k300").await;
    settle(&daybook).await;
}

pub(crate) async fn seals_of_what_was_lost_are_void_and_the_others_hold(store: Store) {
    let mut daybook = Daybook::start(store, FLAGS).await;
    pay(&daybook, 0..12).await;
    settle(&daybook).await;
    let past = Past::keep(&mut daybook).await;
    pay(&daybook, 100..112).await;
    settle(&daybook).await;
    let exported = daybook.command("seals export", &[]).await.stdout;
    assert_eq!(daybook.stop().await, Some(0));
    let mut daybook = past.in_the_place_of(daybook).await;
    let file = daybook.data_dir().join("seals.jsonl");
    std::fs::write(&file, exported).unwrap();
    let against = format!("--against={}", file.display());
    daybook.adopt().await;
    daybook.resume_with(FLAGS).await;
    pay(&daybook, 200..206).await;
    settle(&daybook).await;
    let output = daybook.command("verify", &[&against]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(" exported seals are of events that a restore has lost"), "{text}");
    assert!(!text.contains("\n0 exported seals fit"), "{text}");
}

pub(crate) async fn nothing_is_adopted_beside_a_process(store: Store) {
    let daybook = Daybook::start(store, FLAGS).await;
    authorized(&daybook, "k1", 1000).await;
    let output = daybook.try_adopt().await;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("stop"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_whole() {
    let daybook = Daybook::start(Store::Embedded, FLAGS).await;
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    clients.grows(50).await;
    // What the backup is compared with in the end.
    daybook.says("sealed partition").await;
    let folder = daybook.data_dir().join("backup");
    let output = daybook.command("backup", &[folder.to_str().unwrap()]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" events in "), "{said}");
    clients.grows(50).await;
    let again = daybook.command("backup", &[folder.to_str().unwrap()]).await;
    assert_eq!(again.status.code(), Some(2), "a folder that holds something");
    clients.check(running, &daybook).await;
    let restored = daybook.data_dir().join("restored");
    let at = format!("--data-dir={}", restored.display());
    let daybook = &daybook;
    let run = |arguments: Vec<String>| async move {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = daybook.program(&arguments).await;
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let restoring = vec!["restore".to_owned(), folder.display().to_string(), at.clone()];
    let (code, said) = run(restoring.clone()).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(restoring).await;
    assert_eq!(code, Some(2), "a data directory that holds something: {said}");
    let serving = ["serve", &at, "--listen=127.0.0.1:0"].map(str::to_owned);
    let (code, said) = run(serving.to_vec()).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("run `daybook ledger adopt` first"), "{said}");
    let against = format!("--against={}", folder.join("seals.jsonl").display());
    let (code, said) = run(vec!["verify".to_owned(), at.clone(), against]).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(["ledger", "adopt", &at].map(str::to_owned).to_vec()).await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_not_whole_is_refused() {
    let daybook = Daybook::start(Store::Embedded, FLAGS).await;
    captured(&daybook, "k1").await;
    let folder = daybook.data_dir().join("backup");
    let output = daybook.command("backup", &[folder.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let at = format!("--data-dir={}", daybook.data_dir().join("restored").display());
    let file = folder.join("ledger.db");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = daybook.program(&["restore", folder.to_str().unwrap(), &at]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is not the file that was backed up"), "{said}");
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    let output = daybook.program(&["restore", folder.to_str().unwrap(), &at]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(!daybook.data_dir().join("restored").exists(), "nothing is left of either");
}
