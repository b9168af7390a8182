//! Pages: a keyset cursor says which row came last, so rows that arrive in between move nothing.

use std::fmt::Write as _;

use daybook_engine::ids::Partition;

use super::View;
use super::list::{Filter, List, Order};
use super::row::Cell;
use crate::error::ViewError;

/// The most rows of one page.
pub const MAX_LIMIT: u32 = 200;

/// What is asked of a list: which rows, in which order, and which page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    pub list: &'static List,
    order: &'static Order,
    is_descending: bool,
    conditions: Vec<Condition>,
    texts: Vec<TextCondition>,
    /// [`Page::next`] of the page before, of the same query.
    pub after: Option<String>,
    /// From 1 to [`MAX_LIMIT`]; clamped.
    pub limit: u32,
}

/// A filter with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) filter: &'static Filter,
    pub(crate) value: Cell<'static>,
}

/// A text that a payment must have: `reference`, or `metadata.NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextCondition {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` at the end.
    pub next: Option<String>,
    /// How far every view that was read had got.
    pub positions: Vec<(Partition, u64)>,
}

/// The items of a page and the cursor of the next.
pub(crate) type Items<T> = (Vec<T>, Option<String>);

/// What places a row among the others of its list, column by column.
pub(crate) type Key = Vec<Cell<'static>>;

/// Where a list's rows come from in a store.
pub(crate) struct Select {
    pub(crate) table: &'static str,
    /// What an item is read from.
    pub(crate) columns: &'static str,
    pub(crate) totals: Option<Totals>,
}

/// What makes totals of rows.
#[derive(Clone, Copy)]
pub(crate) struct Totals {
    /// By what they are summed.
    pub(crate) group_by: &'static str,
    /// What filters and orders call a sum, and how it is summed.
    pub(crate) sums: &'static [(&'static str, &'static str)],
}

impl Select {
    /// How the sum of this name is summed; `None` for a column.
    pub(crate) fn sum(&self, name: &str) -> Option<&'static str> {
        let sums = self.totals.map_or(&[][..], |totals| totals.sums);
        sums.iter().find(|(known, _)| *known == name).map(|(_, sum)| *sum)
    }
}

impl PageQuery {
    /// The first page of a whole list, in its own order.
    #[must_use]
    pub fn of(list: &'static List) -> Self {
        Self {
            list,
            order: &list.orders[0],
            is_descending: list.is_descending,
            conditions: Vec::new(),
            texts: Vec::new(),
            after: None,
            limit: MAX_LIMIT,
        }
    }

    /// The page after a cursor, which is [`Page::next`] of the page before; the first page without one.
    #[must_use]
    pub fn after(self, after: Option<String>) -> Self {
        Self { after, ..self }
    }

    /// Pages of so many rows.
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Only the rows for which the filter, which is one of the list's, holds with this value.
    pub fn filter(&mut self, filter: &'static Filter, value: Cell<'static>) {
        self.conditions.push(Condition { filter, value });
    }

    /// Only the payments with this text: `reference`, or `metadata.NAME`.
    pub fn filter_text(&mut self, name: &str, value: &str) {
        self.texts.push(TextCondition { name: name.to_owned(), value: value.to_owned() });
    }

    /// Sorts by `name`, or `-name` for the opposite.
    ///
    /// # Errors
    /// What it must be, to stand behind the parameter's name.
    pub fn sort(&mut self, text: &str) -> Result<(), String> {
        let (name, is_descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let Some(order) = self.list.orders.iter().find(|order| order.name == name) else {
            return Err(format!("must be one of {}", self.list.sorts().join(", ")));
        };
        (self.order, self.is_descending) = (order, is_descending);
        Ok(())
    }

    pub(crate) const fn order(&self) -> &'static Order {
        self.order
    }

    pub(crate) const fn is_descending(&self) -> bool {
        self.is_descending
    }

    pub(crate) fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    pub(crate) fn texts(&self) -> &[TextCondition] {
        &self.texts
    }

    /// The views that it reads, which may have got to different positions: the list's, and the texts' where
    /// it asks for any.
    pub(crate) const fn views(&self) -> [View; 2] {
        let own = self.list.view;
        if self.texts.is_empty() { [own, own] } else { [own, View::Texts] }
    }

    pub(crate) fn rows(&self) -> usize {
        self.limit.clamp(1, MAX_LIMIT) as usize
    }

    /// One row more than the page, which tells whether another follows.
    pub(crate) fn rows_to_read(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_LIMIT)).saturating_add(1)
    }

    /// The key after which the page begins; [`ViewError::BadCursor`] for whatever this query can't have
    /// given.
    pub(crate) fn key(&self) -> Result<Option<Key>, ViewError> {
        self.after.as_deref().map(|cursor| self.decode(cursor)).transpose()
    }

    /// Cuts off the row that was one too many, and names the last of the page where it was there. Rows come
    /// with their keys.
    pub(crate) fn cut<T>(&self, mut rows: Vec<(T, Key)>) -> Items<T> {
        let is_more = rows.len() > self.rows();
        rows.truncate(self.rows());
        let last = rows.last().filter(|_| is_more);
        let next = last.map(|(_, key)| self.encode(key));
        (rows.into_iter().map(|(item, _)| item).collect(), next)
    }

    /// The hexadecimal digits of a JSON array: the list's name, and what identifies the query and the last row.
    fn encode(&self, key: &[Cell<'_>]) -> String {
        let mut parts = vec![self.fingerprint()];
        parts.extend(key.iter().map(spelled));
        // Texts, so JSON can always hold them.
        let json = serde_json::to_vec(&(self.list.name, parts)).unwrap_or_default();
        hex(&json)
    }

    fn decode(&self, cursor: &str) -> Result<Key, ViewError> {
        let json = bytes(cursor).ok_or(ViewError::BadCursor)?;
        let (_, parts): (String, Vec<String>) =
            serde_json::from_slice(&json).map_err(|_| ViewError::BadCursor)?;
        let (_, parts) = parts.split_first().ok_or(ViewError::BadCursor)?;
        if parts.len() != self.order.key.len() {
            return Err(ViewError::BadCursor);
        }
        let parsed = self.order.key.iter().zip(parts).map(|(column, part)| column.1.parse(part));
        let key: Key = parsed.collect::<Result<_, _>>().map_err(|_| ViewError::BadCursor)?;
        // A key has one spelling, so any other was written by somebody else, or for another query.
        if self.encode(&key) == cursor { Ok(key) } else { Err(ViewError::BadCursor) }
    }

    /// Of everything that decides which rows come in which order.
    fn fingerprint(&self) -> String {
        let direction = if self.is_descending { "-" } else { "" };
        let mut conditions: Vec<(&str, String)> = self
            .conditions
            .iter()
            .map(|condition| (condition.filter.name, spelled(&condition.value)))
            .chain(self.texts.iter().map(|text| (text.name.as_str(), text.value.clone())))
            .collect();
        conditions.sort_unstable();
        let query = (direction, self.order.name, conditions);
        let text = serde_json::to_vec(&query).unwrap_or_default();
        blake3::hash(&text).to_hex().chars().take(16).collect()
    }
}

impl List {
    /// Every value of `sort`, the default first.
    #[must_use]
    pub fn sorts(&self) -> Vec<String> {
        let both = |order: &Order| {
            let (up, down) = (order.name.to_owned(), format!("-{}", order.name));
            if self.is_descending { [down, up] } else { [up, down] }
        };
        self.orders.iter().flat_map(both).collect()
    }
}

/// A part of a key or a condition, as [`super::list::Domain::parse`] reads it.
fn spelled(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Text(text) => text.to_string(),
        Cell::Id(id) => id.to_string(),
        Cell::Time(at) => at.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high << 4 | low).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::{balances, refunds};

    fn page_of(query: &PageQuery, text: &str) -> String {
        let key = vec![Cell::Time("2026-11-23T10:00:00Z".parse().unwrap()), id(text)];
        let rows = vec![((), key.clone()), ((), key)];
        PageQuery { limit: 1, ..query.clone() }.cut(rows).1.unwrap()
    }

    fn id(text: &str) -> Cell<'static> {
        Cell::Id(text.parse().unwrap())
    }

    const ID: &str = "0190a5f0-1c2d-8e3f-9a4b-5c6d7e8f9a0b";

    fn refunds(change: impl FnOnce(&mut PageQuery)) -> PageQuery {
        let mut query = PageQuery::of(&refunds::LIST);
        change(&mut query);
        query
    }

    fn read(query: &PageQuery, cursor: &str) -> Result<Option<Key>, ViewError> {
        PageQuery { after: Some(cursor.to_owned()), ..query.clone() }.key()
    }

    #[test]
    fn a_cursor_is_taken_by_its_own_query_only() {
        let merchant = &refunds::LIST.filters[0];
        let filtered = refunds(|query| query.filter(merchant, Cell::text("shop-1")));
        let cursor = page_of(&filtered, ID);
        assert_eq!(read(&filtered, &cursor).unwrap().unwrap()[1], id(ID));
        for other in [
            refunds(|_| {}),
            refunds(|query| query.filter(merchant, Cell::text("shop-2"))),
            refunds(|query| {
                query.filter(merchant, Cell::text("shop-1"));
                query.sort("requestedAt").unwrap();
            }),
            PageQuery::of(&balances::LIST),
        ] {
            let key = read(&other, &cursor);
            assert!(matches!(key, Err(ViewError::BadCursor)), "{other:?} took it: {key:?}");
        }
    }

    #[test]
    fn the_order_of_conditions_makes_no_other_query() {
        let [merchant, currency] = [&refunds::LIST.filters[0], &refunds::LIST.filters[1]];
        let one = refunds(|query| {
            query.filter(merchant, Cell::text("shop-1"));
            query.filter(currency, Cell::text("EUR"));
        });
        let other = refunds(|query| {
            query.filter(currency, Cell::text("EUR"));
            query.filter(merchant, Cell::text("shop-1"));
        });
        assert!(read(&other, &page_of(&one, ID)).is_ok());
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for bad in ["", "5", "zz", "5b5d", "\u{e9}\u{e9}", "+1", "ff", "5b22726566756e6473225d"] {
            let key = read(&refunds(|_| {}), bad);
            assert!(matches!(key, Err(ViewError::BadCursor)), "{bad:?} was read as {key:?}");
        }
    }

    #[test]
    fn a_key_that_is_spelled_otherwise_is_refused() {
        let query = refunds(|_| {});
        let good = page_of(&query, ID);
        let json = String::from_utf8(bytes(&good).unwrap()).unwrap();
        assert!(read(&query, &hex(json.as_bytes())).is_ok());
        for bad in [
            json.replace("\",[", "\", ["),
            json.replace(ID, &ID.to_uppercase()),
            json.replace("10:00:00.000Z", "10:00:00Z"),
            json.replace("10:00:00.000Z", "11:00:00.000+01:00"),
        ] {
            assert_ne!(bad, json);
            let key = read(&query, &hex(bad.as_bytes()));
            assert!(matches!(key, Err(ViewError::BadCursor)), "{bad:?} was read as {key:?}");
        }
        assert!(read(&query, &good.to_uppercase()).is_err());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let query = PageQuery { limit: 2, ..refunds(|_| {}) };
        let rows = vec![(1, Vec::new()), (2, Vec::new())];
        assert_eq!(query.cut(rows), (vec![1, 2], None));
    }

    #[test]
    fn a_sort_that_the_list_does_not_have_names_those_it_has() {
        let refused = refunds(|_| {}).sort("colour").unwrap_err();
        assert!(refused.contains("-requestedAt, requestedAt"), "{refused}");
    }
}
