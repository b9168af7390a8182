//! The engine from outside: requests in, events and answers out, with a ledger that fails and an
//! acquirer that says what it was told to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod admission;
mod calls;
mod lost_answers;
mod replays;
mod scripted;
mod stage;
mod two_engines;
