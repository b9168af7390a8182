//! Reading a row's columns as what they mean.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use daybook_engine::clock::Timestamp;
use daybook_engine::ids::{OperationId, Partition, PaymentId};
use daybook_engine::ledger::StoreError;
use daybook_engine::money::Amount;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::ViewError;
use crate::views::View;

pub(in crate::views) struct Columns<'r> {
    pub(in crate::views) row: &'r PgRow,
    pub(in crate::views) view: View,
}

impl<'r> Columns<'r> {
    /// Of any width.
    pub(in crate::views) fn integer(&self, column: usize) -> Result<i64, ViewError> {
        let narrow = |_| self.row.try_get::<i16, _>(column).map(i64::from);
        self.row.try_get(column).or_else(narrow).map_err(failed(self.view))
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
        self.optional_time(column)?.ok_or_else(|| self.damaged(column, &"no time"))
    }

    pub(in crate::views) fn optional_time(
        &self,
        column: usize,
    ) -> Result<Option<Timestamp>, ViewError> {
        let time: Option<DateTime<Utc>> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(time.map(|time| Timestamp::from_micros(time.timestamp_micros())))
    }

    pub(in crate::views) fn id(&self, column: usize) -> Result<Uuid, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    pub(in crate::views) fn optional_id(&self, column: usize) -> Result<Option<Uuid>, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
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

/// `numeric_value_out_of_range`: a sum that left 64 bits.
const OUT_OF_RANGE: &str = "22003";
/// Classes of errors that the rows are to blame for: data exceptions and constraints.
const OF_THE_ROWS: [&str; 2] = ["22", "23"];

/// What a failed statement means.
pub(in crate::views) fn failed(view: View) -> impl Fn(sqlx::Error) -> ViewError {
    move |error| match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if code == OUT_OF_RANGE {
                ViewError::Overflow { view: view.as_str() }
            } else if OF_THE_ROWS.iter().any(|class| code.starts_with(class)) {
                damaged(view, &error.to_string())
            } else {
                unavailable(&error)
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
