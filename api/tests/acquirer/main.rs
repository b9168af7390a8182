//! The acquirer's two adapters: one contract for both, and what only a line between two processes shows.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails there")]

mod breaking;
mod desk;
mod line;
mod raw;
mod tls;

use daybook_engine::acquirer::contract::CASES;
use daybook_engine::acquirer_contract;

use desk::{in_process, over_http};

acquirer_contract!(simulator, in_process);
acquirer_contract!(http, over_http);

#[test]
fn every_adapter_runs_every_case() {
    let all: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    for (adapter, cases) in [("simulator", simulator::CASES), ("http", http::CASES)] {
        assert_eq!(cases, all, "{adapter}");
    }
}
