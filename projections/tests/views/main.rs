//! The views from outside: a history is written to a ledger, projected, read and checked.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod book;
mod history;
mod pages;
mod projecting;
mod properties;
mod tables;
mod throughput;
mod verifying;
