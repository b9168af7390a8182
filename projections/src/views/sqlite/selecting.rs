//! A page of a list, as SQLite is asked for it.
//!
//! SQLite knows nothing of how values are distributed, so what may choose the index is said to it: the order's
//! own columns, and of the conditions the list's first. A `+` keeps it from every other. How many payments have
//! a text is counted, as far as it matters.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::columns::{SqliteColumns, failed};
use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::key_of;
use crate::views::list::{Domain, KeyColumn};
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::Cell;
use crate::views::statement::{Dialect, MANY, Search, count, statement};

pub(in crate::views) async fn page<T>(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    select: &Select,
    read: impl Fn(&SqliteColumns<'_>) -> Result<T, ViewError>,
) -> Result<Items<T>, ViewError> {
    let view = query.list.view;
    let search = search(tx, query).await?;
    let (sql, values) = statement::<Sqlite>(query, query.key()?, select, search);
    // Every name in the statement is a constant of this crate, and every value is bound.
    let statement = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    let rows = statement.bind(query.rows_to_read()).fetch_all(tx).await.map_err(failed(view))?;
    let keyed = |row: &SqliteRow| {
        let columns = SqliteColumns { row, view };
        let first = row.len().saturating_sub(query.order().key.len());
        Ok((read(&columns)?, key_of(&columns, first, query.order().key)?))
    };
    let rows = rows.iter().map(keyed).collect::<Result<Vec<_>, ViewError>>()?;
    Ok(query.cut(rows))
}

fn bind<'q>(
    query: Query<'q, sqlx::Sqlite, SqliteArguments>,
    value: Cell<'static>,
) -> Query<'q, sqlx::Sqlite, SqliteArguments> {
    match value {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(integer) => query.bind(integer),
        Cell::Text(text) => query.bind(text.into_owned()),
        Cell::Id(id) => query.bind(id.into_bytes().to_vec()),
        Cell::Time(at) => query.bind(at.micros()),
    }
}

struct Sqlite;

impl Dialect for Sqlite {
    fn place(number: usize) -> String {
        format!("?{number}")
    }

    fn compared(place: String, _: Domain) -> String {
        place
    }

    fn shown(_: &KeyColumn, name: &str) -> String {
        name.to_owned()
    }

    fn passed_over(column: String) -> String {
        format!("+{column}")
    }
}

async fn search(tx: &mut SqliteConnection, query: &PageQuery) -> Result<Search, ViewError> {
    let mut counts = Vec::with_capacity(query.texts().len());
    for text in query.texts() {
        let counting = sqlx::query_scalar(AssertSqlSafe(count::<Sqlite>()));
        let counting = counting.bind(&text.name).bind(&text.value).bind(MANY);
        counts.push(counting.fetch_one(&mut *tx).await.map_err(failed(View::Texts))?);
    }
    Ok(Search::of(query, &counts))
}
