//! The contract, held against a served daybook by a tool that knows nothing else of it.

use std::path::Path;

use tokio::process::Command;

use crate::harness::{Daybook, folder};
use crate::store::Store;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_on_sqlite() {
    schemathesis_finds_nothing(Store::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_on_postgres() {
    schemathesis_finds_nothing(Store::Postgres).await;
}

/// All that schemathesis has: examples, boundaries, random requests valid and not, and sequences of requests.
async fn schemathesis_finds_nothing(store: Store) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(root.join("deploy/schemathesis")).output().await.unwrap();
    let errors = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "deploy/schemathesis says:\n{errors}");
    let schemathesis = String::from_utf8(installed.stdout).unwrap();

    let is_drill = std::env::var("DAYBOOK_DRILL").is_ok();
    let examples = if is_drill { "2000" } else { "40" };
    // The short run is the same each time; the long one is another each time, and says its seed.
    let seed: &[&str] = if is_drill { &[] } else { &["--seed=20261126"] };
    // No view ever gets to most of the positions that are asked for, so nothing waits long.
    let daybook = Daybook::start(store, &["--fee-bps=290", "--wait-ms=100"]).await;
    let ran = Command::new(schemathesis.trim())
        .arg(format!("--config-file={}", root.join("schemathesis.toml").display()))
        .args(["run", "--checks=all", "--no-color", &format!("--max-examples={examples}")])
        .args(seed)
        .arg(format!("http://{}/openapi.json", daybook.address))
        // It leaves a folder of its own where it runs.
        .current_dir(folder().path())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "schemathesis found something:\n{said}");
    daybook.verify().await;
}
