//! Columns as SQLite has them: ids are blobs, times microseconds since 1970.

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::{Columns, damaged, unavailable};

pub(in crate::views) struct SqliteColumns<'r> {
    pub(in crate::views) row: &'r SqliteRow,
    pub(in crate::views) view: View,
}

impl Columns for SqliteColumns<'_> {
    fn view(&self) -> View {
        self.view
    }

    fn integer(&self, column: usize) -> Result<i64, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    fn optional_integer(&self, column: usize) -> Result<Option<i64>, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    fn partition(&self, column: usize) -> Result<Partition, ViewError> {
        let number = u16::try_from(self.integer(column)?);
        number.map(Partition::new).map_err(|error| self.damaged(column, &error))
    }

    fn text(&self, column: usize) -> Result<&str, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    fn optional_text(&self, column: usize) -> Result<Option<Arc<str>>, ViewError> {
        let text: Option<&str> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(text.map(Arc::from))
    }

    fn optional_id(&self, column: usize) -> Result<Option<Uuid>, ViewError> {
        let bytes: Option<&[u8]> = self.row.try_get(column).map_err(failed(self.view))?;
        let id = bytes.map(Uuid::from_slice).transpose();
        id.map_err(|error| self.damaged(column, &error))
    }

    fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, ViewError> {
        let micros: Option<i64> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(micros.map(Timestamp::from_micros))
    }
}

/// Primary result codes of what may pass: busy, locked, no memory, read-only, interrupted, I/O
/// error, full, can't open, locking protocol.
const PASSING: [i32; 9] = [5, 6, 7, 8, 9, 10, 13, 14, 15];

/// Primary result codes that the rows are to blame for.
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

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
            match code.map(|code| code & 0xff) {
                Some(code) if PASSING.contains(&code) => unavailable(&error),
                Some(CONSTRAINT | MISMATCH) => damaged(view, &error),
                _ => {
                    let cause = format!("{error}; run `daybook verify`");
                    ViewError::Store(StoreError::Damaged { store: "views", cause })
                }
            }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            damaged(view, &error)
        }
        _ => unavailable(&error),
    }
}
