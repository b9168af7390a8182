use super::sample::{Answering, append, payment, stretch};
use super::{LedgerFixture, PARTITIONS};
use crate::clock::Timestamp;
use crate::event_text::{EventText, TextName};
use crate::ids::{Partition, PaymentId};
use crate::ledger::{Append, AppendText, EventsDigest, Recorded};

/// What JSON, SQL and UTF-8 each find hard.
const HARD: &str = "{\"q\":\"\\\"'\\\\ \\u0000 ; -- ? $1 %s\",\"ü\":\"€ 𝄞 \u{202e}\u{fffd}\"}\n\t";

pub(super) async fn an_unknown_payment_has_no_events_and_no_texts(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 1)]).await;
    assert_eq!(ledger.load(payment(0, 2)).await, []);
    assert_eq!(ledger.texts(payment(0, 2)).await, []);
}

pub(super) async fn a_payment_is_loaded_in_version_order(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let (one, other) = (payment(1, 1), payment(1, 2));
    for version in 1..=12 {
        ledger.write(&[append(one, version, 1), append(other, version, 1)]).await;
    }
    let events = ledger.load(one).await;
    assert!(events.iter().all(|event| event.payment_id == one), "{events:?}");
    let versions: Vec<u32> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, (1..=12).collect::<Vec<u32>>());
}

pub(super) async fn every_field_comes_back_as_it_was_written(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let mut given = append(payment(3, 1), 1, 2);
    given.events[0].data = HARD.to_owned();
    given.events[1].data = format!("{{\"long\":\"{}\"}}", "x".repeat(100_000));
    given.events[1].event_type = "payment.authorization_requested";
    given.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 '€".into());
    given.recorded_at = Timestamp::from_millis(1_795_428_672_345);
    let mut last = append(payment(3, 1), 3, 1);
    last.recorded_at = Timestamp::from_millis(i64::MAX);
    ledger.write(&[given.clone(), last.clone()]).await;
    let expected: Vec<Recorded> =
        [(1, &given, 0), (2, &given, 1), (3, &last, 0)].map(|(n, from, i)| row(n, from, i)).into();
    assert_eq!(ledger.load(payment(3, 1)).await, expected);
    assert_eq!(ledger.read(&[stretch(3, 1, 9)]).await, expected);
    let walked = ledger.read_by_payment(3, None, 9).await;
    assert_eq!(walked, expected);
}

pub(super) async fn a_digest_is_that_of_the_events_read(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let mut hard = append(payment(3, 1), 1, 2);
    hard.events[0].data = HARD.to_owned();
    ledger.write(&[hard, append(payment(3, 1), 3, 3), append(payment(1, 1), 1, 1)]).await;
    let stretches = [stretch(3, 1, 2), stretch(1, 1, 9), stretch(3, 2, 2), stretch(2, 1, 5)];
    let digests = ledger.digests(&stretches).await;
    for (stretch, digest) in stretches.into_iter().zip(&digests) {
        let events = ledger.read(&[stretch]).await;
        assert_eq!(*digest, EventsDigest::of(&events), "{stretch:?}");
    }
    let others: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(others.len(), digests.len(), "each of other events");
}

/// The row at position and version `number`, which is the event `index` of `append`.
fn row(number: u32, append: &Append, index: usize) -> Recorded {
    let event = &append.events[index];
    Recorded {
        partition: Partition::new(3),
        position: number.into(),
        payment_id: append.payment_id,
        version: number,
        event_id: event.event_id,
        event_type: event.event_type.into(),
        data: event.data.as_str().into(),
        traceparent: append.traceparent.clone(),
        recorded_at: append.recorded_at,
    }
}

fn text(name: TextName, salt: u8, text: &str) -> AppendText {
    AppendText { name, salt: [salt; 16], text: text.into() }
}

fn stored(version: u32, text: &AppendText) -> EventText {
    let AppendText { name, salt, text } = text.clone();
    EventText { version, name, salt: Some(salt), text: Some(text) }
}

pub(super) async fn texts_come_back_with_their_salt(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let mut first = append(payment(0, 1), 1, 2);
    first.texts = vec![text(TextName::Metadata, 0, HARD), text(TextName::Reference, 255, "")];
    let mut third = append(payment(0, 1), 3, 1);
    third.texts = vec![text(TextName::Reason, 7, "the customer's wish")];
    let mut other = append(payment(0, 2), 1, 1);
    other.texts = vec![text(TextName::Metadata, 9, "another payment's")];
    let batch = [first, other, third];
    ledger.write(&batch).await;
    let expected = [
        stored(1, &batch[0].texts[0]),
        stored(1, &batch[0].texts[1]),
        stored(3, &batch[2].texts[0]),
    ];
    assert_eq!(ledger.texts(payment(0, 1)).await, expected);
    let wanted = [payment(0, 2), payment(1, 7), payment(0, 1)];
    let mut together = fixture.ledger().texts_of(&wanted).await.expect("texts are read");
    together.sort_by_key(|(payment_id, _)| *payment_id);
    let mut each: Vec<_> = expected.into_iter().map(|text| (payment(0, 1), text)).collect();
    each.push((payment(0, 2), stored(1, &batch[1].texts[0])));
    each.sort_by_key(|(payment_id, _)| *payment_id);
    assert_eq!(together, each);
}

pub(super) async fn an_erased_text_reads_as_none_and_the_others_stay(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    let mut batch = [append(payment(0, 1), 1, 1), append(payment(0, 2), 1, 1)];
    for append in &mut batch {
        append.texts = vec![text(TextName::Metadata, 1, "{}"), text(TextName::Reference, 2, "r")];
    }
    ledger.write(&batch).await;
    let erasure = fixture.erasure().await;
    let names = [TextName::Metadata, TextName::Reason];
    for erased in [1, 0] {
        assert_eq!(erasure.erase(payment(0, 1), &names).await.expect("it is written"), erased);
    }
    let erased = EventText { version: 1, name: TextName::Metadata, salt: None, text: None };
    let [metadata, reference] = [0, 1].map(|index| stored(1, &batch[1].texts[index]));
    assert_eq!(ledger.texts(payment(0, 1)).await, [erased, reference.clone()]);
    assert_eq!(ledger.texts(payment(0, 2)).await, [metadata, reference]);
}

pub(super) async fn a_conflicting_append_leaves_no_text(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    ledger.write(&[append(payment(0, 1), 1, 1)]).await;
    let mut batch = [append(payment(0, 1), 1, 1), append(payment(0, 2), 1, 1)];
    for append in &mut batch {
        append.texts = vec![text(TextName::Metadata, 1, "{}")];
    }
    assert_eq!(ledger.append(&batch).await, None);
    assert_eq!(ledger.texts(payment(0, 2)).await, []);
    ledger.append_tolerant(&batch).await;
    assert_eq!(ledger.texts(payment(0, 1)).await, []);
    assert_eq!(ledger.texts(payment(0, 2)).await.len(), 1);
    ledger.append_tolerant(&batch[1..]).await;
    assert_eq!(ledger.texts(payment(0, 2)).await.len(), 1, "after a repeat");
}

/// Ten payments of one event in partition 1, two of two in partition 2.
async fn twelve_payments(fixture: &dyn LedgerFixture) -> Answering {
    let ledger = Answering::here(fixture);
    let ones = (0..10).map(|number| append(payment(1, number), 1, 1));
    let twos = (20..22).map(|number| append(payment(2, number), 1, 2));
    ledger.write(&ones.chain(twos).collect::<Vec<_>>()).await;
    ledger
}

fn places(events: &[Recorded]) -> Vec<(u16, u64)> {
    events.iter().map(|event| (event.partition.number(), event.position)).collect()
}

pub(super) async fn a_stretch_starts_in_the_middle_and_stops_at_its_limit(
    fixture: &dyn LedgerFixture,
) {
    let ledger = twelve_payments(fixture).await;
    let events = ledger.read(&[stretch(1, 4, 3)]).await;
    assert_eq!(places(&events), [(1, 4), (1, 5), (1, 6)]);
    assert_eq!(ledger.read(&[stretch(1, 4, 0)]).await, []);
    assert_eq!(ledger.read(&[]).await, []);
}

pub(super) async fn a_stretch_beyond_the_head_is_empty(fixture: &dyn LedgerFixture) {
    let ledger = twelve_payments(fixture).await;
    for from in [11, 12, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        assert_eq!(ledger.read(&[stretch(1, from, u32::MAX)]).await, [], "{from}");
    }
    assert_eq!(places(&ledger.read(&[stretch(1, 10, 5)]).await), [(1, 10)]);
    assert_eq!(ledger.read(&[stretch(0, 1, 5)]).await, [], "an empty partition");
    assert_eq!(ledger.read(&[stretch(PARTITIONS, 1, 5)]).await, [], "no partition");
}

pub(super) async fn stretches_of_several_partitions_come_in_order(fixture: &dyn LedgerFixture) {
    let ledger = twelve_payments(fixture).await;
    let stretches = [stretch(2, 3, 9), stretch(0, 1, 9), stretch(1, 9, 9), stretch(1, 1, 2)];
    let events = ledger.read(&stretches).await;
    assert_eq!(places(&events), [(1, 1), (1, 2), (1, 9), (1, 10), (2, 3), (2, 4)]);
}

pub(super) async fn overlapping_stretches_give_each_event_once(fixture: &dyn LedgerFixture) {
    let ledger = twelve_payments(fixture).await;
    let stretches = [stretch(1, 2, 3), stretch(1, 4, 2), stretch(1, 2, 3)];
    let events = ledger.read(&stretches).await;
    assert_eq!(places(&events), [(1, 2), (1, 3), (1, 4), (1, 5)]);
}

fn keys(events: &[Recorded]) -> Vec<(PaymentId, u32)> {
    events.iter().map(|event| (event.payment_id, event.version)).collect()
}

pub(super) async fn a_partition_is_walked_payment_by_payment(fixture: &dyn LedgerFixture) {
    let ledger = Answering::here(fixture);
    for version in 1..=11 {
        let batch: Vec<Append> =
            (0..5).map(|number| append(payment(1, number), version, 1)).collect();
        ledger.write(&batch).await;
    }
    ledger.write(&[append(payment(0, 9), 1, 1), append(payment(2, 9), 1, 1)]).await;
    let walked = keys(&ledger.read_by_payment(1, None, 99).await);
    let mut expected: Vec<_> =
        (0..5).flat_map(|number| (1..=11).map(move |v| (payment(1, number), v))).collect();
    expected.sort();
    assert_eq!(walked, expected);
}

pub(super) async fn a_walk_goes_on_where_it_stopped(fixture: &dyn LedgerFixture) {
    let ledger = twelve_payments(fixture).await;
    for partition in 0..PARTITIONS {
        let whole = ledger.read_by_payment(partition, None, 99).await;
        for limit in 1..=4 {
            let mut walked: Vec<Recorded> = Vec::new();
            loop {
                let after = walked.last().map(|event| (event.payment_id, event.version));
                let page = ledger.read_by_payment(partition, after, limit).await;
                assert!(page.len() <= limit as usize, "{} events, limit {limit}", page.len());
                if page.is_empty() {
                    break;
                }
                walked.extend(page);
            }
            assert_eq!(walked, whole, "partition {partition}, limit {limit}");
        }
    }
}

pub(super) async fn what_is_appended_is_seen_elsewhere_at_once(fixture: &dyn LedgerFixture) {
    let (here, elsewhere) = (Answering::here(fixture), Answering::elsewhere(fixture).await);
    for version in 1..=5 {
        here.write(&[append(payment(0, 1), version, 1)]).await;
        assert_eq!(elsewhere.everything().await, here.everything().await);
        assert_eq!(elsewhere.heads().await, here.heads().await);
    }
}

pub(super) async fn the_identity_is_the_same_elsewhere(fixture: &dyn LedgerFixture) {
    let identity = fixture.ledger().identity();
    assert_eq!((identity.partitions, identity.incarnation), (PARTITIONS, 1));
    assert_eq!(fixture.elsewhere().await.identity(), identity);
}
