//! How many authorizations Postgres makes durable when nothing else is done: Daybook's own two rows
//! each, in the ledger's own table, many payments a statement.

mod filling;
mod rows;

pub(crate) use filling::fill;

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::rows::{Positions, Rows, Texts};
use crate::failure::Failure;
use crate::postgres::{Cluster, Database, failed};
use crate::report::{Report, Section};
use crate::tally::SharedTally;

const CLIENTS: usize = 4;
const PAYMENTS_PER_STATEMENT: usize = 256;
const LEDGER: &str = include_str!("../../../migrations/postgres/0001_ledger.sql");
const INSERT: &str = "
INSERT INTO event
    (partition, position, payment_id, version, event_id, type, data, traceparent, recorded_at)
SELECT partition, position, payment_id, version, event_id, type, data, NULL, now()
FROM unnest($1::int2[], $2::int8[], $3::uuid[], $4::int4[], $5::uuid[], $6::text[], $7::text[])
    AS row (partition, position, payment_id, version, event_id, type, data)";

#[derive(Debug)]
pub(crate) struct Measured {
    /// Of statements, each with its commit.
    latencies: Histogram<u64>,
    elapsed: Duration,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        let payments = self.latencies.len() * PAYMENTS_PER_STATEMENT as u64;
        payments as f64 / self.elapsed.as_secs_f64()
    }

    fn section(&self) -> Section {
        let mut section = Section::new("postgres");
        section.number("paymentsPerSecond", self.per_second());
        section.count("statements", self.latencies.len());
        section.latencies(&self.latencies);
        section
    }
}

pub(crate) async fn run(duration: Duration) -> Result<(), Failure> {
    let measured = measure(&Cluster::up()?, duration).await?;
    let mut report = Report::new("limit postgres");
    report.add(measured.section());
    report.print()
}

/// In a database of its own, fresh and after a checkpoint.
pub(crate) async fn measure(cluster: &Cluster, duration: Duration) -> Result<Measured, Failure> {
    let database = Database::create(cluster).await?;
    create_table(&database).await?;
    load(&database, duration).await
}

/// The ledger's own columns, keys and storage settings; what its triggers check is Daybook's cost.
async fn create_table(database: &Database) -> Result<(), Failure> {
    for beginning in ["CREATE TABLE event (", "ALTER TABLE event SET ("] {
        database.run_script(statement(LEDGER, beginning)?).await?;
    }
    Ok(())
}

/// The statement that begins so, to the line that ends it.
fn statement<'a>(script: &'a str, beginning: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::Usage(format!("the ledger's migration has no `{beginning}`"));
    let from = script.find(beginning).ok_or_else(missing)?;
    let end = script[from..].find(";\n").ok_or_else(missing)?;
    Ok(&script[from..from + end])
}

async fn load(database: &Database, duration: Duration) -> Result<Measured, Failure> {
    let (texts, positions) = (Arc::new(Texts::new()), Arc::new(Positions::new()));
    let mut sessions = Vec::new();
    for _ in 0..CLIENTS {
        let mut session = database.connection().await?;
        see_that_commits_are_durable(&mut session).await?;
        sessions.push(session);
    }
    let tally = SharedTally::new();
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        let rows = Rows::new(number as u64, texts.clone(), positions.clone());
        clients.spawn(keep_inserting(session, rows, start + duration, tally.clone()));
    }
    let ended: Result<Vec<()>, Failure> = clients.join_all().await.into_iter().collect();
    let elapsed = start.elapsed();
    ended?;
    let latencies = tally.lock().latencies.clone();
    Ok(Measured { latencies, elapsed })
}

/// A limit without durability would be no limit of what Daybook does.
async fn see_that_commits_are_durable(session: &mut PgConnection) -> Result<(), Failure> {
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let found =
            sqlx::query("SELECT current_setting($1)").bind(setting).fetch_one(&mut *session);
        let value: Result<String, _> = match found.await {
            Ok(row) => row.try_get(0),
            Err(error) => Err(error),
        };
        let value = value.map_err(|error| failed("reading its settings", &error))?;
        if value != "on" {
            return Err(Failure::Usage(format!("Postgres has {setting} = {value}: set it on")));
        }
    }
    Ok(())
}

async fn keep_inserting(
    mut session: PgConnection,
    mut rows: Rows,
    end: Instant,
    tally: SharedTally,
) -> Result<(), Failure> {
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(());
        }
        rows.fill(PAYMENTS_PER_STATEMENT);
        let texts = rows.texts();
        let done = sqlx::query(INSERT)
            .bind(&rows.partitions)
            .bind(&rows.positions)
            .bind(&rows.payment_ids)
            .bind(&rows.versions)
            .bind(&rows.event_ids)
            .bind(&texts.types)
            .bind(&texts.data)
            .execute(&mut session)
            .await;
        done.map_err(|error| failed("inserting events", &error))?;
        tally.lock().answered("statement", begun.elapsed(), 0, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_payment_counted_has_its_two_rows_at_gapless_positions() {
        let database = Database::create(&Cluster::up().unwrap()).await.unwrap();
        create_table(&database).await.unwrap();
        let measured = load(&database, Duration::from_millis(100)).await.unwrap();
        assert!(measured.per_second() > 0.0);
        let counted = measured.latencies.len() * PAYMENTS_PER_STATEMENT as u64;
        let rows = sqlx::query(
            "SELECT count(DISTINCT payment_id), count(*), count(DISTINCT partition),
                 (SELECT sum(head)::int8 FROM (SELECT max(position) AS head FROM event
                     GROUP BY partition) AS heads)
             FROM event",
        );
        let row = rows.fetch_one(&mut database.connection().await.unwrap()).await.unwrap();
        let figures: Vec<i64> = (0..4).map(|at| row.get(at)).collect();
        let counted = i64::try_from(counted).unwrap();
        assert_eq!(figures, [counted, 2 * counted, 16, 2 * counted]);
    }
}
