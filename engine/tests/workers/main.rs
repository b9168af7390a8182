//! The workers from outside: rounds taken one by one on a clock moved by hand, against an acquirer
//! that says what it was told to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its fixtures too")]

mod claims;
mod expiry;
mod history;
mod inquiries;
mod notices;
mod partitions;
mod rounds;
#[path = "../engine/scripted.rs"]
#[expect(dead_code, reason = "the engine's tests need more of it")]
mod scripted;
#[path = "../engine/stage.rs"]
#[expect(dead_code, reason = "the engine's tests need more of it")]
mod stage;
mod troubled;
