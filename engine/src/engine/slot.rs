//! One place a payment in this process: its commands take turns, and who waits for it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::futures::Notified;
use tokio::sync::{MutexGuard, Notify};

use crate::ids::PaymentId;

#[derive(Debug, Default)]
struct Slot {
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

/// The payments that something in this process is busy with, and no others.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    busy: Arc<Mutex<HashMap<PaymentId, Arc<Slot>>>>,
}

/// A hold on a payment's place; it is cleared away with the last one.
#[derive(Debug)]
pub(super) struct SlotHold {
    slots: Slots,
    id: PaymentId,
    /// `None` only while it is dropped.
    slot: Option<Arc<Slot>>,
}

impl Slots {
    pub(super) fn hold(&self, id: PaymentId) -> SlotHold {
        let slot = Arc::clone(self.lock().entry(id).or_default());
        SlotHold { slots: self.clone(), id, slot: Some(slot) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PaymentId, Arc<Slot>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlotHold {
    fn slot(&self) -> &Slot {
        self.slot.as_deref().expect("a hold has its slot until it is dropped")
    }

    /// Waits until no other command of this process is deciding on the payment.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.slot().turn.lock().await
    }

    /// A future that ends at the next [`SlotHold::announce`] after it was enabled.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.slot().changed.notified()
    }

    /// Tells everyone who waits that the payment has a new event.
    pub(super) fn announce(&self) {
        self.slot().changed.notify_waiters();
    }
}

impl Drop for SlotHold {
    fn drop(&mut self) {
        let mut busy = self.slots.lock();
        // Given up under the lock, so that of two holds ending at once one sees that it is the last.
        drop(self.slot.take());
        if busy.get(&self.id).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            busy.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_place_is_cleared_away_with_its_last_hold() {
        let slots = Slots::default();
        let id = PaymentId::from_uuid(Uuid::from_u128(1));
        let first = slots.hold(id);
        let second = slots.hold(id);
        drop(first);
        assert_eq!(slots.lock().len(), 1);
        drop(second);
        assert_eq!(slots.lock().len(), 0);
    }

    #[tokio::test]
    async fn commands_of_one_payment_take_turns() {
        let slots = Slots::default();
        let hold = slots.hold(PaymentId::from_uuid(Uuid::from_u128(1)));
        let other = slots.hold(PaymentId::from_uuid(Uuid::from_u128(1)));
        let turn = hold.turn().await;
        assert!(other.slot().turn.try_lock().is_err(), "two commands decided at once");
        drop(turn);
        drop(other.turn().await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn holds_that_end_at_once_leave_no_place_behind() {
        let slots = Slots::default();
        for number in 0..20_000 {
            let id = PaymentId::from_uuid(Uuid::from_u128(number));
            let (one, other) = (slots.hold(id), slots.hold(id));
            let ending = tokio::spawn(async move { drop(one) });
            drop(other);
            ending.await.unwrap();
        }
        assert_eq!(slots.lock().len(), 0);
    }
}
