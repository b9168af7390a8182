//! The contract of the work store, on each store, and what several processes on one store may expect.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod in_memory;
mod in_postgres;
mod in_sqlite;
mod moved_clock;
mod postgres_answers;
mod postgres_shared;
#[path = "../ledger_contract/proxy.rs"]
#[expect(dead_code, reason = "the ledger's tests need more of it")]
mod proxy;

use daybook_engine::work::contract::CASES;
use daybook_engine::work_contract;

use in_memory::in_memory;
use in_postgres::in_postgres;
use in_sqlite::in_sqlite;

work_contract!(memory, in_memory);
work_contract!(sqlite, in_sqlite);
work_contract!(postgres, in_postgres);

#[test]
fn every_store_runs_every_case() {
    let all: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    for (store, cases) in
        [("memory", memory::CASES), ("sqlite", sqlite::CASES), ("postgres", postgres::CASES)]
    {
        assert_eq!(cases, all, "{store}");
    }
}
