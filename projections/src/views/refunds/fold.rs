//! The fold: a refund begins with its request event and ends with its outcome.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition};
use daybook_engine::payment::{Event, OperationStatus, Verb};

use super::RefundBody;
use crate::error::ViewError;
use crate::views::change::{Change, ChangeKind, Ended};
use crate::views::columns::Columns;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const REFUND: Table = Table {
    view: View::Refunds,
    name: "refund",
    key: Key::Id,
    identity: 1,
    payment: Some(2),
    columns: &[
        "partition",
        "operation_id",
        "payment_id",
        "merchant_id",
        "currency",
        "amount",
        "status",
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
        Kind::Integer,
        Kind::Text,
        Kind::Time,
        Kind::Time,
        Kind::Text,
        Kind::Text,
    ],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    pub partition: Partition,
    pub refund: RefundBody,
}

impl RefundRow {
    /// From the columns partition, operation_id, payment_id, merchant_id, currency, amount, status, requested_at,
    /// completed_at, acquirer_transaction_id, response_code.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let refund = RefundBody {
            operation_id: columns.operation_id(1)?,
            payment_id: columns.payment_id(2)?,
            merchant_id: columns.named(3)?,
            currency: columns.named(4)?,
            amount: columns.amount(5)?,
            status: columns.named(6)?,
            requested_at: columns.time(7)?,
            completed_at: columns.optional_time(8)?,
            acquirer_transaction_id: columns.optional_text(9)?,
            response_code: columns.optional_text(10)?,
        };
        Ok(Self { partition: columns.partition(0)?, refund })
    }
}

impl Row for RefundRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        let refund = &self.refund;
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::Id(refund.operation_id.uuid()),
            Cell::Id(refund.payment_id.uuid()),
            Cell::text(refund.merchant_id.as_str()),
            Cell::text(refund.currency.as_str()),
            Cell::Integer(refund.amount.minor()),
            Cell::text(refund.status.as_str()),
            Cell::time(refund.requested_at),
            refund.completed_at.map_or(Cell::Null, Cell::time),
            Cell::optional_text(refund.acquirer_transaction_id.as_deref()),
            Cell::optional_text(refund.response_code.as_deref()),
        ]
    }
}

#[derive(Debug, Default)]
pub struct RefundsFold {
    pub rows: BTreeMap<OperationId, RefundRow>,
}

impl RefundsFold {
    /// The refunds whose rows must be read first: those that don't begin here.
    #[must_use]
    pub fn known_before(batches: &[&[DecodedEvent]]) -> BTreeMap<OperationId, Partition> {
        let mut begun = BTreeSet::new();
        let mut before = BTreeMap::new();
        for (recorded, event) in batches.iter().copied().flatten() {
            let Ok(Some(change)) = of_refund(event) else { continue };
            if matches!(change.kind, ChangeKind::Begun { .. }) {
                begun.insert(change.operation_id);
            } else if !begun.contains(&change.operation_id) {
                before.insert(change.operation_id, recorded.partition);
            }
        }
        before
    }
}

fn of_refund(event: &Event) -> Result<Option<Change<'_>>, &'static str> {
    Ok(Change::of(event)?.filter(|change| change.verb == Verb::Refund))
}

impl Fold for RefundsFold {
    fn step(&mut self, (recorded, event): &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let Some(change) = of_refund(event)? else { return Ok(()) };
        let id = change.operation_id;
        if let ChangeKind::Begun { amount, .. } = change.kind {
            let refund = RefundBody {
                operation_id: id,
                payment_id: recorded.payment_id,
                merchant_id: event.header.merchant_id.clone(),
                currency: event.header.currency,
                amount,
                status: OperationStatus::Pending,
                requested_at: event.header.at,
                completed_at: None,
                acquirer_transaction_id: None,
                response_code: None,
            };
            self.rows.insert(id, RefundRow { partition: recorded.partition, refund });
            return Ok(());
        }
        let row = self.rows.get_mut(&id).ok_or_else(|| {
            Cow::Owned(format!("it is about refund {id}, which the view does not have"))
        })?;
        row.refund.change(change.kind, event.header.at);
        Ok(())
    }
}

impl RefundBody {
    fn change(&mut self, kind: ChangeKind<'_>, at: Timestamp) {
        match kind {
            ChangeKind::Unknown if self.status.is_open() => self.status = OperationStatus::Unknown,
            ChangeKind::Ended(ended) if self.status.is_open() => self.end(&ended, at),
            ChangeKind::Contradicted { counted: Some(ended), .. } => self.end(&ended, at),
            _ => {}
        }
    }

    fn end(&mut self, ended: &Ended<'_>, at: Timestamp) {
        self.status = ended.status;
        if ended.status == OperationStatus::Succeeded {
            self.amount = ended.settled;
        }
        self.acquirer_transaction_id = ended.acquirer.transaction_id.clone();
        self.response_code = ended.acquirer.response_code.clone();
        self.completed_at = Some(at);
    }
}
