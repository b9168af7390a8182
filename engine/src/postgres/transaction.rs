//! Transactions that leave nothing open behind them.

use std::io;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, raw_sql};

use super::Database;
use crate::ledger::StoreError;

/// A transaction on a connection of the pool. Where it is not ended, for an error or because its
/// caller went away, its connection ends with it: sqlx would give one whose BEGIN failed or was
/// dropped back to the pool inside that transaction, with all its locks.
#[derive(Debug)]
pub struct Transaction<'d> {
    database: &'d Database,
    connection: PoolConnection<Postgres>,
    is_ended: bool,
}

impl Database {
    /// The answer to statements that commit nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also where no answer comes in time; [`StoreError::Damaged`].
    pub async fn answered<T>(
        &self,
        asked: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        self.in_time(asked).await.map_err(|error| self.unavailable(&error))
    }

    /// As [`Database::answered`], with the driver's own errors; an answer that does not come in time is
    /// one of the line's.
    ///
    /// # Errors
    /// The driver's.
    pub async fn in_time<T>(
        &self,
        asked: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        tokio::time::timeout(self.answer_limit(), asked).await.unwrap_or_else(|_| {
            Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
        })
    }

    /// Begins a transaction with `lock`, a statement without parameters that takes its locks: in
    /// one round trip, and every later statement sees what was committed before it had them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin(&self, lock: &str) -> Result<Transaction<'_>, StoreError> {
        let connection = self.answered(self.pool.acquire()).await?;
        self.begin_on(connection, lock).await
    }

    /// As [`Database::begin`], on a connection that its pool gave already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_on(
        &self,
        connection: PoolConnection<Postgres>,
        lock: &str,
    ) -> Result<Transaction<'_>, StoreError> {
        let mut transaction = Transaction { database: self, connection, is_ended: false };
        let begin = raw_sql(AssertSqlSafe(format!("BEGIN; {lock}")));
        self.answered(begin.execute(transaction.connection())).await?;
        Ok(transaction)
    }
}

impl Transaction<'_> {
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// As [`Database::in_time`].
    pub async fn fetch_all(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> sqlx::Result<Vec<PgRow>> {
        let database = self.database;
        database.in_time(query.fetch_all(self.connection())).await
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// As [`Database::in_time`].
    pub async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> sqlx::Result<u64> {
        let database = self.database;
        let done = database.in_time(query.execute(self.connection())).await?;
        Ok(done.rows_affected())
    }

    /// # Errors
    /// [`StoreError::AnswerLost`] where it may have been written, else it was not.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let database = self.database;
        let committing = raw_sql("COMMIT").execute(self.connection());
        match tokio::time::timeout(database.answer_limit(), committing).await {
            Ok(Ok(_)) => {
                self.is_ended = true;
                Ok(())
            }
            Ok(Err(error)) => Err(database.commit_failed(&error)),
            Err(_) => Err(database.answer_lost(&"no answer in time")),
        }
    }

    /// Undoes everything. Dropping it does so too, at the price of a connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; it is undone all the same.
    pub async fn roll_back(mut self) -> Result<(), StoreError> {
        let database = self.database;
        database.answered(raw_sql("ROLLBACK").execute(self.connection())).await?;
        self.is_ended = true;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.connection.close_on_drop();
        }
    }
}
