//! Rows as the check of the views compares them, out of the values that SQLite hands over.

use sqlx::sqlite::{Sqlite, SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row as _, TypeInfo as _, ValueRef as _};

use crate::verify::PackedRow;
use crate::views::row::Table;

/// A table's columns.
pub(super) fn columns(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| format!("{}.{column}", table.name));
    columns.collect::<Vec<_>>().join(", ")
}

/// A row of [`columns`].
pub(super) fn packed(table: &Table, row: &SqliteRow) -> Result<PackedRow, sqlx::Error> {
    let mut packed = PackedRow::empty();
    for index in 0..table.columns.len() {
        push(&mut packed, row.try_get_raw(index)?).map_err(sqlx::Error::Decode)?;
    }
    Ok(packed)
}

/// By what the value is, which may be another kind than its column's.
fn push(packed: &mut PackedRow, value: SqliteValueRef<'_>) -> Result<(), sqlx::error::BoxDynError> {
    if value.is_null() {
        packed.null();
        return Ok(());
    }
    let kind = value.type_info().into_owned();
    match kind.name() {
        "INTEGER" => packed.integer(Decode::<Sqlite>::decode(value)?),
        "TEXT" => packed.text(<&[u8] as Decode<Sqlite>>::decode(value)?),
        kind => {
            let is_blob = kind == "BLOB";
            let bytes = <&[u8] as Decode<Sqlite>>::decode(value)?;
            match bytes.try_into() {
                Ok(id) if is_blob => packed.id(id),
                _ => packed.stray(bytes),
            }
        }
    }
    Ok(())
}
