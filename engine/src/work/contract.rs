//! What every work store promises, as tests: one list of cases, the same on each store.

mod claims;
mod cursors;
mod expiries;
mod history;

pub use history::{history, sample};

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Claim, ExpiryItem, WorkChange, WorkItem, WorkStore};
use crate::clock::Timestamp;
use crate::cursor::Cursor;
use crate::ids::{EventId, OperationId, Partition, PaymentId};
use crate::payment::Verb;

/// A store under test, with the clock that it goes by.
#[async_trait]
pub trait Fixture: Send {
    fn store(&self) -> Arc<dyn WorkStore>;

    /// Another store of this kind on the same clock, with no rows yet.
    async fn empty(&self) -> Arc<dyn WorkStore>;

    /// What the store's clock says.
    async fn now(&self) -> Timestamp;

    /// Moves the store's clock on.
    async fn advance(&self, by: Duration);

    /// Opens the store again, as a restarted process does; `false` where it keeps nothing.
    async fn reopen(&mut self) -> bool;
}

/// The number of partitions that a fixture's stores have at least.
pub const PARTITIONS: u16 = 2;

/// A test of a fixture.
pub type CaseRun = for<'a> fn(&'a mut dyn Fixture) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs one case of [`CASES`].
///
/// # Panics
/// When the store breaks the promise, or there is no such case.
pub async fn run(name: &str, fixture: &mut dyn Fixture) {
    let case = CASES.iter().find(|(known, _)| *known == name);
    let (_, run) = case.unwrap_or_else(|| panic!("there is no case {name}"));
    run(fixture).await;
}

/// Writes down the cases once: as [`CASES`], and as the macro that makes a test of each.
macro_rules! cases {
    ($dollar:tt $($module:ident: $($case:ident)+;)+) => {
        /// Every case by name.
        pub const CASES: &[(&str, CaseRun)] =
            &[$($((stringify!($case), |fixture| Box::pin($module::$case(fixture))),)+)+];

        /// Makes one test of each case: after `work_contract!(sqlite, in_sqlite)` they are
        /// `sqlite::…`, and `sqlite::CASES` are their names. `in_sqlite` is an async function here
        /// that returns a [`Fixture`](crate::work::contract::Fixture).
        #[macro_export]
        macro_rules! work_contract {
            ($dollar store:ident, $dollar open:ident) => {
                mod $dollar store {
                    pub(crate) const CASES: &[&str] = &[$($(stringify!($case),)+)+];

                    $($(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $case() {
                            let mut fixture = super::$dollar open().await;
                            let case = stringify!($case);
                            $dollar crate::work::contract::run(case, &mut fixture).await;
                        }
                    )+)+
                }
            };
        }
    };
}

cases! { $
    cursors:
        rows_and_cursor_move_together
        a_zombie_is_refused_and_changes_nothing
        a_cursor_is_compared_by_its_event_too
        what_is_written_survives_reopening
        a_rebuilt_store_holds_the_same_items
        rows_are_counted_by_kind;
    claims:
        an_operation_opened_twice_is_one_row
        closing_takes_item_and_claim
        two_claimers_never_hold_the_same_payment
        operations_of_a_payment_go_in_order_of_version
        a_later_operation_waits_behind_one_that_is_not_due
        what_is_due_longest_is_claimed_first
        a_claim_that_ran_out_is_taken_over
        putting_back_counts_the_attempt_and_delays
        a_flag_stays
        what_waits_behind_a_flagged_operation_is_flagged_when_it_is_as_old
        an_inquiry_has_its_own_due_time_and_leaves_the_claim_to_its_holder
        a_claim_is_released_by_its_holder_alone
        a_released_operation_waits_for_the_fold_of_its_unknown_outcome
        partitions_not_asked_for_are_not_touched;
    expiries:
        expiries_come_due_in_order
        a_settled_expiry_is_gone
        a_refused_expiry_is_due_again_when_its_operation_ends
        a_refusal_whose_operation_has_ended_is_due_again_in_a_moment
        an_expiry_settled_by_another_does_not_come_back
        a_retry_without_a_refusal_does_nothing;
}

const P0: Partition = Partition::new(0);
const P1: Partition = Partition::new(1);
/// Longer than a case takes, so that a store whose clock runs by itself keeps these promises too.
const MINUTE: Duration = Duration::from_secs(60);
const MINUTE_MS: i64 = 60_000;
const HOLD: Duration = Duration::from_secs(600);
const HOLD_MS: i64 = 600_000;

fn payment(number: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x70 << 120 | number))
}

fn operation(number: u128) -> OperationId {
    OperationId::from_uuid(Uuid::from_u128(0x0b << 120 | number))
}

fn cursor(position: u64) -> Cursor {
    let event_id = EventId::from_uuid(Uuid::from_u128(0xe << 120 | u128::from(position)));
    Cursor { position, event_id: Some(event_id) }
}

/// An open capture of payment `number`, whose operation has the number 1,000 × payment + version.
fn item(number: u128, version: u32, due_at: Timestamp) -> WorkItem {
    WorkItem {
        partition: P0,
        payment_id: payment(number),
        operation_id: operation(number * 1_000 + u128::from(version)),
        verb: Verb::Capture,
        version,
        due_at,
        attempts: 0,
        opened_at: due_at,
        flagged: false,
    }
}

fn close(item: &WorkItem) -> WorkChange {
    let WorkItem { partition, payment_id, operation_id, .. } = *item;
    WorkChange::Close { partition, payment_id, operation_id }
}

fn expiry(number: u128, due_at: Timestamp) -> ExpiryItem {
    ExpiryItem { partition: P0, payment_id: payment(number), due_at }
}

async fn apply(store: &dyn WorkStore, changes: &[WorkChange]) {
    assert!(store.apply(changes, &[]).await.expect("changes are applied"), "{changes:?}");
}

async fn open(store: &dyn WorkStore, items: &[WorkItem]) {
    let changes: Vec<_> = items.iter().copied().map(WorkChange::Open).collect();
    apply(store, &changes).await;
}

async fn claim(store: &dyn WorkStore) -> Vec<Claim> {
    store.claim(&[P0, P1], HOLD, 100).await.expect("operations are claimed")
}

async fn claim_one(store: &dyn WorkStore) -> Claim {
    let claims = claim(store).await;
    let [claim] = claims[..] else { panic!("one claim was expected: {claims:?}") };
    claim
}

async fn put_back(store: &dyn WorkStore, claim: &Claim, delay: Duration, flagged: bool) {
    let opened_at = claim.item.opened_at;
    let flagged_since = if flagged { opened_at } else { opened_at.plus_millis(-1) };
    store.put_back(claim, delay, flagged_since).await.expect("a claim is put back");
}

async fn due_expiries(store: &dyn WorkStore) -> Vec<ExpiryItem> {
    store.due_expiries(&[P0, P1], 100).await.expect("expiries are read")
}

/// Every open item in the order in which workers get them, each closed as soon as it is claimed;
/// the clock must stand behind all due times.
async fn drain(store: &dyn WorkStore) -> Vec<WorkItem> {
    let mut items = Vec::new();
    while items.len() < 1_000 {
        let claims = claim(store).await;
        if claims.is_empty() {
            break;
        }
        let closed: Vec<_> = claims.iter().map(|claim| close(&claim.item)).collect();
        apply(store, &closed).await;
        items.extend(claims.iter().map(|claim| claim.item));
    }
    items
}
