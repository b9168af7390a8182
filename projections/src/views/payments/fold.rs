//! The fold: exactly [`Payment::evolve`], with the order of versions checked.

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_engine::ids::{Partition, PaymentId};
use daybook_engine::payment::Payment;

use crate::error::ViewError;
use crate::views::columns::Columns;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const PAYMENT: Table = Table {
    view: View::Payments,
    name: "payment",
    key: Key::Id,
    identity: 1,
    payment: Some(1),
    columns: &[
        "partition",
        "payment_id",
        "version",
        "position",
        "merchant_id",
        "status",
        "currency",
        "amount",
        "amount_authorized",
        "amount_captured",
        "amount_refunded",
        "created_at",
        "updated_at",
        "state",
    ],
    kinds: &[
        Kind::Integer,
        Kind::Id,
        Kind::Integer,
        Kind::Integer,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
        Kind::Time,
        Kind::Time,
        Kind::Text,
    ],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    pub partition: Partition,
    pub payment_id: PaymentId,
    /// Of the last event folded in.
    pub position: u64,
    pub payment: Payment,
}

impl PaymentRow {
    /// From the columns partition, payment_id, position, state.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let payment: Payment =
            serde_json::from_str(columns.text(3)?).map_err(|error| columns.damaged(3, &error))?;
        Ok(Self {
            partition: columns.partition(0)?,
            payment_id: columns.payment_id(1)?,
            position: columns.count(2)?,
            payment,
        })
    }
}

impl Row for PaymentRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        let payment = &self.payment;
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::Id(self.payment_id.uuid()),
            Cell::Integer(payment.version.into()),
            Cell::count(self.position),
            Cell::text(payment.merchant_id.as_str()),
            Cell::text(payment.status().as_str()),
            Cell::text(payment.currency.as_str()),
            Cell::Integer(payment.amount.minor()),
            Cell::Integer(payment.amount_authorized().minor()),
            Cell::Integer(payment.amount_captured().minor()),
            Cell::Integer(payment.amount_refunded().minor()),
            Cell::time(payment.created_at),
            Cell::time(payment.updated_at),
            // A payment is strings, integers and lists of them, so JSON can always hold it.
            Cell::Text(Cow::Owned(serde_json::to_string(payment).unwrap_or_default())),
        ]
    }
}

#[derive(Debug, Default)]
pub struct PaymentsFold {
    pub rows: BTreeMap<PaymentId, PaymentRow>,
}

impl PaymentsFold {
    /// The payments whose rows must be read first: those whose first event here is not their first.
    #[must_use]
    pub fn known_before(batches: &[&[DecodedEvent]]) -> BTreeMap<PaymentId, Partition> {
        let mut first_seen = BTreeMap::new();
        for (recorded, _) in batches.iter().copied().flatten() {
            first_seen.entry(recorded.payment_id).or_insert((recorded.partition, recorded.version));
        }
        first_seen
            .into_iter()
            .filter(|(_, (_, version))| *version != 1)
            .map(|(payment_id, (partition, _))| (payment_id, partition))
            .collect()
    }
}

impl Fold for PaymentsFold {
    fn step(&mut self, (recorded, event): &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let found = self.rows.remove(&recorded.payment_id);
        let version = found.as_ref().map_or(0, |row| row.payment.version);
        if version.checked_add(1) != Some(recorded.version) {
            return Err(Cow::Owned(format!(
                "it is version {} of payment {}, and the view has version {version}",
                recorded.version, recorded.payment_id
            )));
        }
        let payment = match found {
            Some(row) => row.payment.evolve(event),
            None => Payment::begin_with(event)
                .ok_or("the payment's first event requests no authorization")?,
        };
        let row = PaymentRow {
            partition: recorded.partition,
            payment_id: recorded.payment_id,
            position: recorded.position,
            payment,
        };
        self.rows.insert(recorded.payment_id, row);
        Ok(())
    }
}
