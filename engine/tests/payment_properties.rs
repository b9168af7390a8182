//! What holds for every payment, whatever is asked of it and in whatever order outcomes come.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "payment_properties/model.rs"]
mod model;
#[path = "payment_properties/scenario.rs"]
mod scenario;

use std::collections::{BTreeMap, BTreeSet};

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::payment::{
    Decision, Event, EventBody, EventType, LateOutcomeKind, Payment, PaymentStatus, Rendering,
    Verb, decode, encode, is_canonical,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::model::{Model, Sums, Verdict};
use crate::scenario::{Taken, scenario};

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

fn sums(payment: &Payment) -> Sums {
    [
        payment.amount_authorized(),
        payment.amount_capturable(),
        payment.amount_captured(),
        payment.amount_refunded(),
        payment.amount_capture_pending(),
        payment.amount_refund_pending(),
        payment.amount_voided(),
    ]
    .map(|amount| amount.minor())
}

fn verdict(taken: &Taken) -> Verdict {
    match &taken.decision {
        Ok(Decision::Append(_)) => Verdict::Recorded,
        Ok(Decision::Replay(id)) => {
            let position = taken.payment.operations.iter().position(|known| known.id == *id);
            Verdict::Replays(position.expect("a replayed operation stands in the payment"))
        }
        Ok(Decision::Nothing) => Verdict::Nothing,
        Err(_) => Verdict::Refused,
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn captures_stay_within_the_authorized_and_refunds_within_the_captured(life in scenario()) {
        for payment in life.play().payments() {
            let [authorized, capturable, captured, refunded, capturing, refunding, voided] =
                sums(payment);
            prop_assert!(captured + capturing <= authorized, "{payment:#?}");
            prop_assert!(refunded + refunding <= captured, "{payment:#?}");
            prop_assert!(captured + capturing + capturable <= authorized, "{payment:#?}");
            prop_assert!(captured + voided <= authorized, "{payment:#?}");
            prop_assert!(authorized <= payment.amount.minor(), "{payment:#?}");
            prop_assert!(capturable == 0 || voided == 0, "{payment:#?}");
        }
    }

    #[test]
    fn a_model_in_plain_integers_decides_and_sums_the_same(life in scenario()) {
        let mut model = Model::new(&life);
        for taken in life.play().taken {
            let expected = model.take(&taken.step, taken.at);
            prop_assert_eq!(verdict(&taken), expected, "{:#?}", taken);
            prop_assert_eq!(sums(&taken.payment), model.sums(), "{:#?}", taken);
            prop_assert_eq!(taken.payment.operations.len(), model.operations(), "{:#?}", taken);
        }
    }

    #[test]
    fn every_journal_entry_balances_and_posts_the_money_that_moved(life in scenario()) {
        for event in life.play().events {
            let moved = match &event.body {
                EventBody::Captured(captured) => Some(captured.amount),
                EventBody::Refunded(refunded) => Some(refunded.amount),
                EventBody::LateOutcome(late) => late.settlement_date.map(|_| late.amount),
                _ => None,
            };
            prop_assert_eq!(event.journal().is_some(), moved.is_some(), "{:#?}", event);
            if let Some(entry) = event.journal() {
                prop_assert_eq!(entry.imbalance(), 0, "{:#?}", event);
                prop_assert!(entry.postings().iter().all(|posting| !posting.amount.is_zero()));
                prop_assert_eq!(Some(entry.postings()[0].amount), moved, "{:#?}", event);
            }
        }
    }

    #[test]
    fn versions_count_up_by_one_and_time_never_goes_back(life in scenario()) {
        let life = life.play();
        let mut events = life.events.iter();
        let mut folded = Payment::begin_with(events.next().unwrap()).unwrap();
        prop_assert_eq!(folded.version, 1);
        for event in events {
            prop_assert!(event.header.at >= folded.updated_at, "{event:#?} after {folded:#?}");
            let version = folded.version;
            folded = folded.evolve(event);
            prop_assert_eq!(folded.version, version + 1);
            prop_assert_eq!(folded.updated_at, event.header.at);
        }
    }

    #[test]
    fn folding_all_events_is_the_same_as_step_by_step_and_from_the_stored_text(life in scenario()) {
        let life = life.play();
        let last = life.payments().last().unwrap();
        prop_assert_eq!(&Payment::fold(&life.events).unwrap(), last);
        let read: Vec<_> = life
            .events
            .iter()
            .map(|event| decode(event.event_type().as_str(), &encode(event)).unwrap())
            .collect();
        prop_assert_eq!(&Payment::fold(&read).unwrap(), last);
    }

    #[test]
    fn every_event_is_encoded_canonically_and_decodes_to_itself(life in scenario()) {
        for event in life.play().events {
            let data = encode(&event);
            let decoded = decode(event.event_type().as_str(), &data);
            prop_assert_eq!(decoded.as_ref(), Ok(&event), "{}", data);
            prop_assert!(is_canonical(&event, &data), "{}", data);
        }
    }

    #[test]
    fn a_key_once_used_finds_the_same_operation_for_ever(life in scenario()) {
        let mut used = BTreeMap::new();
        for taken in life.play().taken {
            if let (Some(key), Ok(Decision::Append(events))) = (taken.step.key(), &taken.decision) {
                let id = events[0].header.operation_id.unwrap();
                let earlier = used.insert(key, (taken.step.clone(), id));
                prop_assert!(earlier.is_none(), "key {} began two operations", key);
            }
            for (step, id) in used.values() {
                let again = life.command(&taken.payment, step);
                for at in [i64::MIN, taken.at, i64::MAX] {
                    let at = Timestamp::from_millis(at);
                    let replay = taken.payment.decide(&again, at);
                    prop_assert_eq!(replay, Ok(Decision::Replay(*id)), "{:#?}", step);
                }
            }
        }
    }

    #[test]
    fn every_operation_has_its_own_id_and_concludes_at_a_version_after_its_request(
        life in scenario()
    ) {
        let life = life.play();
        let payment = life.payments().last().unwrap();
        let ids: BTreeSet<_> = payment.operations.iter().map(|o| o.id).collect();
        prop_assert_eq!(ids.len(), payment.operations.len());
        for operation in &payment.operations {
            let of_operation = |event: &&Event| {
                event.header.operation_id == Some(operation.id)
            };
            // Request, unknown, outcome, and each contradiction once; a reversal has no refusal.
            let count = life.events.iter().filter(of_operation).count();
            prop_assert!(count <= 5, "{count} events of {operation:#?}");
            prop_assert_eq!(operation.concluded.is_none(), operation.is_open(), "{:#?}", operation);
            prop_assert!(operation.concluded.is_none_or(|version| version > operation.requested));
            prop_assert!(operation.settled <= operation.amount, "{:#?}", operation);
        }
    }

    #[test]
    fn no_order_of_events_makes_the_fold_or_the_representation_panic(
        life in scenario(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
    ) {
        let life = life.play();
        let any_order = order.iter().map(|index| index.get(&life.events));
        let damaged = Payment::fold(std::iter::once(&life.events[0]).chain(any_order)).unwrap();
        for payment in life.payments().chain(std::iter::once(&damaged)) {
            let rendering = Rendering {
                payment_id: PaymentId::from_uuid(uuid::Uuid::nil()),
                payment,
                partition: Partition::new(15),
                position: u64::MAX,
                texts: &[],
            };
            let body = serde_json::to_value(rendering.body()).unwrap();
            prop_assert_eq!(&body["status"], payment.status().as_str());
            let _ = (rendering.ledger_entries(), sums(payment));
        }
    }
}

/// Properties that are only tried on dull lives prove nothing.
#[test]
fn the_random_lives_reach_every_event_type_status_and_kind_of_lateness() {
    let mut runner = TestRunner::deterministic();
    let (mut types, mut statuses, mut late) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..2_000 {
        let life = scenario().new_tree(&mut runner).unwrap().current().play();
        statuses.extend(life.payments().map(Payment::status));
        for event in &life.events {
            types.insert(event.event_type());
            if let EventBody::LateOutcome(outcome) = &event.body {
                late.insert((
                    outcome.verb,
                    outcome.outcome == LateOutcomeKind::Approved,
                    outcome.counted,
                ));
            }
        }
    }
    assert_eq!(types.into_iter().collect::<Vec<_>>(), EventType::ALL);
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), PaymentStatus::ALL);
    let expected = Verb::ALL.into_iter().flat_map(|verb| match verb {
        Verb::Authorize => vec![(verb, false, false), (verb, true, false)],
        Verb::Reverse => vec![(verb, false, false)],
        _ => vec![(verb, false, false), (verb, true, false), (verb, true, true)],
    });
    assert_eq!(late, expected.collect());
}
