//! The record in a file of its own, which is none of the ledger's: the acquirer is another party.

use std::path::Path;

use async_trait::async_trait;
use sqlx::Row;

use super::{ExecutionRecord, Taken};
use crate::acquirer::wire::OperationBody;
use crate::durability::Durability;
use crate::ids::OperationId;
use crate::ledger::StoreError;
use crate::migration::Migration;
use crate::payment::Outcome;
use crate::sqlite::Database;

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "execution",
    sql: "
        -- An operation, executed once; amounts in minor units, approved where money moved or is held.
        CREATE TABLE execution (
            operation_id BLOB PRIMARY KEY CHECK (length(operation_id) = 16),
            payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
            verb TEXT NOT NULL,
            amount INTEGER NOT NULL,
            approved INTEGER NOT NULL,
            body TEXT NOT NULL,
            -- How often it came.
            received INTEGER NOT NULL DEFAULT 1
        ) STRICT;
        CREATE INDEX execution_of_payment ON execution (payment_id, verb);
        CREATE TRIGGER execution_is_never_another BEFORE UPDATE ON execution
        WHEN OLD.operation_id <> NEW.operation_id OR OLD.body <> NEW.body
            OR OLD.approved <> NEW.approved
        BEGIN SELECT RAISE(ABORT, 'an execution never changes'); END;
        CREATE TRIGGER execution_is_never_deleted BEFORE DELETE ON execution
        BEGIN SELECT RAISE(ABORT, 'an execution is never deleted'); END;
    ",
}];

/// `acquirer.db`.
#[derive(Debug)]
pub struct SqliteRecord {
    database: Database,
}

impl SqliteRecord {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// When it can't be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open("acquirer", path, Durability::Full, MIGRATIONS).await?;
        Ok(Self { database })
    }

    /// Writes what the log holds into the file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn damaged(cause: &serde_json::Error) -> StoreError {
        StoreError::Damaged { store: "acquirer", cause: cause.to_string() }
    }
}

#[async_trait]
impl ExecutionRecord for SqliteRecord {
    async fn take(
        &self,
        id: OperationId,
        body: &OperationBody,
        settled: &Outcome,
    ) -> Result<Taken, StoreError> {
        let approved = match settled {
            Outcome::Approved { amount, .. } => amount.minor(),
            Outcome::Declined { .. } | Outcome::Failed { .. } => 0,
        };
        let text = serde_json::to_string(body).map_err(|error| Self::damaged(&error))?;
        let mut writer = self.database.writer().await;
        // A statement by itself is a transaction, on disk when it returns.
        let row = sqlx::query(
            "INSERT INTO execution (operation_id, payment_id, verb, amount, approved, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (operation_id) DO UPDATE SET received = received + 1
             RETURNING body, received",
        )
        .bind(id.uuid().as_bytes().as_slice())
        .bind(body.payment_id.uuid().as_bytes().as_slice())
        .bind(body.verb.as_str())
        .bind(body.amount.minor())
        .bind(approved)
        .bind(&text)
        .fetch_one(&mut *writer)
        .await
        .map_err(|error| self.database.unavailable(&error))?;
        let unreadable = |error: sqlx::Error| self.database.unavailable(&error);
        let known: &str = row.try_get(0).map_err(unreadable)?;
        let received: i64 = row.try_get(1).map_err(unreadable)?;
        Ok(match (known == text, received) {
            (false, _) => Taken::Other,
            (true, 1) => Taken::New,
            (true, _) => Taken::Known,
        })
    }

    async fn find(&self, id: OperationId) -> Result<Option<OperationBody>, StoreError> {
        let body: Option<String> =
            sqlx::query_scalar("SELECT body FROM execution WHERE operation_id = ?1")
                .bind(id.uuid().as_bytes().as_slice())
                .fetch_optional(self.database.readers())
                .await
                .map_err(|error| self.database.unavailable(&error))?;
        body.map(|text| serde_json::from_str(&text).map_err(|error| Self::damaged(&error)))
            .transpose()
    }
}
