//! Pages: a keyset cursor says which row came last, so rows that arrive in between move nothing.

use daybook_engine::ids::Partition;
use daybook_engine::merchant::MerchantId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ViewError;

/// The most rows of one page.
pub const MAX_LIMIT: u32 = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    pub merchant_id: Option<MerchantId>,
    /// [`Page::next`] of the page before, of the same list.
    pub after: Option<String>,
    /// From 1 to [`MAX_LIMIT`]; clamped.
    pub limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` at the end.
    pub next: Option<String>,
    /// How far the view had got when it was read.
    pub positions: Vec<(Partition, u64)>,
}

impl PageQuery {
    pub(crate) fn rows(&self) -> usize {
        self.limit.clamp(1, MAX_LIMIT) as usize
    }

    /// One row more than the page, which tells whether another follows.
    pub(crate) fn rows_to_read(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_LIMIT)).saturating_add(1)
    }

    pub(crate) fn merchant(&self) -> Option<&str> {
        self.merchant_id.as_ref().map(MerchantId::as_str)
    }

    /// The key after which the page begins.
    pub(crate) fn key<K: DeserializeOwned>(&self, list: &str) -> Result<Option<K>, ViewError> {
        self.after.as_deref().map(|cursor| decode(list, cursor)).transpose()
    }

    /// Cuts off the row that was one too many, and names the last of the page where it was there.
    pub(crate) fn cut<T, K: Serialize>(
        &self,
        list: &str,
        mut items: Vec<T>,
        key: impl FnOnce(&T) -> K,
    ) -> (Vec<T>, Option<String>) {
        let is_more = items.len() > self.rows();
        items.truncate(self.rows());
        let last = items.last().filter(|_| is_more);
        let next = last.map(|last| encode(list, &key(last)));
        (items, next)
    }
}

/// The hexadecimal digits of a JSON array: the list's name and the key of the last row.
fn encode<K: Serialize>(list: &str, key: &K) -> String {
    // Keys are integers and strings, so JSON can always hold them.
    let json = serde_json::to_vec(&(list, key)).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, ViewError> {
    let json = bytes(cursor).ok_or(ViewError::BadCursor)?;
    let (of, key): (String, K) = serde_json::from_slice(&json).map_err(|_| ViewError::BadCursor)?;
    if of == list { Ok(key) } else { Err(ViewError::BadCursor) }
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

    #[test]
    fn a_cursor_is_taken_by_its_own_list_only() {
        let query = PageQuery { limit: 1, ..PageQuery::default() };
        let (items, next) = query.cut("refunds", vec!["a", "b"], |last| (7_i64, *last));
        assert_eq!(items, ["a"]);
        let after = PageQuery { after: next, ..query };
        let key: Option<(i64, String)> = after.key("refunds").unwrap();
        assert_eq!(key, Some((7, "a".to_owned())));
        let other = after.key::<(i64, String)>("payments");
        assert!(matches!(other, Err(ViewError::BadCursor)), "{other:?}");
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for bad in ["", "5", "zz", "5b5d", "\u{e9}\u{e9}", "+1", "ff", "5b22726566756e6473225d"] {
            let query = PageQuery { after: Some(bad.to_owned()), ..PageQuery::default() };
            let key = query.key::<(i64, String)>("refunds");
            assert!(matches!(key, Err(ViewError::BadCursor)), "{bad:?} was read as {key:?}");
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let query = PageQuery { limit: 2, ..PageQuery::default() };
        let (items, next) = query.cut("refunds", vec![1, 2], |last| *last);
        assert_eq!((items, next), (vec![1, 2], None));
    }
}
