//! The commands: each opens what it needs, does its work, and says how it went.

pub(crate) mod migrate;
mod progress;
pub(crate) mod relay;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod verify;
