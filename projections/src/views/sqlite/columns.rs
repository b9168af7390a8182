//! Reading a row's columns as what they mean.

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::ledger::StoreError;
use daybook_engine::money::Amount;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::ViewError;
use crate::views::View;

pub(in crate::views) struct Columns<'r> {
    pub(in crate::views) row: &'r SqliteRow,
    pub(in crate::views) view: View,
}

impl<'r> Columns<'r> {
    pub(in crate::views) fn integer(&self, column: usize) -> Result<i64, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    pub(in crate::views) fn text(&self, column: usize) -> Result<&'r str, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    pub(in crate::views) fn optional_text(
        &self,
        column: usize,
    ) -> Result<Option<Arc<str>>, ViewError> {
        let text: Option<&str> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(text.map(Arc::from))
    }

    /// A text that names a value: a currency, a status, a day.
    pub(in crate::views) fn named<T: for<'de> Deserialize<'de>>(
        &self,
        column: usize,
    ) -> Result<T, ViewError> {
        let text: StrDeserializer<'_, ValueError> = self.text(column)?.into_deserializer();
        T::deserialize(text).map_err(|error| self.damaged(column, &error))
    }

    pub(in crate::views) fn optionally_named<T: for<'de> Deserialize<'de>>(
        &self,
        column: usize,
    ) -> Result<Option<T>, ViewError> {
        let is_there = self.optional_text(column)?.is_some();
        if is_there { self.named(column).map(Some) } else { Ok(None) }
    }

    pub(in crate::views) fn amount(&self, column: usize) -> Result<Amount, ViewError> {
        Amount::try_from(self.integer(column)?).map_err(|error| self.damaged(column, &error))
    }

    pub(in crate::views) fn count(&self, column: usize) -> Result<u64, ViewError> {
        u64::try_from(self.integer(column)?).map_err(|error| self.damaged(column, &error))
    }

    pub(in crate::views) fn partition(&self, column: usize) -> Result<Partition, ViewError> {
        let number = u16::try_from(self.integer(column)?);
        number.map(Partition::new).map_err(|error| self.damaged(column, &error))
    }

    pub(in crate::views) fn time(&self, column: usize) -> Result<Timestamp, ViewError> {
        self.integer(column).map(Timestamp::from_micros)
    }

    pub(in crate::views) fn optional_time(
        &self,
        column: usize,
    ) -> Result<Option<Timestamp>, ViewError> {
        let micros: Option<i64> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(micros.map(Timestamp::from_micros))
    }

    pub(in crate::views) fn id(&self, column: usize) -> Result<Uuid, ViewError> {
        self.optional_id(column)?.ok_or_else(|| self.damaged(column, &"no id"))
    }

    pub(in crate::views) fn optional_id(&self, column: usize) -> Result<Option<Uuid>, ViewError> {
        let bytes: Option<&[u8]> = self.row.try_get(column).map_err(failed(self.view))?;
        let id = bytes.map(Uuid::from_slice).transpose();
        id.map_err(|error| self.damaged(column, &error))
    }

    pub(in crate::views) fn payment_id(&self, column: usize) -> Result<PaymentId, ViewError> {
        self.id(column).map(PaymentId::from_uuid)
    }

    pub(in crate::views) fn operation_id(&self, column: usize) -> Result<OperationId, ViewError> {
        self.id(column).map(OperationId::from_uuid)
    }

    pub(in crate::views) fn damaged(
        &self,
        column: usize,
        cause: &dyn std::fmt::Display,
    ) -> ViewError {
        damaged(self.view, &format!("column {column}: {cause}"))
    }
}

fn damaged(view: View, cause: &str) -> ViewError {
    let cause = format!("the {} view: {cause}; run `daybook verify`", view.as_str());
    ViewError::Store(StoreError::Damaged { store: "views", cause })
}

/// Primary result codes of what may pass: busy, locked, no memory, read-only, interrupted, I/O
/// error, full, can't open, locking protocol.
const PASSING: [i32; 9] = [5, 6, 7, 8, 9, 10, 13, 14, 15];

/// What a failed statement means.
pub(in crate::views) fn failed(view: View) -> impl Fn(sqlx::Error) -> ViewError {
    move |error| match &error {
        sqlx::Error::Database(database) => {
            let message = database.message();
            // A sum that left 64 bits: refused by sum() on reading, by STRICT on writing.
            if message.contains("integer overflow") || message.contains("cannot store REAL") {
                return ViewError::Overflow { view: view.as_str() };
            }
            let code = database.code().and_then(|code| code.parse::<i32>().ok());
            if code.is_some_and(|code| PASSING.contains(&(code & 0xff))) {
                unavailable(&error)
            } else {
                damaged(view, &error.to_string())
            }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            damaged(view, &error.to_string())
        }
        _ => unavailable(&error),
    }
}

fn unavailable(error: &sqlx::Error) -> ViewError {
    ViewError::Store(StoreError::Unavailable { store: "views", cause: error.to_string() })
}
