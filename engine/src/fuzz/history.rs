//! A payment's events as they might stand in a ledger, one a line: its type, a space and its data.

use std::time::Duration;

use uuid::Uuid;

use crate::acquirer::AcquirerLimits;
use crate::engine::{PaymentView, Snapshot};
use crate::ids::{EventId, Partition, PaymentId};
use crate::ledger::Recorded;
use crate::payment::{Event, Payment, decode};
use crate::verify::check_event;
use crate::work::{InquirySchedule, WorkBatch, WorkFold};

/// The events that the input holds, up to the first line that is none: of one payment, in the first
/// partition.
#[must_use]
pub fn events_in(input: &[u8]) -> Vec<(Recorded, Event)> {
    let text = std::str::from_utf8(input).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let events = lines.map_while(|(event_type, data)| decode(event_type, data).ok());
    (1_u32..).zip(events).map(|(version, event)| (recorded(&event, version), event)).collect()
}

/// # Panics
/// Where folding, checking, showing or working on a history fails that the codec has taken, or where
/// amounts pass their bounds though the check of the ledger found nothing wrong.
pub fn history(input: &[u8]) {
    let events = events_in(input);
    work_on(&events);
    let (mut payment, mut is_sound) = (None::<Payment>, true);
    for (_, event) in &events {
        is_sound &= check_event(payment.as_ref(), event).is_empty();
        payment = match payment {
            Some(payment) => Some(payment.evolve(event)),
            None => Payment::begin_with(event),
        };
        let Some(payment) = &payment else { return };
        show(payment);
        if is_sound {
            check_bounds(payment);
        }
    }
}

fn check_bounds(payment: &Payment) {
    let taken = payment.amount_captured().plus(payment.amount_capture_pending());
    assert!(taken <= payment.amount_authorized(), "captured and pending: {payment:?}");
    let returned = payment.amount_refunded().plus(payment.amount_refund_pending());
    assert!(returned <= payment.amount_captured(), "refunded and pending: {payment:?}");
}

fn show(payment: &Payment) {
    let snapshot = Snapshot {
        payment_id: PaymentId::from_uuid(Uuid::nil()),
        partition: Partition::new(0),
        position: u64::from(payment.version),
        payment: payment.clone(),
    };
    let view = PaymentView { snapshot: snapshot.into(), texts: Vec::new() };
    let rendering = view.rendering();
    serde_json::to_string(&rendering.body()).expect("a payment can be shown");
    serde_json::to_string(&rendering.ledger_entries()).expect("its entries can be shown");
    let row = serde_json::to_string(payment).expect("a view can keep it");
    let kept: Payment = serde_json::from_str(&row).expect("a view can read it again");
    assert_eq!(kept, *payment, "a view keeps it whole");
}

fn work_on(events: &[(Recorded, Event)]) {
    let limits = AcquirerLimits {
        call: Duration::MAX,
        send_window: Duration::MAX,
        processing: Duration::MAX,
        key_lifetime: Duration::MAX,
    };
    let fold = WorkFold::new(&limits, &InquirySchedule::default());
    let mut batch = WorkBatch::default();
    for (recorded, event) in events {
        batch.add(fold.fold(recorded, event));
    }
    assert!(batch.into_changes().len() <= events.len().saturating_mul(2), "two rows an event");
}

/// As the ledger would hold it.
fn recorded(event: &Event, version: u32) -> Recorded {
    Recorded {
        partition: Partition::new(0),
        position: u64::from(version),
        payment_id: PaymentId::from_uuid(Uuid::nil()),
        version,
        event_id: EventId::from_uuid(Uuid::from_u128(u128::from(version))),
        event_type: event.event_type().as_str().into(),
        data: "".into(),
        traceparent: None,
        recorded_at: event.header.at,
    }
}
