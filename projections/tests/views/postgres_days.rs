//! Days and times that Postgres can hold and no payment has: `verify` names them, and no list shows
//! them as another day.

use std::sync::Arc;

use daybook_projections::PageQuery;
use daybook_projections::views::settlements;

use crate::book::Book;
use crate::history::History;
use crate::tables::{Desk, Store};

async fn filled() -> (Arc<Book>, Desk) {
    let history = History::of_refunded(4);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(Store::Postgres).await;
    desk.catch_up(&book).await;
    (book, desk)
}

/// The same year, month and day, before Christ.
const BEFORE_CHRIST: &str = "(to_char(date, 'YYYY-MM-DD') || ' BC')::date";

#[tokio::test]
async fn a_day_that_became_the_same_before_christ_is_named() {
    for table in ["settlement", "settlement_line"] {
        let (book, desk) = filled().await;
        assert_eq!(desk.differences(&book).await, Vec::<String>::new());
        desk.damage(String::leak(format!("UPDATE {table} SET date = {BEFORE_CHRIST}"))).await;
        let found = desk.differences(&book).await;
        assert!(found.iter().any(|difference| difference.contains(" BC")), "{table}: {found:#?}");
    }
}

#[tokio::test]
async fn a_day_or_time_without_a_number_is_named() {
    let changes = [
        "UPDATE settlement_line SET date = 'infinity'",
        "UPDATE settlement_line SET date = '-infinity'",
        "UPDATE settlement_line SET at = 'infinity'",
        "UPDATE payment SET created_at = '-infinity'",
    ];
    for change in changes {
        let (book, desk) = filled().await;
        desk.damage(change).await;
        let found = desk.differences(&book).await;
        assert!(found.iter().any(|difference| difference.contains("infinity'")), "{found:#?}");
    }
}

#[tokio::test]
async fn no_list_shows_a_day_before_christ_as_one_after() {
    for table in ["settlement", "settlement_line"] {
        let (_, desk) = filled().await;
        desk.damage(String::leak(format!("UPDATE {table} SET date = {BEFORE_CHRIST}"))).await;
        let totals = desk.views.settlements(&PageQuery::of(&settlements::LIST)).await;
        let lines = desk.views.settlement_lines(&PageQuery::of(&settlements::LINES)).await;
        let is_shown = if table == "settlement" { totals.is_ok() } else { lines.is_ok() };
        assert!(!is_shown, "{table}: {totals:?} {lines:?}");
    }
}
