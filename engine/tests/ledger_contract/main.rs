//! The contract of the ledger, on each store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod in_memory;
mod in_postgres;
mod in_sqlite;
mod lost_answer;
mod postgres_append_only;
mod postgres_concurrency;
mod postgres_database;
mod postgres_turns;
mod proxy;
mod sqlite_append_only;
mod sqlite_file;

use daybook_engine::ledger::contract::CASES;
use daybook_engine::ledger_contract;

use in_memory::in_memory;
use in_postgres::in_postgres;
use in_sqlite::in_sqlite;

ledger_contract!(memory, in_memory);
ledger_contract!(sqlite, in_sqlite);
ledger_contract!(postgres, in_postgres);

#[test]
fn every_store_runs_every_case() {
    let all: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    let stores =
        [("memory", memory::CASES), ("sqlite", sqlite::CASES), ("postgres", postgres::CASES)];
    for (store, cases) in stores {
        assert_eq!(cases, all, "{store}");
    }
}
