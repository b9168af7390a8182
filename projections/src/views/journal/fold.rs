//! The fold: the postings of an event's entry, each a row.

use std::borrow::Cow;

use daybook_engine::ids::Partition;

use super::PostingBody;
use crate::error::ViewError;
use crate::views::columns::Columns;
use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::settlements::fold::line_of;
use crate::views::{DecodedEvent, View};

pub const POSTING: Table = Table {
    view: View::Journal,
    name: "posting",
    key: Key::Position,
    identity: 2,
    payment: Some(3),
    columns: &[
        "partition",
        "position",
        "line",
        "payment_id",
        "operation_id",
        "merchant_id",
        "currency",
        "account",
        "side",
        "amount",
        "date",
        "at",
    ],
    kinds: &[
        Kind::Integer,
        Kind::Integer,
        Kind::Integer,
        Kind::Id,
        Kind::Id,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Text,
        Kind::Integer,
        Kind::Date,
        Kind::Time,
    ],
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingRow {
    pub partition: Partition,
    pub position: u64,
    pub posting: PostingBody,
}

impl PostingRow {
    /// From the columns of [`POSTING`].
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let (partition, position) = (columns.partition(0)?, columns.count(1)?);
        let posting = PostingBody {
            payment_id: columns.payment_id(3)?,
            operation_id: columns.operation_id(4)?,
            merchant_id: columns.named(5)?,
            currency: columns.named(6)?,
            account: columns.named(7)?,
            side: columns.named(8)?,
            amount: columns.amount(9)?,
            date: columns.named(10)?,
            at: columns.time(11)?,
            position: format!("{partition}:{position}"),
            line: columns.count(2)?,
        };
        Ok(Self { partition, position, posting })
    }
}

impl Row for PostingRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        let posting = &self.posting;
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::count(self.position),
            Cell::count(posting.line),
            Cell::Id(posting.payment_id.uuid()),
            Cell::Id(posting.operation_id.uuid()),
            Cell::text(posting.merchant_id.as_str()),
            Cell::text(posting.currency.as_str()),
            Cell::text(posting.account.as_str()),
            Cell::text(posting.side.as_str()),
            Cell::Integer(posting.amount.minor()),
            Cell::Text(Cow::Owned(posting.date.to_string())),
            Cell::time(posting.at),
        ]
    }
}

#[derive(Debug, Default)]
pub struct JournalFold {
    pub rows: Vec<PostingRow>,
}

impl Fold for JournalFold {
    fn step(&mut self, decoded: &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let (recorded, event) = decoded;
        // What a settlement's line says of the entry holds for each of its postings.
        let (Some(entry), Some(of)) = (event.journal(), line_of(decoded)?) else { return Ok(()) };
        let (partition, position) = (recorded.partition, recorded.position);
        self.rows.extend(entry.postings().iter().zip(1_u64..).map(|(posting, line)| PostingRow {
            partition,
            position,
            posting: PostingBody {
                payment_id: of.payment_id,
                operation_id: of.operation_id,
                merchant_id: of.merchant_id.clone(),
                currency: of.currency,
                account: posting.account,
                side: posting.side,
                amount: posting.amount,
                date: of.date,
                at: of.at,
                position: format!("{partition}:{position}"),
                line,
            },
        }));
        Ok(())
    }
}
