//! Seals: the chain as others may compute it, the stores that keep them, the sealer, and the check.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod book;
mod checking;
mod exported;
mod golden;
mod planted;
mod sealing;
mod stores;
