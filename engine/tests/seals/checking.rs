//! Each single corruption is told, and which of the two it was: an event or a seal.

use daybook_engine::ledger::{Head, Ledger, Recorded, Stretch};
use daybook_engine::seal::{ChainLink, Seal, SealHash, SealStore, SealerSettings};
use daybook_engine::verify::{Finding, Findings, SealCheck};

use crate::book::{fill, identity, in_memory, p, sealer};

/// Ten events of partition 0, sealed in pairs.
async fn ten() -> (Vec<Recorded>, Vec<Seal>) {
    let ledger = in_memory();
    fill(&*ledger, 0, 0..10).await;
    let settings = SealerSettings { events: 2, ..SealerSettings::default() };
    sealer(&ledger, settings).seal_once().await.unwrap();
    let events = ledger.read(&[Stretch { partition: p(0), from: 1, limit: 10 }]).await.unwrap();
    (events, ledger.seals(p(0), 0, 10).await.unwrap())
}

fn findings(events: &[Recorded], seals: &[Seal], head: u64) -> Vec<(Option<u64>, String)> {
    let head = Head { partition: p(0), position: head };
    let mut check = SealCheck::new("seal", identity().id, head, seals.iter().copied());
    let mut findings = Findings::default();
    for event in events {
        check.add(event.position, &ChainLink::of(event), &mut findings);
    }
    check.finish(&mut findings);
    let told = |finding: &Finding| (finding.position, finding.what.clone());
    findings.kept().iter().map(told).collect()
}

fn assert_told(found: &[(Option<u64>, String)], expected: &[(u64, &str)]) {
    let is_same = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|((position, what), (at, part))| *position == Some(*at) && what.contains(part));
    assert!(is_same, "{found:#?}\nexpected {expected:#?}");
}

#[tokio::test]
async fn untouched_events_fit_their_seals() {
    let (events, seals) = ten().await;
    assert_eq!(seals.len(), 5);
    assert_told(&findings(&events, &seals, 10), &[]);
    assert_told(&findings(&events, &seals[..3], 10), &[]);
    assert_told(&findings(&events, &[], 10), &[]);
}

#[tokio::test]
async fn a_changed_byte_is_told_with_the_stretch_it_stands_in() {
    for (changed, from, to) in [(0, 1, 2), (3, 3, 4), (7, 7, 8)] {
        let (mut events, seals) = ten().await;
        events[changed].data = format!("{} ", events[changed].data).into();
        let told = format!("positions {from} to {to} are not those");
        assert_told(&findings(&events, &seals, 10), &[(from, &told)]);
    }
}

#[tokio::test]
pub(crate) async fn changed_bytes_of_several_stretches_are_each_told() {
    let (mut events, seals) = ten().await;
    events[0].data = "{}".into();
    events[5].version = 9;
    let told = findings(&events, &seals, 10);
    assert_told(&told, &[(1, "1 to 2 are not those"), (5, "5 to 6 are not those")]);
}

#[tokio::test]
async fn a_changed_order_is_told() {
    let (mut events, seals) = ten().await;
    events.swap(4, 5);
    (events[4].position, events[5].position) = (5, 6);
    assert_told(&findings(&events, &seals, 10), &[(5, "5 to 6 are not those")]);
    // Within one stretch as across two.
    let (mut events, seals) = ten().await;
    events.swap(3, 4);
    (events[3].position, events[4].position) = (4, 5);
    let told = findings(&events, &seals, 10);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].0, told[1].0), (Some(3), Some(5)), "{told:?}");
}

#[tokio::test]
async fn a_changed_seal_is_told_and_not_the_events() {
    let (events, mut seals) = ten().await;
    seals[2].hash = SealHash([7; 32]);
    assert_told(&findings(&events, &seals, 10), &[(6, "seal 3 is not the one that was made")]);
    let (events, mut seals) = ten().await;
    seals[0].hash.0[0] ^= 1;
    assert_told(&findings(&events, &seals, 10), &[(2, "seal 1 is not the one that was made")]);
}

#[tokio::test]
async fn where_no_seal_follows_both_are_suspected() {
    let (events, mut seals) = ten().await;
    seals[4].hash = SealHash([7; 32]);
    assert_told(&findings(&events, &seals, 10), &[(9, "9 to 10, or seal 5 itself")]);
    let (mut events, seals) = ten().await;
    events[9].data = "{}".into();
    assert_told(&findings(&events, &seals, 10), &[(9, "9 to 10, or seal 5 itself")]);
}

#[tokio::test]
pub(crate) async fn a_deleted_tail_is_told() {
    let (events, seals) = ten().await;
    let told = "the partition ends at 7, and seal 5 covers it up to 10";
    assert_told(&findings(&events[..7], &seals, 7), &[(8, told)]);
    assert_told(&findings(&events[..7], &seals[..3], 7), &[]);
}

#[tokio::test]
async fn a_missing_event_is_told() {
    let (mut events, seals) = ten().await;
    events.remove(5);
    assert_told(&findings(&events, &seals, 10), &[(5, "5 to 6 are not those")]);
}

#[tokio::test]
async fn a_seal_of_another_ledger_fits_nothing() {
    let (events, mut seals) = ten().await;
    seals.truncate(1);
    let head = Head { partition: p(1), position: 2 };
    let mut check = SealCheck::new("seal", identity().id, head, seals);
    let mut findings = Findings::default();
    for event in &events[..2] {
        check.add(event.position, &ChainLink::of(event), &mut findings);
    }
    check.finish(&mut findings);
    assert_eq!(findings.count(), 1, "{findings:?}");
}
