//! Rows as arrays, one for each column: what `unnest` makes rows of again.

use chrono::{DateTime, Utc};
use daybook_engine::postgres::values::timestamptz;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, query};
use uuid::Uuid;

use crate::views::row::{Cell, Kind, Row, Table};

/// `INSERT INTO table … SELECT … FROM unnest(…)` of these rows, with what is to be done where a row
/// stands there already.
pub(in crate::views) fn insert<'a, R: Row + 'a>(
    table: &Table,
    rows: impl Iterator<Item = &'a R>,
    on_conflict: &str,
) -> Query<'static, Postgres, PgArguments> {
    let columns = table.columns.join(", ");
    let (mut read, mut arrays) = (Vec::new(), Vec::new());
    for (number, (column, kind)) in (1_usize..).zip(table.columns.iter().zip(table.kinds)) {
        read.push(match kind {
            Kind::Date => format!("{column}::date"),
            _ => (*column).to_owned(),
        });
        arrays.push(format!("${number}::{}[]", array_of(*kind)));
    }
    // Every name in the statement is a constant of this crate.
    let statement = format!(
        "INSERT INTO {} ({columns}) SELECT {} FROM unnest({}) AS row ({columns}) {on_conflict}",
        table.name,
        read.join(", "),
        arrays.join(", ")
    );
    bind_columns(query(AssertSqlSafe(statement)), table, rows)
}

const fn array_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "int8",
        Kind::Text | Kind::Date => "text",
        Kind::Id => "uuid",
        Kind::Time => "timestamptz",
    }
}

enum Column {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Ids(Vec<Option<Uuid>>),
    Times(Vec<Option<DateTime<Utc>>>),
}

impl Column {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Self::Integers(Vec::new()),
            Kind::Text | Kind::Date => Self::Texts(Vec::new()),
            Kind::Id => Self::Ids(Vec::new()),
            Kind::Time => Self::Times(Vec::new()),
        }
    }

    /// A cell of another kind than its column's becomes null, which the table refuses.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Integers(cells), Cell::Integer(cell)) => cells.push(Some(cell)),
            (Self::Texts(cells), Cell::Text(cell)) => cells.push(Some(cell.into_owned())),
            (Self::Ids(cells), Cell::Id(cell)) => cells.push(Some(cell)),
            (Self::Times(cells), Cell::Time(cell)) => cells.push(Some(timestamptz(cell))),
            (Self::Integers(cells), _) => cells.push(None),
            (Self::Texts(cells), _) => cells.push(None),
            (Self::Ids(cells), _) => cells.push(None),
            (Self::Times(cells), _) => cells.push(None),
        }
    }
}

fn bind_columns<'a, R: Row + 'a>(
    query: Query<'static, Postgres, PgArguments>,
    table: &Table,
    rows: impl Iterator<Item = &'a R>,
) -> Query<'static, Postgres, PgArguments> {
    let mut columns: Vec<Column> = table.kinds.iter().map(|kind| Column::of(*kind)).collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row.cells()) {
            column.push(cell);
        }
    }
    columns.into_iter().fold(query, |query, column| match column {
        Column::Integers(cells) => query.bind(cells),
        Column::Texts(cells) => query.bind(cells),
        Column::Ids(cells) => query.bind(cells),
        Column::Times(cells) => query.bind(cells),
    })
}
