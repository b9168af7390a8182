//! SQL for analysts: what docs/sql.md says can be run.

use daybook_engine::postgres::scratch::ScratchDatabase;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::flows::authorization;
use crate::harness::Daybook;
use crate::queries::ordered;
use crate::store::{Book, Store};

const PAGE: &str = include_str!("../../docs/sql.md");
const ROLE: &str = include_str!("../../deploy/postgres/analyst_role.sql");

/// The page's examples, in their order.
fn examples() -> Vec<&'static str> {
    let (_, examples) = PAGE.split_once("\n## Examples\n").unwrap();
    let blocks = examples.split("```sql\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

/// Views and their columns, as the page's table names them.
fn documented() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let columns = rest.split('`').nth(1).unwrap();
        (name, columns.split(", ").collect())
    })
    .collect()
}

enum Analyst {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Analyst {
    async fn of(book: &Book) -> Self {
        match book {
            Book::Embedded(data_dir) => {
                let views = data_dir.join("views.db");
                let options = SqliteConnectOptions::new().filename(views).read_only(true);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            Book::Postgres(database) | Book::Kafka(database, _) | Book::Owner(database) => {
                Self::Postgres(as_analyst(database).await)
            }
        }
    }

    async fn count(&mut self, query: &str) -> Result<usize, sqlx::Error> {
        let query = sqlx::raw_sql(AssertSqlSafe(query.to_owned()));
        Ok(match self {
            Self::Sqlite(connection) => connection.fetch_all(query).await?.len(),
            Self::Postgres(connection) => connection.fetch_all(query).await?.len(),
        })
    }
}

/// Runs the script, and goes on as a role that has nothing but what it gives.
async fn as_analyst(database: &ScratchDatabase) -> PgConnection {
    let mut owner = database.stranger().await;
    owner.execute(sqlx::raw_sql(ROLE)).await.unwrap();
    // Of two tests of one server that do so at a time, one may find the other's membership.
    let become_one = "
        DO $$ BEGIN
            GRANT daybook_analyst TO CURRENT_USER;
        EXCEPTION WHEN OTHERS THEN NULL;
        END $$;
        SET ROLE daybook_analyst;
        SET search_path = daybook_analytics";
    owner.execute(sqlx::raw_sql(become_one)).await.unwrap();
    owner
}

pub(crate) async fn every_documented_query_runs_and_finds_what_is_there(store: Store) {
    let daybook = Daybook::start(store, &["--fee-bps=100"]).await;
    let (id, _) = ordered(&daybook, 7, "web").await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    let refund = json!({"amount": 300, "idempotencyKey": "r", "reason": "torn"});
    daybook.post(&format!("/api/v1/payments/{id}/refunds"), refund).await.expect(200);
    let mut body = authorization("k2", 500);
    body["reference"] = json!("order-7");
    daybook.post("/api/v1/payments", body).await.expect(201);
    daybook.verify_until(", the views 0 events behind").await;

    let mut analyst = Analyst::of(&daybook.book).await;
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in examples {
        let found = analyst.count(example).await;
        let found = found.unwrap_or_else(|error| panic!("{error}: {example}"));
        // Nothing is open, and nothing disagrees.
        let is_empty = example.contains("'PENDING'") || example.contains("<>");
        assert_eq!(found == 0, is_empty, "{found} rows: {example}");
    }
    for (view, columns) in documented() {
        let query = format!("SELECT {} FROM {view}", columns.join(", "));
        assert!(analyst.count(&query).await.unwrap() > 0, "{view}");
        let query = format!("SELECT * FROM {view} LIMIT 1");
        analyst.count(&query).await.unwrap();
    }
    for forbidden in
        ["DELETE FROM payments", "SELECT * FROM public.event", "SELECT * FROM public.payment"]
    {
        assert!(analyst.count(forbidden).await.is_err(), "{forbidden}");
    }
}

pub(crate) async fn every_view_and_column_has_a_comment(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    let Book::Postgres(database) = daybook.book.as_ref() else { return };
    let mut owner = database.stranger().await;
    let columns: Vec<(String, String, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text, obj_description(c.oid, 'pg_class'),
             col_description(c.oid, a.attnum)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = 'daybook_analytics'::regnamespace
         ORDER BY c.relname, a.attnum",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    for (view, column, of_view, of_column) in &columns {
        assert!(of_view.is_some() && of_column.is_some(), "{view}.{column} has no comment");
    }
    for (view, documented) in documented() {
        let of_view = columns.iter().filter(|(name, ..)| name == view);
        let names: Vec<&str> = of_view.map(|(_, column, ..)| column.as_str()).collect();
        assert_eq!(names, documented, "{view}");
    }
}
