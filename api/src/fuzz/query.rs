//! A query string by itself.

use daybook_projections::views::MAX_LIMIT;

use crate::error::ApiError;
use crate::query::Query;

const NAMES: [&str; 5] = ["merchantId", "limit", "cursor", "currency", "date"];

/// # Panics
/// Where what is taken of a query string reads otherwise once it is written again, or passes the
/// bounds of a page.
pub fn query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(query) = Query::parse(text) else { return };
    let written = written(&query);
    let again = Query::parse(&written).expect("what is written is taken");
    for name in NAMES {
        assert_eq!(again.get(name), query.get(name), "{name} of {written}");
    }
    let Ok(asked) = page_of(&query) else { return };
    assert_eq!(page_of(&again).expect("the same is asked for"), asked, "{written}");
}

/// What lists make of it, as text.
fn page_of(query: &Query<'_>) -> Result<String, ApiError> {
    let page = query.page(&["currency", "date"])?;
    let (currency, date) = (query.currency()?, query.date()?);
    assert!((1..=MAX_LIMIT).contains(&page.limit), "a page of {}", page.limit);
    Ok(format!("{page:?} {currency:?} {date:?}"))
}

/// Every byte percent-encoded.
fn written(query: &Query<'_>) -> String {
    let known = NAMES.iter().filter_map(|name| Some((name, query.get(name)?)));
    let pairs: Vec<String> = known
        .map(|(name, value)| {
            let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            format!("{name}={value}")
        })
        .collect();
    pairs.join("&")
}
