//! Rows as cells: the one order of columns that statements write and the check compares.

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{Partition, PaymentId};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::error::{Unfit, ViewError};
use crate::views::{DecodedEvent, View};

/// A value as it stands in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    Id(Uuid),
    Time(Timestamp),
}

impl<'a> Cell<'a> {
    #[must_use]
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    #[must_use]
    pub fn optional_text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// A position or count; the stores hold no larger one than `i64::MAX`.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    #[must_use]
    pub const fn time(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

/// In JSON an id is its 32 hexadecimal digits, and a time its microseconds since 1970.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Time(at) => serializer.serialize_i64(at.micros()),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Id(id) => {
                serializer.serialize_str(id.simple().encode_lower(&mut Uuid::encode_buffer()))
            }
        }
    }
}

/// By what the rows of a table are looked up within their partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// By the second column, after `partition`: an id.
    Id,
    /// By the second column: a position.
    Position,
    /// Not at all: totals, which are few.
    Group,
}

/// A table of a view. Its first column is `partition`, and the key's follow.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub view: View,
    pub name: &'static str,
    pub key: Key,
    /// How many columns after `partition` name one row.
    pub identity: usize,
    /// Which column holds the payment's id; `None` for totals.
    pub payment: Option<usize>,
    pub columns: &'static [&'static str],
    /// What stands in each of them.
    pub kinds: &'static [Kind],
}

impl Table {
    /// The columns that name a row within its partition.
    #[must_use]
    pub fn identity_columns(&self) -> &'static [&'static str] {
        self.columns.get(1..=self.identity).unwrap_or_default()
    }
}

/// What the cells of a column are, where they are not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Text,
    Id,
    Time,
    /// A calendar day, as its text.
    Date,
}

/// A row of a [`Table`], its cells in the order of the table's columns.
pub trait Row {
    fn cells(&self) -> Vec<Cell<'_>>;
}

/// The fold of one view: a batch of events, or a payment's, to rows.
pub trait Fold {
    /// Folds the next event in.
    ///
    /// # Errors
    /// Why the event doesn't fit the rows.
    fn step(&mut self, event: &DecodedEvent) -> Result<(), Cow<'static, str>>;

    /// Folds the batches of several partitions in.
    ///
    /// # Errors
    /// [`ViewError::Unfit`] with every payment that has an event which doesn't fit.
    fn fold(&mut self, batches: &[&[DecodedEvent]]) -> Result<(), ViewError> {
        let mut unfit: BTreeMap<PaymentId, Unfit> = BTreeMap::new();
        for event in batches.iter().copied().flatten() {
            let (partition, position, payment_id) =
                (event.0.partition, event.0.position, event.0.payment_id);
            // What follows an event that doesn't fit has no footing.
            if unfit.contains_key(&payment_id) {
                continue;
            }
            if let Err(cause) = self.step(event) {
                let cause = cause.into_owned();
                unfit.insert(payment_id, Unfit { partition, position, payment_id, cause });
            }
        }
        if unfit.is_empty() { Ok(()) } else { Err(ViewError::Unfit(unfit.into_values().collect())) }
    }
}

/// Rows as a JSON array of arrays, what a statement over `json_each` takes.
pub(crate) fn json<'a, R: Row + 'a>(rows: impl Iterator<Item = &'a R>) -> String {
    let mut json = Vec::with_capacity(4096);
    let mut serializer = serde_json::Serializer::new(&mut json);
    // Cells are integers, strings and null, so JSON can always hold them.
    let written = serializer.collect_seq(rows.map(Row::cells));
    if written.is_err() {
        json.clear();
    }
    String::from_utf8(json).unwrap_or_default()
}

/// The key of a row that is to be read.
impl Row for (Partition, Uuid) {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![Cell::Integer(self.0.number().into()), Cell::Id(self.1)]
    }
}
