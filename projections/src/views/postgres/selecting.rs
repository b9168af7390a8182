//! A page of a list, as Postgres is asked for it.

use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::timestamptz;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row as _};

use super::columns::{PostgresColumns, failed};
use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::key_of;
use crate::views::list::{Domain, KeyColumn};
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::Cell;
use crate::views::statement::{Dialect, MANY, Search, count, statement};

pub(in crate::views) async fn page<T>(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
    select: &Select,
    read: impl Fn(&PostgresColumns<'_>) -> Result<T, ViewError>,
) -> Result<Items<T>, ViewError> {
    let view = query.list.view;
    let search = search(tx, query).await?;
    let (sql, values) = statement::<Postgres>(query, query.key()?, select, search);
    // Every name in the statement is a constant of this crate, and every value is bound.
    let statement = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    let statement = statement.bind(query.rows_to_read());
    let rows = tx.fetch_all(statement).await.map_err(failed(view))?;
    let keyed = |row: &PgRow| {
        let columns = PostgresColumns { row, view };
        let first = row.len().saturating_sub(query.order().key.len());
        Ok((read(&columns)?, key_of(&columns, first, query.order().key)?))
    };
    let rows = rows.iter().map(keyed).collect::<Result<Vec<_>, ViewError>>()?;
    Ok(query.cut(rows))
}

fn bind<'q>(
    query: Query<'q, sqlx::Postgres, PgArguments>,
    value: Cell<'static>,
) -> Query<'q, sqlx::Postgres, PgArguments> {
    match value {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(integer) => query.bind(integer),
        Cell::Text(text) => query.bind(text.into_owned()),
        Cell::Id(id) => query.bind(id),
        Cell::Time(at) => query.bind(timestamptz(at)),
    }
}

struct Postgres;

impl Dialect for Postgres {
    fn place(number: usize) -> String {
        format!("${number}")
    }

    fn compared(place: String, domain: Domain) -> String {
        match domain {
            Domain::Day => format!("{place}::text::date"),
            _ => place,
        }
    }

    fn shown(column: &KeyColumn, name: &str) -> String {
        match column.1 {
            Domain::Day => format!("day_text({name})"),
            Domain::Count => format!("{name}::int8"),
            _ => name.to_owned(),
        }
    }

    /// It knows its rows, and chooses well.
    fn passed_over(column: String) -> String {
        column
    }

    /// The `OFFSET` keeps the order of the whole from choosing how they are found. Payments have no index by their id
    /// alone.
    fn among(table: &str, indexed: &str) -> String {
        let texts = format!("FROM payment_text WHERE {indexed}");
        let found = match table {
            "payment" => {
                let ids = "payment_text.partition, payment_text.payment_id";
                format!("(partition, payment_id) IN (SELECT {ids} {texts})")
            }
            _ => format!("payment_id = ANY (ARRAY(SELECT payment_text.payment_id {texts}))"),
        };
        format!("SELECT * FROM {table} WHERE {found} OFFSET 0")
    }
}

async fn search(tx: &mut Transaction<'_>, query: &PageQuery) -> Result<Search, ViewError> {
    let mut counts = Vec::with_capacity(query.texts().len());
    for text in query.texts() {
        let counting = sqlx::query(AssertSqlSafe(count::<Postgres>()));
        let counting = counting.bind(&text.name).bind(&text.value).bind(MANY);
        let rows = tx.fetch_all(counting).await.map_err(failed(View::Texts))?;
        let row = rows.first().ok_or_else(|| failed(View::Texts)(sqlx::Error::RowNotFound))?;
        counts.push(row.try_get(0).map_err(failed(View::Texts))?);
    }
    Ok(Search::of(query, &counts))
}
