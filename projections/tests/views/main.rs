//! The views from outside: a history is written to a ledger, projected, read and checked.

mod book;
mod history;
mod pages;
mod projecting;
mod properties;
mod tables;
mod throughput;
mod verifying;
