//! The API over a real port: what clients send, and what they get.
//!
//! Behind it stands a stand-in for the engine that keeps one payment by the domain's own rules and
//! answers as its script says, so that every status is reached without a ledger or an acquirer.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails there")]

mod answers;
mod batches;
mod bodies;
mod cancellations;
mod client;
mod codes;
mod contract;
mod document;
mod dry_runs;
mod engine_errors;
mod fields;
#[path = "../../../engine/tests/golden/file.rs"]
mod file;
mod fixture;
mod golden;
mod lists;
mod lookup;
mod platform;
mod routes;
mod server_limits;
mod shutdown;
mod stand_in;
