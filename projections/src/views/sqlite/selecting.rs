//! A page of a list, as SQLite is asked for it.
//!
//! SQLite knows nothing of how values are distributed, so what may choose the index is said here: the order's
//! own columns, and of the conditions the list's first. A `+` keeps it from every other.

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::columns::{SqliteColumns, failed};
use crate::error::ViewError;
use crate::views::columns::key_of;
use crate::views::list::Test;
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::Cell;

pub(in crate::views) async fn page<T>(
    tx: &mut SqliteConnection,
    query: &PageQuery,
    after: Option<Vec<Cell<'static>>>,
    select: &Select,
    read: impl Fn(&SqliteColumns<'_>) -> Result<T, ViewError>,
) -> Result<Items<T>, ViewError> {
    let view = query.list.view;
    let (sql, values) = statement(query, after, select);
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
    query: Query<'q, Sqlite, SqliteArguments>,
    value: Cell<'static>,
) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(integer) => query.bind(integer),
        Cell::Text(text) => query.bind(text.into_owned()),
        Cell::Id(id) => query.bind(id.into_bytes().to_vec()),
        Cell::Time(at) => query.bind(at.micros()),
    }
}

/// The statement but for its limit, and the values it takes before that.
fn statement(
    query: &PageQuery,
    after: Option<Vec<Cell<'static>>>,
    select: &Select,
) -> (String, Vec<Cell<'static>>) {
    let Select { table, columns, group_by } = *select;
    let (mut from, mut of_key) = (table, table);
    let (mut conditions, mut values) = (vec!["true".to_owned()], Vec::new());
    for (index, text) in query.texts().iter().enumerate() {
        // The first text leads, along its own index, which has payments in the order of their creation.
        if index == 0 {
            from = "payment_text CROSS JOIN payment";
            if query.order().name == "createdAt" {
                of_key = "payment_text";
            }
        }
        conditions.push(has_text(index == 0).to_owned());
        values.push(Cell::Text(text.name.clone().into()));
        values.push(Cell::Text(text.value.clone().into()));
    }
    let lead = query.order().key[0].0;
    let given = |name| query.conditions().iter().any(|condition| condition.filter.name == name);
    let chosen = query.list.filters.iter().find(|filter| given(filter.name));
    for condition in query.conditions() {
        let filter = condition.filter;
        let may_choose = filter.column == lead
            || chosen.is_some_and(|chosen| chosen == filter && chosen.test == Test::Is);
        let plus = if may_choose { "" } else { "+" };
        conditions.push(format!("{plus}{table}.{} {} ?", filter.column, filter.test.symbol()));
        values.push(condition.value.clone());
    }
    let (comparison, direction) = if query.is_descending() { ("<", "DESC") } else { (">", "ASC") };
    let key: Vec<String> =
        query.order().key.iter().map(|column| format!("{of_key}.{}", column.0)).collect();
    if let Some(after) = after {
        let places = vec!["?"; after.len()].join(", ");
        conditions.push(format!("({}) {comparison} ({places})", key.join(", ")));
        values.extend(after);
    }
    let group_by = group_by.map(|columns| format!("GROUP BY {columns}")).unwrap_or_default();
    let order: Vec<String> = key.iter().map(|column| format!("{column} {direction}")).collect();
    let sql = format!(
        "SELECT {columns}, {} FROM {from} WHERE {} {group_by} ORDER BY {} LIMIT ?",
        key.join(", "),
        conditions.join(" AND "),
        order.join(", ")
    );
    (sql, values)
}

/// That a payment has a text, which is no longer than what the index holds.
const fn has_text(is_leading: bool) -> &'static str {
    if is_leading {
        "payment_text.name = ? AND payment_text.value = ? AND length(payment_text.value) <= 500
         AND payment.partition = payment_text.partition
         AND payment.payment_id = payment_text.payment_id"
    } else {
        "EXISTS (SELECT 1 FROM payment_text AS other
             WHERE other.partition = payment.partition AND other.payment_id = payment.payment_id
               AND other.version = 1 AND other.name = ? AND other.value = ?)"
    }
}
