//! A row's cells in one run of bytes: quick to make from what a store sends, and the same just where the cells are.

use std::fmt::{self, Write as _};

use uuid::Uuid;

use crate::views::row::{Cell, Table};

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const ID: u8 = 2;
const TEXT: u8 = 3;
const STRAY: u8 = 4;

/// A row: of each cell, in the order of its table's columns, a byte for its kind, then its value: 8 bytes, 16,
/// or a length of 4 and that many. A time is an integer, microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedRow(Vec<u8>);

impl PackedRow {
    /// Room for the cells of most rows.
    const CAPACITY: usize = 256;

    /// A row without cells yet.
    #[must_use]
    pub fn empty() -> Self {
        Self(Vec::with_capacity(Self::CAPACITY))
    }

    /// What the ledger says a row is.
    #[must_use]
    pub fn of(cells: &[Cell<'_>]) -> Self {
        let mut packed = Self::empty();
        for cell in cells {
            match cell {
                Cell::Null => packed.null(),
                Cell::Integer(integer) => packed.integer(*integer),
                Cell::Time(at) => packed.integer(at.micros()),
                Cell::Id(id) => packed.id(id.as_bytes()),
                Cell::Text(text) => packed.text(text.as_bytes()),
            }
        }
        packed
    }

    pub fn null(&mut self) {
        self.0.push(NULL);
    }

    pub fn integer(&mut self, integer: i64) {
        self.0.push(INTEGER);
        self.0.extend_from_slice(&integer.to_be_bytes());
    }

    pub fn id(&mut self, id: &[u8; 16]) {
        self.0.push(ID);
        self.0.extend_from_slice(id);
    }

    pub fn text(&mut self, text: &[u8]) {
        self.sized(TEXT, text);
    }

    /// A value that no cell has: unlike every cell.
    pub fn stray(&mut self, value: &[u8]) {
        self.sized(STRAY, value);
    }

    fn sized(&mut self, kind: u8, value: &[u8]) {
        self.0.push(kind);
        // No store holds a value of 4 GiB.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
    }

    /// The cells that name the row within its partition.
    #[must_use]
    pub fn identity(&self, table: &Table) -> &[u8] {
        let (_, named) = after(&self.0, 1);
        let (identity, _) = after(named, table.identity);
        identity
    }

    /// The same as SQL literals, with `,` between them.
    #[must_use]
    pub fn name(&self, table: &Table) -> String {
        let cells = Packed::of(self.identity(table)).map(|cell| cell.to_string());
        cells.collect::<Vec<_>>().join(",")
    }

    /// What it is looked up by: its second cell.
    #[must_use]
    pub fn key(&self) -> Option<Packed<'_>> {
        self.cells().nth(1)
    }

    pub fn cells(&self) -> impl Iterator<Item = Packed<'_>> {
        Packed::of(&self.0)
    }
}

/// A cell out of its bytes. Written as an SQL literal, with the control characters of a text escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed<'a> {
    Null,
    Integer(i64),
    Id(Uuid),
    Text(&'a [u8]),
    /// What no cell of its column is.
    Stray(&'a [u8]),
}

impl<'a> Packed<'a> {
    fn of(mut cells: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let (kind, value, behind) = split_first(cells)?;
            cells = behind;
            Some(match kind {
                NULL => Self::Null,
                INTEGER => Self::Integer(i64::from_be_bytes(value.try_into().ok()?)),
                ID => Self::Id(Uuid::from_slice(value).ok()?),
                TEXT => Self::Text(value),
                _ => Self::Stray(value),
            })
        })
    }
}

impl fmt::Display for Packed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Id(id) => write!(f, "X'{:X}'", id.simple()),
            Self::Text(text) => {
                f.write_char('\'')?;
                for character in String::from_utf8_lossy(text).chars() {
                    match character {
                        '\'' => f.write_str("''")?,
                        control if control.is_control() => {
                            write!(f, "{}", control.escape_default())?;
                        }
                        other => f.write_char(other)?,
                    }
                }
                f.write_char('\'')
            }
            Self::Stray(value) => match str::from_utf8(value) {
                // Such as the infinity of a time.
                Ok(text) if text.ends_with("infinity") => write!(f, "'{text}'"),
                _ => {
                    f.write_str("X'")?;
                    value.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
                    f.write_char('\'')
                }
            },
        }
    }
}

/// The first `count` cells, and what follows them.
fn after(cells: &[u8], count: usize) -> (&[u8], &[u8]) {
    let mut rest = cells;
    for _ in 0..count {
        let Some((_, _, behind)) = split_first(rest) else { break };
        rest = behind;
    }
    cells.split_at_checked(cells.len().saturating_sub(rest.len())).unwrap_or((cells, &[]))
}

/// The kind and the value of the first cell, and what follows it; `None` at the end.
fn split_first(cells: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = cells.split_first()?;
    let (length, rest) = match *kind {
        NULL => (0, rest),
        INTEGER => (size_of::<i64>(), rest),
        ID => (size_of::<Uuid>(), rest),
        _ => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_be_bytes(*length)).ok()?, rest)
        }
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*kind, value, rest))
}

#[cfg(test)]
mod tests {
    use daybook_engine::clock::Timestamp;

    use super::*;
    use crate::views::refunds::fold::REFUND;

    fn literals(row: &PackedRow) -> Vec<String> {
        row.cells().map(|cell| cell.to_string()).collect()
    }

    #[test]
    fn a_packed_row_comes_apart_into_its_literals() {
        let cells = [
            Cell::Integer(-3),
            Cell::text("it's, \"so\", ''"),
            Cell::Null,
            Cell::Id(Uuid::from_u128(0xabc)),
            Cell::text(""),
            Cell::Time(Timestamp::from_micros(1_700_000_000_000_000)),
            Cell::text("é,',"),
        ];
        let written = [
            "-3",
            "'it''s, \"so\", '''''",
            "NULL",
            "X'00000000000000000000000000000ABC'",
            "''",
            "1700000000000000",
            "'é,'','",
        ];
        assert_eq!(literals(&PackedRow::of(&cells)), written);
    }

    #[test]
    fn what_no_cell_holds_is_shown_too() {
        let mut row = PackedRow::empty();
        row.text(b"a\0\xff");
        row.stray(&[1, 0xab]);
        row.stray(b"infinity");
        assert_eq!(literals(&row), ["'a\\u{0}\u{fffd}'", "X'01AB'", "'infinity'"]);
    }

    #[test]
    fn rows_are_the_same_only_where_every_cell_is() {
        let cells = [Cell::Integer(1), Cell::text("ab"), Cell::text("c"), Cell::Null];
        let others = [
            [Cell::Integer(2), Cell::text("ab"), Cell::text("c"), Cell::Null],
            [Cell::Integer(1), Cell::text("a"), Cell::text("bc"), Cell::Null],
            [Cell::Integer(1), Cell::text("ab"), Cell::text("c"), Cell::text("")],
            [Cell::Integer(1), Cell::text("ab"), Cell::text("c"), Cell::Integer(0)],
            [Cell::text("1"), Cell::text("ab"), Cell::text("c"), Cell::Null],
        ];
        for other in &others {
            assert_ne!(PackedRow::of(&cells), PackedRow::of(other), "{other:?}");
        }
        let mut stray = PackedRow::empty();
        stray.stray(b"c");
        assert_ne!(stray, PackedRow::of(&[Cell::text("c")]));
        assert_eq!(PackedRow::of(&cells), PackedRow::of(&cells));
    }

    #[test]
    fn the_identity_is_what_follows_the_partition() {
        let id = Cell::Id(Uuid::from_u128(7));
        let row = PackedRow::of(&[Cell::Integer(1), id.clone(), Cell::text("rest")]);
        let elsewhere = PackedRow::of(&[Cell::Integer(2), id, Cell::Null]);
        let other = Cell::Id(Uuid::from_u128(8));
        let another = PackedRow::of(&[Cell::Integer(1), other, Cell::text("rest")]);
        assert_eq!(row.identity(&REFUND), elsewhere.identity(&REFUND));
        assert_ne!(row.identity(&REFUND), another.identity(&REFUND));
        assert_eq!(row.name(&REFUND), "X'00000000000000000000000000000007'");
        assert_eq!(row.key(), Some(Packed::Id(Uuid::from_u128(7))));
    }
}
