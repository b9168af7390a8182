//! Bytes that SQLite can hold and no cell has: `verify` names their rows.

use std::sync::Arc;

use crate::book::Book;
use crate::history::History;
use crate::tables::{Desk, Store};

#[tokio::test]
async fn a_cell_with_bytes_that_no_text_has_is_named() {
    for (change, named) in [
        ("UPDATE payment SET status = X'FF' || status", "status should be"),
        ("UPDATE posting SET account = account || X'00' || 'x'", "literals don't show"),
        ("UPDATE refund SET payment_id = substr(payment_id, 2)", "payment_id should be"),
    ] {
        let history = History::of_refunded(4);
        let book = Arc::new(Book::of(&history.recorded));
        let desk = Desk::open(Store::Sqlite).await;
        desk.catch_up(&book).await;
        assert_eq!(desk.differences(&book).await, Vec::<String>::new());
        desk.damage(change).await;
        let found = desk.differences(&book).await;
        assert!(found.iter().any(|difference| difference.contains(named)), "{change}: {found:#?}");
    }
}
