//! A query string by itself.

use daybook_projections::views::MAX_LIMIT;
use daybook_projections::views::list::{LISTS, List};

use crate::error::ApiError;
use crate::query::{PAGING, Query};

/// # Panics
/// Where what is taken of a query string reads otherwise once it is written again, or passes the
/// bounds of a page.
pub fn query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(query) = Query::parse(text) else { return };
    let written = written(&query);
    let again = Query::parse(&written).expect("what is written is taken");
    for name in names() {
        assert_eq!(again.get(name), query.get(name), "{name} of {written}");
    }
    for list in LISTS {
        let Ok(asked) = page_of(list, &query) else { continue };
        let asked_again = page_of(list, &again).expect("the same is asked for");
        assert_eq!(asked_again, asked, "{written}");
    }
}

/// Every parameter that has a name of its own.
fn names() -> impl Iterator<Item = &'static str> {
    let filters = LISTS.into_iter().flat_map(|list| list.filters).map(|filter| filter.name);
    filters.chain(PAGING).chain(["reference"])
}

/// What a list makes of it, as text.
fn page_of(list: &'static List, query: &Query<'_>) -> Result<String, ApiError> {
    let page = query.page(list)?;
    assert!((1..=MAX_LIMIT).contains(&page.limit), "a page of {}", page.limit);
    Ok(format!("{page:?}"))
}

/// Every byte percent-encoded.
fn written(query: &Query<'_>) -> String {
    let mut names: Vec<&str> = names().collect();
    names.extend(query.metadata_names());
    let mut known: Vec<(&str, &str)> =
        names.into_iter().filter_map(|name| Some((name, query.get(name)?))).collect();
    // Lists share most of their filters, and a parameter stands once.
    known.sort_unstable();
    known.dedup();
    let pairs: Vec<String> = known
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
