//! The cursor of a page, as a client sends it.

use super::list::{LISTS, List};
use super::page::PageQuery;

/// # Panics
/// Where a list takes a cursor that it would not have written itself, or two lists take the same.
pub fn cursor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let text = text.trim_end_matches('\n');
    let taken = LISTS.into_iter().filter(|list| takes(list, text)).count();
    assert!(taken <= 1, "{taken} lists take {text}");
}

fn takes(list: &'static List, text: &str) -> bool {
    let query = PageQuery::of(list).limit(1).after(Some(text.to_owned()));
    let Ok(Some(key)) = query.key() else { return false };
    let (_, next) = query.cut(vec![((), key.clone()), ((), key)]);
    assert_eq!(next.as_deref(), Some(text), "a cursor of {}", list.name);
    true
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::views::list::Domain;
    use crate::views::row::Cell;

    fn sample(domain: Domain) -> Cell<'static> {
        let text = match domain {
            Domain::Merchant => "shop-1",
            Domain::Currency => "EUR",
            Domain::Amount | Domain::Count => "41",
            Domain::Time => "2026-11-23T09:15:00.042Z",
            Domain::Day => "2026-11-23",
            Domain::Id => "9ace9fe4-0b45-8f95-a12b-48e2f1fe6e07",
            closed => closed.names()[0],
        };
        domain.parse(text).unwrap()
    }

    #[test]
    fn the_corpus_has_a_cursor_that_each_list_takes() {
        for list in LISTS {
            let key: Vec<_> = list.orders[0].key.iter().map(|column| sample(column.1)).collect();
            let (_, next) = PageQuery::of(list).limit(1).cut(vec![((), key.clone()), ((), key)]);
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/cursor").join(list.name);
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(Some(kept.trim_end()), next.as_deref(), "{}", file.display());
            assert!(takes(list, kept.trim_end()), "{}", list.name);
        }
    }
}
