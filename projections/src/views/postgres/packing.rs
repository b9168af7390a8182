//! Rows as the check of the views compares them, out of the binary form that the server sends.

use daybook_engine::postgres::values::Moment;
use sqlx::postgres::{PgRow, PgValueRef};
use sqlx::{Row as _, ValueRef as _};

use crate::verify::PackedRow;
use crate::views::row::{Kind, Table};

/// A table's columns, a day as its text.
pub(super) fn columns(table: &Table) -> String {
    let columns = table.columns.iter().zip(table.kinds).map(|(column, kind)| match kind {
        Kind::Date => format!("day_text({column})"),
        Kind::Integer | Kind::Text | Kind::Id | Kind::Time => (*column).to_owned(),
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// A row of [`columns`].
pub(super) fn packed(table: &Table, row: &PgRow) -> Result<PackedRow, sqlx::Error> {
    let mut packed = PackedRow::empty();
    for (index, kind) in table.kinds.iter().enumerate() {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            packed.null();
        } else {
            push(&mut packed, *kind, bytes(&value)?);
        }
    }
    Ok(packed)
}

fn bytes<'r>(value: &PgValueRef<'r>) -> Result<&'r [u8], sqlx::Error> {
    value.as_bytes().map_err(sqlx::Error::Decode)
}

fn push(packed: &mut PackedRow, kind: Kind, value: &[u8]) {
    match (kind, value.try_into()) {
        (Kind::Text | Kind::Date, _) => packed.text(value),
        (Kind::Id, Ok(id)) => packed.id(id),
        (Kind::Id, Err(_)) => packed.stray(value),
        (Kind::Integer, _) => match integer(value) {
            Some(number) => packed.integer(number),
            None => packed.stray(value),
        },
        (Kind::Time, _) => match Moment::read(value) {
            Some(Moment::At(micros)) => packed.integer(micros),
            Some(Moment::Never) => packed.stray(b"infinity"),
            Some(Moment::Before) => packed.stray(b"-infinity"),
            None => packed.stray(value),
        },
    }
}

/// A smallint, an integer or a bigint.
fn integer(value: &[u8]) -> Option<i64> {
    match *value {
        [a, b] => Some(i16::from_be_bytes([a, b]).into()),
        [a, b, c, d] => Some(i32::from_be_bytes([a, b, c, d]).into()),
        _ => value.try_into().map(i64::from_be_bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_are_the_same_number() {
        assert_eq!(integer(&(-5_i16).to_be_bytes()), Some(-5));
        assert_eq!(integer(&(-5_i32).to_be_bytes()), Some(-5));
        assert_eq!(integer(&(-5_i64).to_be_bytes()), Some(-5));
        assert_eq!(integer(&[1, 2, 3]), None);
    }
}
