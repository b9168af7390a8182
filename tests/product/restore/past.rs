//! A ledger as it was, to be put in the place of what it became.

use std::sync::Arc;

use daybook_engine::postgres::scratch::ScratchDatabase;
use sqlx::{Connection, Executor, Row};
use uuid::Uuid;

use crate::harness::Daybook;
use crate::restore::FLAGS;
use crate::store::Book;

pub(super) enum Past {
    /// In this folder, from `daybook backup`.
    Backup(tempfile::TempDir),
    /// As a base backup would have it: views and cursors of the time are in it too.
    Database(ScratchDatabase),
}

impl Past {
    /// Keeps the ledger as it is.
    pub(super) async fn keep(daybook: &mut Daybook) -> Self {
        match &*daybook.book.clone() {
            Book::Embedded(_) => {
                let folder = crate::harness::folder();
                let output = daybook.command("backup", &[folder.path().to_str().unwrap()]).await;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(0), "{said}");
                Self::Backup(folder)
            }
            Book::Postgres(database) | Book::Kafka(database, _) | Book::Owner(database) => {
                assert_eq!(daybook.stop().await, Some(0));
                let copy = database.copy().await;
                daybook.resume_with(FLAGS).await;
                Self::Database(copy)
            }
        }
    }

    /// A stopped daybook on it, with the views, the topic and the relay's cursors of the one that it
    /// takes the place of.
    pub(super) async fn in_the_place_of(self, daybook: Daybook) -> Daybook {
        match (self, &*daybook.book.clone()) {
            (Self::Backup(backup), Book::Embedded(data_dir)) => {
                let restored = Daybook::stopped_in_own_folder();
                let book = restored.book.flags();
                let arguments = ["restore", backup.path().to_str().unwrap(), &book[0]];
                let output = daybook.program(&arguments).await;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(0), "{said}");
                for file in ["views.db", "work.db"] {
                    let to = restored.data_dir().join(file);
                    std::fs::copy(data_dir.join(file), to).unwrap();
                }
                restored
            }
            (Self::Database(past), Book::Postgres(present)) => {
                let views = format!("--views-url={}", present.server_url());
                move_relay_cursors(present, &past).await;
                let mut restored = Daybook::stopped_on(Arc::new(Book::Postgres(past)));
                restored.also(&views, daybook);
                restored
            }
            (Self::Database(past), Book::Kafka(present, topic)) => {
                let views = format!("--views-url={}", present.server_url());
                move_relay_cursors(present, &past).await;
                let book = Book::Kafka(past, topic.clone());
                let mut restored = Daybook::stopped_on(Arc::new(book));
                restored.also(&views, daybook);
                restored
            }
            _ => panic!("a past of another store"),
        }
    }
}

/// As if the work rows stood elsewhere and had not been restored.
async fn move_relay_cursors(present: &ScratchDatabase, past: &ScratchDatabase) {
    let mut from = present.stranger().await;
    let rows = from
        .fetch_all("SELECT topic, partition, position, event_id, topic_offset FROM relay_cursor")
        .await
        .unwrap();
    let mut to = past.stranger().await;
    for row in rows {
        sqlx::query(
            "INSERT INTO relay_cursor (topic, partition, position, event_id, topic_offset)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (topic, partition) DO UPDATE SET position = excluded.position,
                 event_id = excluded.event_id, topic_offset = excluded.topic_offset",
        )
        .bind(row.get::<String, _>(0))
        .bind(row.get::<i16, _>(1))
        .bind(row.get::<i64, _>(2))
        .bind(row.get::<Option<Uuid>, _>(3))
        .bind(row.get::<Option<i64>, _>(4))
        .execute(&mut to)
        .await
        .unwrap();
    }
    from.close().await.unwrap();
    to.close().await.unwrap();
}
