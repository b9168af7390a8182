//! A view built anew beside the one that is read, under load, and after something changed in it.

use std::sync::Arc;

use crate::harness::Daybook;
use crate::outages::Clients;
use crate::store::Store;

const VIEWS: [&str; 7] =
    ["payments", "settlements", "refunds", "balances", "operations", "journal", "texts"];

async fn rebuild(daybook: &Daybook, view: &str) -> String {
    let output = daybook.command("projections rebuild", &[view]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{view}: {said}\n{errors}");
    said
}

pub(crate) async fn a_view_rebuilt_under_load_is_the_one_that_was_read(store: Store) {
    let daybook = Arc::new(Daybook::start(store, &["--partitions=4", "--fee-bps=290"]).await);
    let clients = Clients::default();
    let running = clients.start(&daybook.address);
    clients.grows(100).await;
    // The topic may bring the views their first events later.
    let has_some =
        |list: &serde_json::Value| list["items"].as_array().is_some_and(|it| !it.is_empty());
    daybook.list_until("/api/v1/journal", has_some).await;
    for view in VIEWS {
        let said = rebuild(&daybook, view).await;
        assert!(said.contains(&format!("{view} is rebuilt: ")), "{said}");
        assert!(!said.contains(" 0 rows\n") || view == "refunds" || view == "texts", "{said}");
        assert!(said.contains("\n0 rows of the old view were different\n"), "{said}");
        assert!(said.trim_end().ends_with("/s)"), "{said}");
        clients.grows(20).await;
    }
    clients.check(running, &daybook).await;
    daybook.verify_until(", the views 0 events behind").await;
}

pub(crate) async fn a_damaged_view_is_mended_by_rebuilding_it(store: Store) {
    let daybook = Daybook::start(store, &["--partitions=4"]).await;
    for number in 0..20 {
        crate::flows::authorized(&daybook, &format!("k{number}"), 1000).await;
    }
    daybook.verify_until(", the views 0 events behind").await;
    let changed = "UPDATE payment SET amount = 999 WHERE status = 'AUTHORIZED'";
    // To where no walk over the ledger comes.
    let moved = "UPDATE payment SET partition = 99
        WHERE payment_id = (SELECT payment_id FROM payment ORDER BY payment_id LIMIT 1)";
    daybook.book.tamper_with_views(&[changed, moved]).await;
    let said = daybook.command("verify", &[]).await;
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("payment: 1 rows stand in partitions that the ledger does"), "{said}");
    let said = rebuild(&daybook, "payments").await;
    assert!(said.contains("\n40 rows of the old view were different"), "{said}");
    daybook.verify().await;
    let unknown = daybook.command("projections rebuild", &["sales"]).await;
    let message = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(unknown.status.code(), Some(2), "{message}");
    assert!(message.contains("payments, settlements"), "{message}");
}

pub(crate) async fn a_rebuild_that_was_killed_changed_nothing_and_runs_again(store: Store) {
    let daybook = Daybook::start(store, &["--partitions=4"]).await;
    for number in 0..50 {
        crate::flows::authorized(&daybook, &format!("k{number}"), 1000).await;
    }
    daybook.verify_until(", the views 0 events behind").await;
    for wait_ms in [20, 60, 120, 200, 300] {
        daybook.killed_after("projections rebuild payments", wait_ms).await;
        daybook.verify().await;
    }
    let said = rebuild(&daybook, "payments").await;
    assert!(said.contains("payments is rebuilt: 50 rows"), "{said}");
    daybook.verify_until(", the views 0 events behind").await;
}
