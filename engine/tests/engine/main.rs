//! The engine from outside: requests in, events and answers out, with a ledger that fails and an
//! acquirer that says what it was told to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod admission;
mod batches;
mod calls;
mod cancellations;
mod dry_runs;
mod lookup;
mod lost_answers;
mod older_events;
mod replays;
#[expect(dead_code, reason = "the workers' tests need more of it")]
mod scripted;
#[expect(dead_code, reason = "the workers' tests need more of it")]
mod stage;
mod two_engines;
