//! The statement of an append: it locks heads, moves them, and inserts what follows them. Rows travel
//! as one array a column, so that every batch is the same prepared statement.

use std::collections::BTreeMap;

use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgBindIterExt, PgConnection, PgRow};
use sqlx::query::Query;

use super::super::{Append, NewEvent};
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
macro_rules! statement {
    ($texts:literal) => {
        concat!(
            "WITH locked AS MATERIALIZED (
                 SELECT partition FROM ledger_partition WHERE partition = ANY ($1)
                 ORDER BY partition FOR UPDATE
             ), moved AS (
                 UPDATE ledger_partition p SET head = p.head + c.count
                 FROM locked l JOIN unnest($1::int2[], $2::int8[]) c (partition, count)
                     ON c.partition = l.partition
                 WHERE p.partition = l.partition
                 RETURNING p.partition, p.head - c.count AS head
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
            " SELECT partition, head FROM moved"
        )
    };
}

const EVENTS: &str = statement!("");
const EVENTS_AND_TEXTS: &str = statement!(
    ", written AS (
         INSERT INTO event_text (partition, payment_id, version, name, salt, text)
         SELECT * FROM unnest($12::int2[], $13::uuid[], $14::int8[], $15::text[], $16::bytea[],
             $17::text[])
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

    /// Every partition written to, with its head before that.
    pub(super) async fn execute(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let has_texts = self.appends.iter().any(|append| !append.texts.is_empty());
        let query = sqlx::query(if has_texts { EVENTS_AND_TEXTS } else { EVENTS });
        let query = self.bind_events(query);
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
