use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::payment::EventType;
use crate::work::contract::{history, sample};
use crate::work::memory::MemoryWork;
use crate::work::{WorkBatch, WorkStore};

const START: i64 = 1_800_000_000_000;

fn fold() -> WorkFold {
    let limits = AcquirerLimits {
        call: Duration::from_millis(300),
        send_window: Duration::from_millis(7),
        processing: Duration::from_millis(11),
        key_lifetime: Duration::from_millis(13),
    };
    let waits = [Duration::from_millis(2_500), Duration::from_secs(9)];
    WorkFold::new(&limits, &InquirySchedule::new(&waits, Duration::MAX).expect("a schedule"))
}

/// What an event of this type does, its times relative to `at`.
fn effects(event_type: EventType) -> Vec<String> {
    let at = Timestamp::from_millis(START);
    let (recorded, _) = history(at).swap_remove(3);
    let event = sample(event_type, 77, at);
    let after = |time: Timestamp| time.millis() - START;
    let describe = |change| match change {
        WorkChange::Open(item) => {
            assert_eq!(item.payment_id, recorded.payment_id);
            assert_eq!((item.version, item.opened_at), (recorded.version, at));
            assert_eq!((Some(item.operation_id), item.attempts), (event.header.operation_id, 0));
            format!("open {} due +{}", item.verb.as_str(), after(item.due_at))
        }
        WorkChange::Inquire { operation_id, due_at, .. } => {
            assert_eq!(Some(operation_id), event.header.operation_id);
            format!("inquire due +{}", after(due_at))
        }
        WorkChange::Close { operation_id, .. } => {
            assert_eq!(Some(operation_id), event.header.operation_id);
            "close".to_owned()
        }
        WorkChange::Expiry(item) => format!("expiry +{}", after(item.due_at)),
        WorkChange::RetryExpiry(item) => format!("retry expiry +{}", after(item.due_at)),
    };
    fold().fold(&recorded, &event).map(describe).collect()
}

#[test]
fn every_event_type_changes_what_the_rules_say() {
    use EventType::*;
    let table: [(EventType, &[&str]); 17] = [
        // Sent until a second after it was requested, and waited for 300 ms more.
        (AuthorizationRequested, &["open authorize due +1300"]),
        (Authorized, &["close", "expiry +86400000"]),
        (Declined, &["close"]),
        (CaptureRequested, &["open capture due +0"]),
        (Captured, &["close", "retry expiry +0"]),
        (CaptureFailed, &["close", "retry expiry +0"]),
        (VoidRequested, &["open void due +0"]),
        (Voided, &["close", "retry expiry +0"]),
        (VoidFailed, &["close", "retry expiry +0"]),
        (RefundRequested, &["open refund due +0"]),
        (Refunded, &["close"]),
        (RefundFailed, &["close"]),
        (Expired, &[]),
        (OperationUnknown, &["inquire due +2500"]),
        (LateOutcome, &[]),
        (ReversalRequested, &["open reverse due +0"]),
        (Reversed, &["close"]),
    ];
    let expected: BTreeMap<_, _> = table.into_iter().collect();
    for event_type in EventType::ALL {
        assert_eq!(effects(*event_type), expected[event_type], "{event_type:?}");
    }
}

fn net(types: &[(u128, EventType)]) -> Vec<WorkChange> {
    let at = Timestamp::from_millis(START);
    let (recorded, _) = history(at).swap_remove(0);
    let mut batch = WorkBatch::default();
    for (operation, event_type) in types {
        batch.add(fold().fold(&recorded, &sample(*event_type, *operation, at)));
    }
    batch.into_changes()
}

#[test]
fn an_authorization_within_one_batch_leaves_its_expiry_only() {
    use EventType::*;
    let changes = net(&[(1, AuthorizationRequested), (1, Authorized)]);
    assert!(matches!(changes[..], [WorkChange::Expiry(_)]), "{changes:?}");
    let changes = net(&[(1, AuthorizationRequested), (1, OperationUnknown), (1, Declined)]);
    assert_eq!(changes, []);
}

#[test]
fn an_operation_unknown_within_its_batch_is_opened_for_inquiry() {
    use EventType::*;
    let changes = net(&[(1, CaptureRequested), (1, OperationUnknown)]);
    let [WorkChange::Open(item)] = changes[..] else { panic!("{changes:?}") };
    assert_eq!((item.due_at.millis() - START, item.attempts), (2_500, 1));
}

#[test]
fn an_operation_opened_earlier_is_closed_once() {
    use EventType::*;
    let changes = net(&[(1, OperationUnknown), (2, RefundRequested), (1, Refunded)]);
    let [WorkChange::Open(_), WorkChange::Close { operation_id, .. }] = changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(
        Some(operation_id),
        sample(Refunded, 1, Timestamp::from_millis(START)).header.operation_id
    );
}

#[test]
fn a_sale_captured_within_one_batch_keeps_its_expiry_time() {
    use EventType::*;
    let changes =
        net(&[(1, AuthorizationRequested), (1, Authorized), (2, CaptureRequested), (2, Captured)]);
    let [WorkChange::Expiry(item)] = changes[..] else { panic!("{changes:?}") };
    assert_eq!(item.due_at.millis() - START, 86_400_000);
}

/// Folds the history in batches that end at `ends`.
fn folded(ends: &[usize]) -> MemoryWork {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let start = Timestamp::from_millis(START);
    let store = MemoryWork::new(ManualClock::at(start));
    let events = history(start);
    let mut batch = WorkBatch::default();
    for (index, (recorded, event)) in events.iter().enumerate() {
        batch.add(fold().fold(recorded, event));
        if ends.contains(&index) || index + 1 == events.len() {
            let changes = std::mem::take(&mut batch).into_changes();
            assert!(runtime.block_on(store.apply(&changes, &[])).expect("the store answers"));
        }
    }
    store
}

proptest! {
    #[test]
    fn netting_changes_nothing_but_the_writes(ends in prop::collection::vec(0_usize..30, 0..30)) {
        let (one_by_one, batched) = (folded(&(0..30).collect::<Vec<_>>()), folded(&ends));
        prop_assert_eq!(one_by_one.items(), batched.items());
        prop_assert_eq!(one_by_one.expiries(), batched.expiries());
    }
}
