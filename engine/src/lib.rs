//! Daybook's engine: the domain of a payment, the ledger it is written to, the acquirer it is
//! settled with, and the engine and workers that bring the three together.

pub mod acquirer;
pub mod adoption;
pub mod broker;
pub mod clock;
pub mod cursor;
pub mod defects;
pub mod durability;
pub mod engine;
pub mod event_text;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
pub mod idempotency;
pub mod ids;
pub mod journal;
pub mod lease;
pub mod ledger;
pub mod merchant;
pub mod migration;
pub mod money;
pub mod notices;
pub mod payment;
pub mod postgres;
pub mod printable;
pub mod record;
pub mod seal;
pub mod sqlite;
pub mod verify;
pub mod wake;
pub mod work;
pub mod workers;

pub use engine::Engine;
