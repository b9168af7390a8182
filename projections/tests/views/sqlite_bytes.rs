//! Bytes that SQLite can hold and no cell has: `verify` names their rows.

use crate::tables::Store;
use crate::verifying::filled;

#[tokio::test]
async fn a_cell_with_bytes_that_no_text_has_is_named() {
    for (change, named) in [
        ("UPDATE payment SET status = X'FF' || status", "status should be"),
        ("UPDATE posting SET account = account || X'00' || 'x'", "account should be"),
        ("UPDATE refund SET payment_id = substr(payment_id, 2)", "payment_id should be"),
        ("UPDATE balance SET account = account || char(0)", "the ledger has no such row"),
        (
            "INSERT INTO payment_text SELECT partition, payment_id, version, name || char(0), value,
                created_at FROM payment_text LIMIT 1",
            "the ledger has no such row",
        ),
    ] {
        let (_, book, desk) = filled(Store::Sqlite).await;
        assert_eq!(desk.differences(&book).await, Vec::<String>::new());
        desk.damage(change).await;
        let found = desk.differences(&book).await;
        assert!(found.iter().any(|difference| difference.contains(named)), "{change}: {found:#?}");
    }
}
