//! Columns as Postgres has them.

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ids::Partition;
use daybook_engine::postgres::values::Moment;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::{Columns, damaged, unavailable};

pub(in crate::views) struct PostgresColumns<'r> {
    pub(in crate::views) row: &'r PgRow,
    pub(in crate::views) view: View,
}

impl Columns for PostgresColumns<'_> {
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
        let number: i16 = self.row.try_get(column).map_err(failed(self.view))?;
        let number = u16::try_from(number).map_err(|error| self.damaged(column, &error));
        number.map(Partition::new)
    }

    fn text(&self, column: usize) -> Result<&str, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    fn optional_text(&self, column: usize) -> Result<Option<Arc<str>>, ViewError> {
        let text: Option<&str> = self.row.try_get(column).map_err(failed(self.view))?;
        Ok(text.map(Arc::from))
    }

    fn optional_id(&self, column: usize) -> Result<Option<Uuid>, ViewError> {
        self.row.try_get(column).map_err(failed(self.view))
    }

    fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, ViewError> {
        let time: Option<Moment> = self.row.try_get(column).map_err(failed(self.view))?;
        let finite = |time: Moment| time.finite().ok_or_else(|| self.damaged(column, &"no time"));
        time.map(finite).transpose()
    }
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
                damaged(view, &error)
            } else {
                unavailable(&error)
            }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            damaged(view, &error)
        }
        _ => unavailable(&error),
    }
}
