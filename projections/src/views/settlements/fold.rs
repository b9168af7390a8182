//! The fold: every posted capture and refund is a line, and adds to its day's totals.

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_engine::clock::Date;
use daybook_engine::ids::Partition;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{EventBody, Verb};

use super::{LineKind, SettlementLineBody};
use crate::error::ViewError;
use crate::views::columns::Columns;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const SETTLEMENT: Table = Table {
    view: View::Settlements,
    name: "settlement",
    key: Key::Group,
    identity: 3,
    payment: None,
    columns: &[
        "partition",
        "merchant_id",
        "currency",
        "date",
        "capture_count",
        "refund_count",
        "gross_amount",
        "refund_amount",
        "fee_amount",
    ],
    kinds: &[
        Kind::Integer,
        Kind::Text,
        Kind::Text,
        Kind::Date,
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
    ],
};

pub const SETTLEMENT_LINE: Table = Table {
    view: View::Settlements,
    name: "settlement_line",
    key: Key::Position,
    identity: 1,
    payment: Some(2),
    columns: &[
        "partition",
        "position",
        "payment_id",
        "operation_id",
        "merchant_id",
        "currency",
        "date",
        "at",
        "kind",
        "amount",
        "fee",
    ],
    kinds: &[
        Kind::Integer,
        Kind::Integer,
        Kind::Id,
        Kind::Id,
        Kind::Text,
        Kind::Text,
        Kind::Date,
        Kind::Time,
        Kind::Text,
        Kind::Integer,
        Kind::Integer,
    ],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementLineRow {
    pub partition: Partition,
    pub position: u64,
    pub line: SettlementLineBody,
}

impl SettlementLineRow {
    /// From the columns partition, position, payment_id, operation_id, merchant_id, currency, date, at, kind, amount,
    /// fee.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let line = SettlementLineBody {
            payment_id: columns.payment_id(2)?,
            operation_id: columns.operation_id(3)?,
            merchant_id: columns.named(4)?,
            currency: columns.named(5)?,
            date: columns.named(6)?,
            at: columns.time(7)?,
            kind: columns.named(8)?,
            amount: columns.amount(9)?,
            fee: columns.amount(10)?,
        };
        Ok(Self { partition: columns.partition(0)?, position: columns.count(1)?, line })
    }
}

impl Row for SettlementLineRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        let line = &self.line;
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::count(self.position),
            Cell::Id(line.payment_id.uuid()),
            Cell::Id(line.operation_id.uuid()),
            Cell::text(line.merchant_id.as_str()),
            Cell::text(line.currency.as_str()),
            Cell::Text(Cow::Owned(line.date.to_string())),
            Cell::time(line.at),
            Cell::text(line.kind.as_str()),
            Cell::Integer(line.amount.minor()),
            Cell::Integer(line.fee.minor()),
        ]
    }
}

/// Totals of one partition: in a batch what it adds, in the table everything so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementRow {
    pub partition: Partition,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub date: Date,
    pub captures: i64,
    pub refunds: i64,
    pub gross: i64,
    pub refunded: i64,
    pub fees: i64,
}

impl Row for SettlementRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::text(self.merchant_id.as_str()),
            Cell::text(self.currency.as_str()),
            Cell::Text(Cow::Owned(self.date.to_string())),
            Cell::Integer(self.captures),
            Cell::Integer(self.refunds),
            Cell::Integer(self.gross),
            Cell::Integer(self.refunded),
            Cell::Integer(self.fees),
        ]
    }
}

impl SettlementRow {
    fn add(&mut self, line: &SettlementLineBody) -> Option<()> {
        let (count, sum) = match line.kind {
            LineKind::Capture => (&mut self.captures, &mut self.gross),
            LineKind::Refund => (&mut self.refunds, &mut self.refunded),
        };
        *count = count.checked_add(1)?;
        *sum = sum.checked_add(line.amount.minor())?;
        self.fees = self.fees.checked_add(line.fee.minor())?;
        Some(())
    }
}

type SettlementKey = (Partition, MerchantId, Currency, Date);

#[derive(Debug, Default)]
pub struct SettlementsFold {
    pub totals: BTreeMap<SettlementKey, SettlementRow>,
    pub lines: Vec<SettlementLineRow>,
}

impl Fold for SettlementsFold {
    fn step(&mut self, event: &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let Some(line) = line_of(event)? else { return Ok(()) };
        let (partition, position) = (event.0.partition, event.0.position);
        let (merchant_id, currency, date) = (line.merchant_id.clone(), line.currency, line.date);
        let key = (partition, merchant_id.clone(), currency, date);
        let totals = self.totals.entry(key).or_insert_with(|| SettlementRow {
            partition,
            merchant_id,
            currency,
            date,
            captures: 0,
            refunds: 0,
            gross: 0,
            refunded: 0,
            fees: 0,
        });
        totals.add(&line).ok_or("the settlement's sum does not fit into 64 bits")?;
        self.lines.push(SettlementLineRow { partition, position, line });
        Ok(())
    }
}

/// The line that an event posts; `None` where it moves no money.
pub(in crate::views) fn line_of(
    (recorded, event): &DecodedEvent,
) -> Result<Option<SettlementLineBody>, &'static str> {
    if event.journal().is_none() {
        return Ok(None);
    }
    let (kind, amount, fee, date) = match &event.body {
        EventBody::Captured(e) => (LineKind::Capture, e.amount, e.fee, Some(e.settlement_date)),
        EventBody::Refunded(e) => {
            (LineKind::Refund, e.amount, Amount::ZERO, Some(e.settlement_date))
        }
        EventBody::LateOutcome(e) => {
            let kind = match e.verb {
                Verb::Capture => LineKind::Capture,
                Verb::Refund => LineKind::Refund,
                _ => return Err("only captures and refunds post a journal entry"),
            };
            (kind, e.amount, e.fee, e.settlement_date)
        }
        _ => return Err("a journal entry this view can't place"),
    };
    Ok(Some(SettlementLineBody {
        payment_id: recorded.payment_id,
        operation_id: event.header.operation_id.ok_or("it moves money and names no operation")?,
        merchant_id: event.header.merchant_id.clone(),
        currency: event.header.currency,
        date: date.ok_or("it moves money and has no settlement date")?,
        at: event.header.at,
        kind,
        amount,
        fee,
    }))
}
