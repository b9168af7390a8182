//! A row's columns as what they mean: a store reads the plain kinds, and what they stand for is the same
//! on every store.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::ledger::StoreError;
use daybook_engine::money::Amount;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use uuid::Uuid;

use crate::error::ViewError;
use crate::views::View;
use crate::views::list::{Domain, KeyColumn};
use crate::views::page::Key;
use crate::views::row::Cell;

/// A row that was read, by the place of each column in its statement.
pub(in crate::views) trait Columns {
    /// Whose row it is, for errors.
    fn view(&self) -> View;

    fn integer(&self, column: usize) -> Result<i64, ViewError>;

    fn optional_integer(&self, column: usize) -> Result<Option<i64>, ViewError>;

    fn partition(&self, column: usize) -> Result<Partition, ViewError>;

    fn text(&self, column: usize) -> Result<&str, ViewError>;

    fn optional_text(&self, column: usize) -> Result<Option<Arc<str>>, ViewError>;

    fn optional_id(&self, column: usize) -> Result<Option<Uuid>, ViewError>;

    fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, ViewError>;

    /// A text that names a value: a currency, a status, a day.
    fn named<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T, ViewError> {
        let text: StrDeserializer<'_, ValueError> = self.text(column)?.into_deserializer();
        T::deserialize(text).map_err(|error| self.damaged(column, &error))
    }

    fn optionally_named<T: for<'de> Deserialize<'de>>(
        &self,
        column: usize,
    ) -> Result<Option<T>, ViewError> {
        let is_there = self.optional_text(column)?.is_some();
        if is_there { self.named(column).map(Some) } else { Ok(None) }
    }

    fn amount(&self, column: usize) -> Result<Amount, ViewError> {
        Amount::try_from(self.integer(column)?).map_err(|error| self.damaged(column, &error))
    }

    fn count(&self, column: usize) -> Result<u64, ViewError> {
        u64::try_from(self.integer(column)?).map_err(|error| self.damaged(column, &error))
    }

    fn optional_count(&self, column: usize) -> Result<Option<u64>, ViewError> {
        let count = self.optional_integer(column)?.map(u64::try_from).transpose();
        count.map_err(|error| self.damaged(column, &error))
    }

    fn time(&self, column: usize) -> Result<Timestamp, ViewError> {
        self.optional_time(column)?.ok_or_else(|| self.damaged(column, &"no time"))
    }

    fn id(&self, column: usize) -> Result<Uuid, ViewError> {
        self.optional_id(column)?.ok_or_else(|| self.damaged(column, &"no id"))
    }

    fn payment_id(&self, column: usize) -> Result<PaymentId, ViewError> {
        self.id(column).map(PaymentId::from_uuid)
    }

    fn operation_id(&self, column: usize) -> Result<OperationId, ViewError> {
        self.id(column).map(OperationId::from_uuid)
    }

    fn damaged(&self, column: usize, cause: &dyn Display) -> ViewError {
        damaged(self.view(), &format!("column {column}: {cause}"))
    }
}

/// What places a row among the others of its list: the columns from `first` on.
pub(in crate::views) fn key_of(
    columns: &impl Columns,
    first: usize,
    key: &[KeyColumn],
) -> Result<Key, ViewError> {
    let cell = |(column, domain): (usize, Domain)| {
        Ok(match domain {
            Domain::Amount | Domain::Sum | Domain::Count => Cell::Integer(columns.integer(column)?),
            Domain::Time => Cell::Time(columns.time(column)?),
            Domain::Id => Cell::Id(columns.id(column)?),
            _ => Cell::Text(Cow::Owned(columns.text(column)?.to_owned())),
        })
    };
    (first..).zip(key.iter().map(|column| column.1)).map(cell).collect()
}

/// The error of rows that don't hold what they must.
pub(in crate::views) fn damaged(view: View, cause: &dyn Display) -> ViewError {
    ViewError::Rows { view: view.as_str(), cause: cause.to_string() }
}

/// The error of a store that may work later.
pub(in crate::views) fn unavailable(cause: &dyn Display) -> ViewError {
    ViewError::Store(StoreError::Unavailable { store: "views", cause: cause.to_string() })
}
