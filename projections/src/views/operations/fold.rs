//! The fold: an operation begins with its request event and ends with its outcome.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::money::Amount;
use daybook_engine::payment::{LateOutcomeKind, OperationStatus};

use super::OperationBody;
use crate::error::ViewError;
use crate::views::change::{Change, ChangeKind, Ended};
use crate::views::columns::Columns;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const OPERATION: Table = Table {
    view: View::Operations,
    name: "operation",
    key: Key::Id,
    identity: 1,
    payment: Some(2),
    columns: &[
        "partition",
        "operation_id",
        "payment_id",
        "merchant_id",
        "currency",
        "verb",
        "amount",
        "amount_settled",
        "status",
        "late",
        "idempotency_key",
        "requested_at",
        "completed_at",
        "acquirer_transaction_id",
        "response_code",
    ],
    kinds: &[
        Kind::Integer,
        Kind::Id,
        Kind::Id,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Integer,
        Kind::Integer,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Time,
        Kind::Time,
        Kind::Text,
        Kind::Text,
    ],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    pub partition: Partition,
    pub operation: OperationBody,
}

impl OperationRow {
    /// From the columns partition, operation_id, payment_id, merchant_id, currency, verb, amount, amount_settled,
    /// status, late, idempotency_key, requested_at, completed_at, acquirer_transaction_id, response_code.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let operation = OperationBody {
            operation_id: columns.operation_id(1)?,
            payment_id: columns.payment_id(2)?,
            merchant_id: columns.named(3)?,
            currency: columns.named(4)?,
            verb: columns.named(5)?,
            amount: columns.amount(6)?,
            amount_settled: columns.amount(7)?,
            status: columns.named(8)?,
            late: columns.optionally_named(9)?,
            idempotency_key: columns.optional_text(10)?,
            requested_at: columns.time(11)?,
            completed_at: columns.optional_time(12)?,
            acquirer_transaction_id: columns.optional_text(13)?,
            response_code: columns.optional_text(14)?,
        };
        Ok(Self { partition: columns.partition(0)?, operation })
    }
}

impl Row for OperationRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        let operation = &self.operation;
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::Id(operation.operation_id.uuid()),
            Cell::Id(operation.payment_id.uuid()),
            Cell::text(operation.merchant_id.as_str()),
            Cell::text(operation.currency.as_str()),
            Cell::text(operation.verb.as_str()),
            Cell::Integer(operation.amount.minor()),
            Cell::Integer(operation.amount_settled.minor()),
            Cell::text(operation.status.as_str()),
            Cell::optional_text(operation.late.map(LateOutcomeKind::as_str)),
            Cell::optional_text(operation.idempotency_key.as_deref()),
            Cell::time(operation.requested_at),
            operation.completed_at.map_or(Cell::Null, Cell::time),
            Cell::optional_text(operation.acquirer_transaction_id.as_deref()),
            Cell::optional_text(operation.response_code.as_deref()),
        ]
    }
}

#[derive(Debug, Default)]
pub struct OperationsFold {
    pub rows: BTreeMap<OperationId, OperationRow>,
}

impl OperationsFold {
    /// The operations whose rows must be read first: those that don't begin here.
    #[must_use]
    pub fn known_before(batches: &[&[DecodedEvent]]) -> BTreeMap<OperationId, Partition> {
        let mut begun = BTreeSet::new();
        let mut before = BTreeMap::new();
        for (recorded, event) in batches.iter().copied().flatten() {
            let Ok(Some(change)) = Change::of(event) else { continue };
            if matches!(change.kind, ChangeKind::Begun { .. }) {
                begun.insert(change.operation_id);
            } else if !begun.contains(&change.operation_id) {
                before.insert(change.operation_id, recorded.partition);
            }
        }
        before
    }
}

impl Fold for OperationsFold {
    fn step(&mut self, (recorded, event): &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let Some(change) = Change::of(event)? else { return Ok(()) };
        let id = change.operation_id;
        if let ChangeKind::Begun { amount, request } = change.kind {
            let operation = OperationBody {
                operation_id: id,
                payment_id: recorded.payment_id,
                merchant_id: event.header.merchant_id.clone(),
                currency: event.header.currency,
                verb: change.verb,
                amount,
                amount_settled: Amount::ZERO,
                status: OperationStatus::Pending,
                late: None,
                idempotency_key: request.and_then(|r| r.key.clone()).map(Into::into),
                requested_at: event.header.at,
                completed_at: None,
                acquirer_transaction_id: None,
                response_code: None,
            };
            self.rows.insert(id, OperationRow { partition: recorded.partition, operation });
            return Ok(());
        }
        let row = self.rows.get_mut(&id).ok_or_else(|| {
            Cow::Owned(format!("it is about operation {id}, which the view does not have"))
        })?;
        row.operation.change(change.kind, event.header.at);
        Ok(())
    }
}

impl OperationBody {
    fn change(&mut self, kind: ChangeKind<'_>, at: Timestamp) {
        match kind {
            ChangeKind::Unknown if self.status.is_open() => self.status = OperationStatus::Unknown,
            ChangeKind::Ended(ended) if self.status.is_open() => self.end(&ended, at),
            ChangeKind::Contradicted { late, counted } => {
                self.late = Some(late);
                if let Some(ended) = counted {
                    self.end(&ended, at);
                }
            }
            ChangeKind::Begun { .. } | ChangeKind::Unknown | ChangeKind::Ended(_) => {}
        }
    }

    fn end(&mut self, ended: &Ended<'_>, at: Timestamp) {
        self.status = ended.status;
        self.amount_settled = ended.settled;
        self.acquirer_transaction_id = ended.acquirer.transaction_id.clone();
        self.response_code = ended.acquirer.response_code.clone();
        self.completed_at = Some(at);
    }
}
