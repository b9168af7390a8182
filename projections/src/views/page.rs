//! Pages: a keyset cursor says which row came last, so rows that arrive in between move nothing.

use daybook_engine::ids::Partition;
use daybook_engine::merchant::MerchantId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ViewError;

/// What identifies a row of a list and places it among the others.
pub(crate) trait PageKey: Serialize + DeserializeOwned {
    /// The list's name, as its cursors have it.
    const LIST: &'static str;
}

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

    /// The key after which the page begins; [`ViewError::BadCursor`] for whatever the list can't have
    /// given.
    pub(crate) fn key<K: PageKey>(&self) -> Result<Option<K>, ViewError> {
        self.after.as_deref().map(decode).transpose()
    }

    /// Cuts off the row that was one too many, and names the last of the page where it was there.
    pub(crate) fn cut<T, K: PageKey>(
        &self,
        mut items: Vec<T>,
        key: impl FnOnce(&T) -> K,
    ) -> (Vec<T>, Option<String>) {
        let is_more = items.len() > self.rows();
        items.truncate(self.rows());
        let last = items.last().filter(|_| is_more);
        let next = last.map(|last| encode(&key(last)));
        (items, next)
    }
}

/// The hexadecimal digits of a JSON array: the list's name and the key of the last row.
fn encode<K: PageKey>(key: &K) -> String {
    // Keys are integers and strings, so JSON can always hold them.
    let json = serde_json::to_vec(&(K::LIST, key)).unwrap_or_default();
    json.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode<K: PageKey>(cursor: &str) -> Result<K, ViewError> {
    let json = bytes(cursor).ok_or(ViewError::BadCursor)?;
    let (_, key): (String, K) = serde_json::from_slice(&json).map_err(|_| ViewError::BadCursor)?;
    // A key has one spelling, so any other was written by somebody else.
    if encode(&key) == cursor { Ok(key) } else { Err(ViewError::BadCursor) }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high << 4 | low).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Key(i64, String);

    impl PageKey for Key {
        const LIST: &'static str = "refunds";
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct OtherKey(i64, String);

    impl PageKey for OtherKey {
        const LIST: &'static str = "payments";
    }

    fn after(cursor: &str) -> PageQuery {
        PageQuery { after: Some(cursor.to_owned()), ..PageQuery::default() }
    }

    #[test]
    fn a_cursor_is_taken_by_its_own_list_only() {
        let query = PageQuery { limit: 1, ..PageQuery::default() };
        let (items, next) = query.cut(vec!["a", "b"], |last| Key(7, (*last).to_owned()));
        assert_eq!(items, ["a"]);
        let after = PageQuery { after: next, ..query };
        assert_eq!(after.key::<Key>().unwrap(), Some(Key(7, "a".to_owned())));
        let other = after.key::<OtherKey>();
        assert!(matches!(other, Err(ViewError::BadCursor)), "{other:?}");
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for bad in ["", "5", "zz", "5b5d", "\u{e9}\u{e9}", "+1", "ff", "5b22726566756e6473225d"] {
            let key = after(bad).key::<Key>();
            assert!(matches!(key, Err(ViewError::BadCursor)), "{bad:?} was read as {key:?}");
        }
    }

    #[test]
    fn a_key_that_is_spelled_otherwise_is_refused() {
        let cursor =
            |json: &str| json.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let good = cursor(r#"["refunds",[7,"a"]]"#);
        assert_eq!(after(&good).key::<Key>().unwrap(), Some(Key(7, "a".to_owned())));
        for bad in [
            cursor(r#"["refunds", [7,"a"]]"#),
            cursor(r#"["refunds",[7,"\u0061"]]"#),
            cursor(r#"["refunds",[-0,"a"]]"#),
            good.to_uppercase(),
        ] {
            let key = after(&bad).key::<Key>();
            assert!(matches!(key, Err(ViewError::BadCursor)), "{bad:?} was read as {key:?}");
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let query = PageQuery { limit: 2, ..PageQuery::default() };
        let (items, next) = query.cut(vec![1, 2], |last| Key(*last, String::new()));
        assert_eq!((items, next), (vec![1, 2], None));
    }
}
