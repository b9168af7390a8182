//! A page of a list, as Postgres is asked for it.

use daybook_engine::postgres::Transaction;
use daybook_engine::postgres::values::timestamptz;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Row as _};

use super::columns::{PostgresColumns, failed};
use crate::error::ViewError;
use crate::views::columns::key_of;
use crate::views::list::{Domain, KeyColumn};
use crate::views::page::{Items, PageQuery, Select};
use crate::views::row::Cell;

pub(in crate::views) async fn page<T>(
    tx: &mut Transaction<'_>,
    query: &PageQuery,
    after: Option<Vec<Cell<'static>>>,
    select: &Select,
    read: impl Fn(&PostgresColumns<'_>) -> Result<T, ViewError>,
) -> Result<Items<T>, ViewError> {
    let view = query.list.view;
    let (sql, values) = statement(query, after, select);
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
    query: Query<'q, Postgres, PgArguments>,
    value: Cell<'static>,
) -> Query<'q, Postgres, PgArguments> {
    match value {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(integer) => query.bind(integer),
        Cell::Text(text) => query.bind(text.into_owned()),
        Cell::Id(id) => query.bind(id),
        Cell::Time(at) => query.bind(timestamptz(at)),
    }
}

/// The statement, and the values it takes before its limit.
fn statement(
    query: &PageQuery,
    after: Option<Vec<Cell<'static>>>,
    select: &Select,
) -> (String, Vec<Cell<'static>>) {
    let Select { table, columns, group_by } = *select;
    let (mut from, mut of_key) = (table, table);
    let (mut conditions, mut values) = (vec!["true".to_owned()], Vec::new());
    for (index, text) in query.texts().iter().enumerate() {
        // The first text's index has payments in the order of their creation.
        if index == 0 {
            from = "payment JOIN payment_text USING (partition, payment_id)";
            if query.order().name == "createdAt" {
                of_key = "payment_text";
            }
        }
        values.push(Cell::Text(text.name.clone().into()));
        values.push(Cell::Text(text.value.clone().into()));
        conditions.push(has_text(index == 0, values.len()));
    }
    for condition in query.conditions() {
        let filter = condition.filter;
        values.push(condition.value.clone());
        let place = place(values.len(), filter.domain);
        conditions.push(format!("{table}.{} {} {place}", filter.column, filter.test.symbol()));
    }
    let (comparison, direction) = if query.is_descending() { ("<", "DESC") } else { (">", "ASC") };
    let key = query.order().key;
    let names: Vec<String> = key.iter().map(|column| format!("{of_key}.{}", column.0)).collect();
    if let Some(after) = after {
        let places: Vec<String> = (values.len().saturating_add(1)..)
            .zip(key)
            .map(|(number, column)| place(number, column.1))
            .collect();
        conditions.push(format!("({}) {comparison} ({})", names.join(", "), places.join(", ")));
        values.extend(after);
    }
    let shown: Vec<String> =
        key.iter().zip(&names).map(|(column, name)| shown(column, name)).collect();
    let group_by = group_by.map(|columns| format!("GROUP BY {columns}")).unwrap_or_default();
    let order: Vec<String> = names.iter().map(|column| format!("{column} {direction}")).collect();
    let sql = format!(
        "SELECT {columns}, {} FROM {from} WHERE {} {group_by} ORDER BY {} LIMIT ${}",
        shown.join(", "),
        conditions.join(" AND "),
        order.join(", "),
        values.len().saturating_add(1)
    );
    (sql, values)
}

/// A parameter, as the column's type takes it.
fn place(number: usize, domain: Domain) -> String {
    match domain {
        Domain::Day => format!("${number}::text::date"),
        _ => format!("${number}"),
    }
}

/// A column of the key, as it is read.
fn shown(column: &KeyColumn, name: &str) -> String {
    match column.1 {
        Domain::Day => format!("day_text({name})"),
        Domain::Count => format!("{name}::int8"),
        _ => name.to_owned(),
    }
}

/// That a payment has a text, which is no longer than what the index holds; its value is parameter `number`,
/// behind its name.
fn has_text(is_leading: bool, number: usize) -> String {
    let name = number.saturating_sub(1);
    if is_leading {
        format!(
            "payment_text.name = ${name} AND payment_text.value = ${number}
             AND length(payment_text.value) <= 500"
        )
    } else {
        format!(
            "EXISTS (SELECT FROM payment_text other
                 WHERE other.partition = payment.partition AND other.payment_id = payment.payment_id
                   AND other.version = 1 AND other.name = ${name} AND other.value = ${number})"
        )
    }
}
