//! However history is cut into batches, the rows are the same, and they are what the payments say.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::Recorded;
use daybook_engine::payment::{Event, Payment, Verb};
use daybook_projections::PageQuery;
use daybook_projections::views::{Applied, ViewCursors};
use daybook_projections::views::{balances, operations, payments, refunds, settlements};
use proptest::prelude::{ProptestConfig, any, proptest};

use crate::book::{Book, PARTITIONS};
use crate::history::{Deed, History, deeds};
use crate::tables::{Desk, Store, Views, batch, decoded};

/// Applies the history in batches of the given sizes, one or more partitions at a time.
async fn apply_in_cuts(views: &dyn Views, history: &History, cuts: &[u8]) {
    let mut left: Vec<Vec<Recorded>> =
        Partition::all(PARTITIONS).map(|partition| history.of_partition(partition)).collect();
    let mut cursors = vec![ViewCursors::default(); left.len()];
    let mut sizes = cuts.iter().copied().chain(std::iter::repeat(5));
    while left.iter().any(|events| !events.is_empty()) {
        let mut batches = Vec::new();
        for (events, cursors) in left.iter_mut().zip(&mut cursors) {
            let size = usize::from(sizes.next().unwrap() % 8).min(events.len());
            if size > 0 {
                let next = batch(*cursors, &events.drain(..size).collect::<Vec<_>>());
                *cursors = next.end();
                batches.push(next);
            }
        }
        assert_eq!(views.apply(&batches).await.unwrap(), Applied::Moved);
    }
}

/// Settlement sums and account sums, straight from the events.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    settlements: BTreeMap<(String, String, String), [i64; 5]>,
    accounts: BTreeMap<(String, String, String), [i64; 2]>,
}

impl Sums {
    fn of(events: &[(Recorded, Event)]) -> Self {
        let mut sums = Self::default();
        for (recorded, event) in events {
            let Some(journal) = event.journal() else { continue };
            let data: serde_json::Value = serde_json::from_str(&recorded.data).unwrap();
            let text = |name: &str| data[name].as_str().unwrap().to_owned();
            let (merchant, currency) = (text("merchantId"), text("currency"));
            for posting in journal.postings() {
                let account = posting.account.as_str().to_owned();
                let key = (merchant.clone(), currency.clone(), account);
                let side = usize::from(posting.side.as_str() == "credit");
                sums.accounts.entry(key).or_default()[side] += posting.amount.minor();
            }
            let is_refund = event.event_type().as_str() == "payment.refunded"
                || data["verb"].as_str() == Some("refund");
            let day = sums.settlements.entry((merchant, currency, text("settlementDate")));
            let day = day.or_default();
            day[usize::from(is_refund)] += 1;
            day[2 + usize::from(is_refund)] += data["amount"].as_i64().unwrap();
            day[4] += data["fee"].as_i64().unwrap_or(0);
        }
        sums
    }

    async fn read(views: &dyn Views) -> Self {
        let query = PageQuery::of(&settlements::LIST);
        let settlements = views.settlements(&query).await.unwrap().items.into_iter().map(|s| {
            assert_eq!(s.net_amount, s.gross_amount - s.refund_amount - s.fee_amount, "{s:?}");
            let sums =
                [s.capture_count, s.refund_count, s.gross_amount, s.refund_amount, s.fee_amount];
            ((s.merchant_id.to_string(), s.currency.to_string(), s.date.to_string()), sums)
        });
        let accounts =
            views.balances(&PageQuery::of(&balances::LIST)).await.unwrap().items.into_iter().map(
                |b| {
                    let key =
                        (b.merchant_id.to_string(), b.currency.to_string(), b.account.as_str());
                    ((key.0, key.1, key.2.to_owned()), [b.debits, b.credits])
                },
            );
        Self { settlements: settlements.collect(), accounts: accounts.collect() }
    }
}

async fn assert_rows_are_what_payments_say(views: &dyn Views, history: &History) {
    let mut by_payment: BTreeMap<_, Vec<Recorded>> = BTreeMap::new();
    for recorded in &history.recorded {
        by_payment.entry(recorded.payment_id).or_default().push(recorded.clone());
    }
    let listed = views.payments(&PageQuery::of(&payments::LIST)).await.unwrap().items;
    let operations = views.operations(&PageQuery::of(&operations::LIST)).await.unwrap();
    assert_eq!(operations.next, None, "the history is too long for this test");
    let refunds = views.refunds(&PageQuery::of(&refunds::LIST)).await.unwrap().items;
    assert_eq!(listed.len(), by_payment.len());
    let (mut operation_count, mut refund_count) = (0, 0);
    for (payment_id, recorded) in by_payment {
        let events = decoded(&recorded);
        let payment = Payment::fold(events.iter().map(|(_, event)| event)).unwrap();
        let row = listed.iter().find(|row| row.payment_id == payment_id).unwrap();
        assert_eq!(row.payment, payment);
        assert_eq!(row.position, recorded.last().unwrap().position);
        for operation in &payment.operations {
            operation_count += 1;
            let row = operations.items.iter().find(|row| row.operation_id == operation.id);
            let row = row.unwrap_or_else(|| panic!("{operation:?} has no row"));
            assert_eq!(row.payment_id, payment_id);
            assert_eq!((row.verb, row.status), (operation.verb, operation.status));
            assert_eq!((row.amount, row.amount_settled), (operation.amount, operation.settled));
            assert_eq!((row.late, row.requested_at), (operation.late, operation.created_at));
            assert_eq!(row.completed_at, operation.completed_at);
            assert_eq!(row.acquirer_transaction_id, operation.acquirer.transaction_id);
            assert_eq!(row.response_code, operation.acquirer.response_code);
            let key = operation.request.as_ref().and_then(|request| request.key.clone());
            assert_eq!(row.idempotency_key, key.map(Into::into));
            if operation.verb != Verb::Refund {
                continue;
            }
            refund_count += 1;
            let row = refunds.iter().find(|row| row.operation_id == operation.id).unwrap();
            let settled = operation.settled;
            let amount = if settled.is_zero() { operation.amount } else { settled };
            assert_eq!((row.amount, row.status), (amount, operation.status));
            assert_eq!(row.completed_at, operation.completed_at);
            assert_eq!(row.acquirer_transaction_id, operation.acquirer.transaction_id);
        }
    }
    assert_eq!((operations.items.len(), refunds.len()), (operation_count, refund_count));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

async fn rows_do_not_depend_on_how_history_is_cut(store: Store, deeds: &[Deed], cuts: &[u8]) {
    let history = History::of(deeds);
    let (whole, cut) = (Desk::open(store).await, Desk::open(store).await);
    let book = Arc::new(Book::of(&history.recorded));
    whole.catch_up(&book).await;
    apply_in_cuts(cut.views.as_ref(), &history, cuts).await;
    assert_eq!(whole.dump().await, cut.dump().await);
}

async fn rows_are_what_the_payments_and_their_journal_say(store: Store, deeds: &[Deed]) {
    let history = History::of(deeds);
    let desk = Desk::open(store).await;
    let book = Arc::new(Book::of(&history.recorded));
    desk.catch_up(&book).await;
    assert_rows_are_what_payments_say(desk.views.as_ref(), &history).await;
    let found = Sums::read(desk.views.as_ref()).await;
    assert_eq!(found, Sums::of(&decoded(&history.recorded)));
    let differences = desk.differences(&book).await;
    assert!(differences.is_empty(), "verify finds {differences:#?}");
}

/// The same properties on each store, with as many histories as the store is quick.
macro_rules! properties {
    ($name:ident, $store:expr, $cases:literal) => {
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { cases: $cases, ..ProptestConfig::default() })]

                #[test]
                fn rows_do_not_depend_on_how_history_is_cut(
                    deeds in deeds(120),
                    cuts in proptest::collection::vec(any::<u8>(), 0..40),
                ) {
                    block_on(super::rows_do_not_depend_on_how_history_is_cut($store, &deeds, &cuts));
                }

                #[test]
                fn rows_are_what_the_payments_and_their_journal_say(deeds in deeds(120)) {
                    block_on(super::rows_are_what_the_payments_and_their_journal_say($store, &deeds));
                }
            }
        }
    };
}

properties!(sqlite, Store::Sqlite, 48);
properties!(postgres, Store::Postgres, 6);
