//! Reading: every question is one statement on a connection of the pool.

use std::fmt::Display;
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgBindIterExt, PgRow};
use sqlx::query::Query;
use sqlx::{Decode, Postgres, Row, Type};
use uuid::Uuid;

use super::super::{Head, Recorded, StoreError, Stretch, stored_text};
use super::STORE;
use crate::event_text::{EventText, TextName};
use crate::ids::{EventId, Partition, PaymentId};
use crate::postgres::Database;
use crate::postgres::values::{Moment, bigint, smallint};

/// The columns that [`recorded`] takes, of `event e`.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.partition, e.position, e.payment_id, e.version, e.event_id, e.type, e.data,
                 e.traceparent, e.recorded_at ",
            $rest
        )
    };
}

pub(super) async fn load(
    database: &Database,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Vec<Recorded>, StoreError> {
    let query = sqlx::query(select_events!(
        "FROM event e WHERE e.partition = $1 AND e.payment_id = $2 ORDER BY e.version"
    ));
    events(database, query.bind(smallint(partition)).bind(payment_id.uuid())).await
}

pub(super) async fn texts(
    database: &Database,
    partition: Partition,
    payment_id: PaymentId,
) -> Result<Vec<EventText>, StoreError> {
    let query = sqlx::query(
        "SELECT version, name, salt, text FROM event_text
         WHERE partition = $1 AND payment_id = $2 ORDER BY version, name COLLATE \"C\"",
    );
    let query = query.bind(smallint(partition)).bind(payment_id.uuid());
    let rows = database.answered(query.fetch_all(database.pool())).await?;
    rows.iter().map(event_text).collect()
}

pub(super) async fn texts_of(
    database: &Database,
    payments: impl Iterator<Item = (Partition, PaymentId)>,
) -> Result<Vec<(PaymentId, EventText)>, StoreError> {
    let (partitions, ids): (Vec<i16>, Vec<Uuid>) =
        payments.map(|(partition, id)| (smallint(partition), id.uuid())).unzip();
    let query = sqlx::query(
        "SELECT version, name, salt, text, payment_id FROM event_text
         WHERE (partition, payment_id) IN (SELECT * FROM unnest($1::int2[], $2::uuid[]))
         ORDER BY partition, payment_id, version, name COLLATE \"C\"",
    );
    let query = query.bind(partitions).bind(ids);
    let rows = database.answered(query.fetch_all(database.pool())).await?;
    rows.iter().map(|row| Ok((payment_id(row, 4)?, event_text(row)?))).collect()
}

pub(super) async fn read(
    database: &Database,
    stretches: &[Stretch],
) -> Result<Vec<Recorded>, StoreError> {
    // Ordered inside, so that it stays one walk along the primary key for each stretch.
    let query = sqlx::query(select_events!(
        "FROM unnest($1::int2[], $2::int8[], $3::int8[]) s (partition, first, last)
         CROSS JOIN LATERAL (
             SELECT * FROM event
             WHERE partition = s.partition AND position BETWEEN s.first AND s.last
             ORDER BY position
         ) e"
    ))
    .bind(stretches.iter().map(|stretch| smallint(stretch.partition)).bind_iter())
    .bind(stretches.iter().map(|stretch| bigint(stretch.from)).bind_iter())
    .bind(stretches.iter().map(|stretch| bigint(stretch.last())).bind_iter());
    let mut events = events(database, query).await?;
    // In this order already where the stretches are, which a merge sort notices.
    events.sort_by_key(|event| (event.partition, event.position));
    events.dedup_by_key(|event| (event.partition, event.position));
    Ok(events)
}

/// Hashed where the events are, so that only the digests travel.
pub(super) async fn digests(
    database: &Database,
    stretches: &[Stretch],
) -> Result<Vec<[u8; 32]>, StoreError> {
    let query = sqlx::query_scalar(
        "SELECT sha256(convert_to(coalesce(e.text, ''), 'UTF8'))
         FROM unnest($1::int2[], $2::int8[], $3::int8[])
             WITH ORDINALITY s (partition, first, last, number)
         CROSS JOIN LATERAL (
             SELECT string_agg(
                 concat_ws(' ', position, payment_id, version, event_id, type, octet_length(data), data),
                 '' ORDER BY position) AS text
             FROM event
             WHERE partition = s.partition AND position BETWEEN s.first AND s.last
         ) e
         ORDER BY s.number",
    )
    .bind(stretches.iter().map(|stretch| smallint(stretch.partition)).bind_iter())
    .bind(stretches.iter().map(|stretch| bigint(stretch.from)).bind_iter())
    .bind(stretches.iter().map(|stretch| bigint(stretch.last())).bind_iter());
    let digests: Vec<Vec<u8>> = database.answered(query.fetch_all(database.pool())).await?;
    let sized =
        |digest: Vec<u8>| digest.try_into().map_err(|_| damaged(&"a digest is not 32 bytes"));
    digests.into_iter().map(sized).collect()
}

pub(super) async fn read_by_payment(
    database: &Database,
    partition: Partition,
    after: Option<(PaymentId, u32)>,
    limit: u32,
) -> Result<Vec<Recorded>, StoreError> {
    // Versions begin at 1, so every event comes after this one.
    let (id, version) =
        after.map_or((Uuid::nil(), 0), |(payment_id, version)| (payment_id.uuid(), version));
    let query = sqlx::query(select_events!(
        "FROM event e WHERE e.partition = $1 AND (e.payment_id, e.version) > ($2, $3)
         ORDER BY e.payment_id, e.version LIMIT $4"
    ));
    let query = query.bind(smallint(partition)).bind(id);
    events(database, query.bind(i64::from(version)).bind(i64::from(limit))).await
}

pub(super) async fn heads(database: &Database) -> Result<Vec<Head>, StoreError> {
    let query = sqlx::query("SELECT partition, head FROM ledger_partition ORDER BY partition");
    let rows = database.answered(query.fetch_all(database.pool())).await?;
    rows.iter().map(head).collect()
}

async fn events(
    database: &Database,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<Recorded>, StoreError> {
    let reading = query.map(|row| recorded(&row)).fetch_all(database.pool());
    database.answered(reading).await?.into_iter().collect()
}

/// The head of a row that begins with partition and head.
pub(super) fn head(row: &PgRow) -> Result<Head, StoreError> {
    Ok(Head { partition: partition(row, 0)?, position: unsigned(row, 1)? })
}

fn recorded(row: &PgRow) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        partition: partition(row, 0)?,
        position: unsigned(row, 1)?,
        payment_id: payment_id(row, 2)?,
        version: version(row, 3)?,
        event_id: event_id(row, 4)?,
        event_type: text(row, 5)?.unwrap_or_default(),
        data: text(row, 6)?.unwrap_or_default(),
        traceparent: text(row, 7)?,
        recorded_at: get::<Moment>(row, 8)?.or_last(),
    })
}

fn event_text(row: &PgRow) -> Result<EventText, StoreError> {
    let name: &str = get(row, 1)?;
    let salt: Option<&[u8]> = get(row, 2)?;
    Ok(EventText {
        version: version(row, 0)?,
        name: TextName::parse(name).ok_or_else(|| damaged(&format!("it has a text {name:?}")))?,
        salt: salt.map(TryInto::try_into).transpose().map_err(|error| damaged(&error))?,
        text: text(row, 3)?,
    })
}

/// The error of a value that is not of its column's kind.
pub(super) fn damaged(cause: &dyn Display) -> StoreError {
    StoreError::Damaged { store: STORE, cause: cause.to_string() }
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| damaged(&error))
}

/// A text of an event; `None` where none stands.
fn text(row: &PgRow, column: usize) -> Result<Option<Arc<str>>, StoreError> {
    let value = row.try_get_raw(column).map_err(|error| damaged(&error))?;
    Ok(value.as_bytes().ok().map(stored_text))
}

/// A number that is never negative, from a column that could hold one.
pub(super) fn number<T, N>(value: T) -> Result<N, StoreError>
where
    T: Copy + Display,
    N: TryFrom<T, Error: Display>,
{
    N::try_from(value).map_err(|error| damaged(&format!("the number {value}: {error}")))
}

fn partition(row: &PgRow, column: usize) -> Result<Partition, StoreError> {
    number(get::<i16>(row, column)?).map(Partition::new)
}

pub(super) fn version(row: &PgRow, column: usize) -> Result<u32, StoreError> {
    number(get::<i32>(row, column)?)
}

/// A position or a head.
pub(super) fn unsigned(row: &PgRow, column: usize) -> Result<u64, StoreError> {
    number(get::<i64>(row, column)?)
}

pub(super) fn payment_id(row: &PgRow, column: usize) -> Result<PaymentId, StoreError> {
    get(row, column).map(PaymentId::from_uuid)
}

pub(super) fn event_id(row: &PgRow, column: usize) -> Result<EventId, StoreError> {
    get(row, column).map(EventId::from_uuid)
}
