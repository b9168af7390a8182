//! The statement of an append: it locks heads, moves them, and inserts what follows them. Rows travel
//! as one array a column, so that every batch is the same prepared statement.

use std::collections::BTreeMap;

use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt, PgConnection, PgRow};
use sqlx::query::Query;

use super::super::{Append, NewEvent, StoreError};
use super::read;
use super::turns::{TURN_KEY, Turn};
use crate::ids::Partition;
use crate::postgres::values::{bigint, smallint, timestamptz};

/// An event with everything its row needs.
struct EventRow<'a> {
    partition: Partition,
    /// Its position, counted from the head before this statement.
    place: u64,
    version: u32,
    append: &'a Append,
    event: &'a NewEvent,
}

/// A head that a statement has moved.
pub(super) struct Moved {
    pub(super) partition: Partition,
    pub(super) before: u64,
    pub(super) count: u64,
}

impl Moved {
    pub(super) fn read(row: &PgRow) -> Result<Self, StoreError> {
        let head = read::head(row)?;
        let count = read::unsigned(row, 2)?;
        Ok(Self { partition: head.partition, before: head.position, count })
    }
}

/// What one statement writes.
pub(super) struct Writing<'a> {
    partitions: u16,
    rows: Vec<EventRow<'a>>,
    appends: Vec<&'a Append>,
    counts: BTreeMap<Partition, u64>,
}

/// Heads are locked in ascending order, then moved, and the events inserted after them. A head that
/// another process moved while this statement waited for its lock is read anew, by FOR UPDATE and by
/// UPDATE alike. A partition without a head gives its events no position, which the column refuses.
/// The turn is taken before the locks, for as long as the transaction lasts.
macro_rules! statement {
    ($texts:literal) => {
        concat!(
            "WITH turn AS MATERIALIZED (
                 SELECT CASE
                     WHEN $12::boolean THEN pg_advisory_xact_lock($14)::text || pg_advisory_unlock($14)
                     WHEN $13::boolean THEN pg_try_advisory_xact_lock($14)::text
                 END
             ), locked AS MATERIALIZED (
                 SELECT p.partition FROM turn, ledger_partition p WHERE p.partition = ANY ($1)
                 ORDER BY p.partition FOR UPDATE OF p
             ), moved AS (
                 UPDATE ledger_partition p SET head = p.head + c.count
                 FROM locked l JOIN unnest($1::int2[], $2::int8[]) c (partition, count)
                     ON c.partition = l.partition
                 WHERE p.partition = l.partition
                 RETURNING p.partition, p.head - c.count AS head, c.count
             ), inserted AS (
                 INSERT INTO event (partition, position, payment_id, version, event_id, type, data,
                     traceparent, recorded_at)
                 SELECT e.partition, m.head + e.place, e.payment_id, e.version, e.event_id, e.type,
                     e.data, e.traceparent, e.recorded_at
                 FROM unnest($3::int2[], $4::int8[], $5::uuid[], $6::int8[], $7::uuid[], $8::text[],
                     $9::text[], $10::text[], $11::timestamptz[])
                     e (partition, place, payment_id, version, event_id, type, data, traceparent,
                        recorded_at)
                 LEFT JOIN moved m ON m.partition = e.partition
             )",
            $texts,
            " SELECT partition, head, count FROM moved"
        )
    };
}

const EVENTS: &str = statement!("");
const EVENTS_AND_TEXTS: &str = statement!(
    ", written AS (
         INSERT INTO event_text (partition, payment_id, version, name, salt, text)
         SELECT * FROM unnest($15::int2[], $16::uuid[], $17::int8[], $18::text[], $19::bytea[],
             $20::text[])
     )"
);

impl<'a> Writing<'a> {
    pub(super) fn new(partitions: u16, appends: usize) -> Self {
        Self {
            partitions,
            rows: Vec::with_capacity(appends),
            appends: Vec::with_capacity(appends),
            counts: BTreeMap::new(),
        }
    }

    /// Adds an append whose first event comes in that place after the head.
    pub(super) fn push(&mut self, append: &'a Append, first: u64) {
        let partition = append.payment_id.partition(self.partitions);
        let numbered = (first..).zip(append.versions());
        self.rows.extend(numbered.map(|(place, (version, event))| EventRow {
            partition,
            place,
            version,
            append,
            event,
        }));
        let count = self.counts.entry(partition).or_default();
        *count = count.saturating_add(append.events.len() as u64);
        self.appends.push(append);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every partition written to.
    pub(super) async fn execute(
        &self,
        connection: &mut PgConnection,
        turn: Turn,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let has_texts = self.appends.iter().any(|append| !append.texts.is_empty());
        let query = sqlx::query(if has_texts { EVENTS_AND_TEXTS } else { EVENTS });
        let query = self.bind_events(query);
        let query = query.bind(turn == Turn::Held).bind(turn == Turn::IfFree).bind(TURN_KEY);
        let query = if has_texts { self.bind_texts(query) } else { query };
        query.fetch_all(connection).await
    }
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

impl Writing<'_> {
    fn bind_events<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let rows = || self.rows.iter();
        query
            .bind(self.counts.keys().map(|partition| smallint(*partition)).bind_iter())
            .bind(self.counts.values().map(|count| bigint(*count)).bind_iter())
            .bind(rows().map(|row| smallint(row.partition)).bind_iter())
            .bind(rows().map(|row| bigint(row.place)).bind_iter())
            .bind(rows().map(|row| row.append.payment_id.uuid()).bind_iter())
            .bind(rows().map(|row| i64::from(row.version)).bind_iter())
            .bind(rows().map(|row| row.event.event_id.uuid()).bind_iter())
            .bind(rows().map(|row| row.event.event_type).bind_iter())
            .bind(rows().map(|row| row.event.data.as_str()).bind_iter())
            .bind(rows().map(|row| row.append.traceparent.as_deref()).bind_iter())
            .bind(rows().map(|row| timestamptz(row.append.recorded_at)).bind_iter())
    }

    fn bind_texts<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let texts = || {
            let appends = self.appends.iter();
            appends.flat_map(|append| append.texts.iter().map(move |text| (append, text)))
        };
        let partition = |append: &Append| smallint(append.payment_id.partition(self.partitions));
        query
            .bind(texts().map(|(append, _)| partition(append)).bind_iter())
            .bind(texts().map(|(append, _)| append.payment_id.uuid()).bind_iter())
            .bind(texts().map(|(append, _)| i64::from(append.first_version)).bind_iter())
            .bind(texts().map(|(_, text)| text.name.as_str()).bind_iter())
            .bind(texts().map(|(_, text)| text.salt.as_slice()).bind_iter())
            .bind(texts().map(|(_, text)| text.text.as_ref()).bind_iter())
    }
}
