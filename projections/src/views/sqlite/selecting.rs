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

    fn among(table: &str, indexed: &str) -> String {
        format!(
            "SELECT * FROM {table} WHERE (partition, payment_id) IN (
                 SELECT payment_text.partition, payment_text.payment_id FROM payment_text
                 WHERE {indexed})"
        )
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

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::views::list::{LISTS, List};
    use crate::views::sqlite::SqliteViews;
    use crate::views::{balances, journal, operations, payments, refunds, settlements};

    const fn select(list: &List) -> &'static Select {
        match list.name.as_bytes() {
            b"payments" => &payments::sqlite::SELECT,
            b"refunds" => &refunds::sqlite::SELECT,
            b"operations" => &operations::sqlite::SELECT,
            b"journal" => &journal::sqlite::SELECT,
            b"balances" => &balances::sqlite::SELECT,
            b"settlements" => &settlements::sqlite::SELECT,
            _ => &settlements::sqlite::SELECT_LINES,
        }
    }

    async fn plan(views: &SqliteViews, query: &PageQuery, search: Search) -> String {
        let (sql, values) = statement::<Sqlite>(query, None, select(query.list), search);
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let statement = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
        let mut reader = views.reading(query.list.view).await.unwrap();
        let steps = statement.bind(query.rows_to_read()).fetch_all(&mut *reader).await.unwrap();
        steps.iter().map(|step| step.get::<String, _>("detail")).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn no_page_of_a_whole_list_or_of_a_merchant_sorts_its_rows() {
        let directory = tempfile::tempdir().unwrap();
        let views = SqliteViews::open(&directory.path().join("views.db"), 4).await.unwrap();
        // Totals are few beside what they are summed from.
        for list in LISTS.into_iter().filter(|list| select(list).totals.is_none()) {
            for order in list.orders {
                let mut query = PageQuery::of(list);
                query.sort(order.name).unwrap();
                let whole = plan(&views, &query, Search::Beside).await;
                assert!(!whole.contains("TEMP B-TREE"), "{} by {}: {whole}", list.name, order.name);
                query.filter_text("reference", "x");
                let few = plan(&views, &query, Search::Among(0)).await;
                let is_by_text = !list.has_texts || few.contains("payment_text_value");
                assert!(is_by_text, "{} by {}: {few}", list.name, order.name);
                let is_scanned = few.contains(&format!("SCAN {}", select(list).table));
                assert!(!list.has_texts || !is_scanned, "{} by {}: {few}", list.name, order.name);
            }
            let mut query = PageQuery::of(list);
            let merchant = list.filters.iter().find(|filter| filter.name == "merchantId").unwrap();
            query.filter(merchant, Cell::text("shop-1"));
            let own = plan(&views, &query, Search::Beside).await;
            let is_walked = own.contains("merchant_id=?") && !own.contains("TEMP B-TREE");
            assert!(is_walked, "{} of a merchant: {own}", list.name);
        }
    }
}
