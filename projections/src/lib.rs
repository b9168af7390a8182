//! Daybook's projections: views of the ledger for people to read (payments, settlements, refunds,
//! balances, operations, the journal, and what clients wrote), the projector that keeps them, and the check
//! of views against the ledger.
//!
//! A view is a fold over the ledger. Its rows and its cursor commit in one transaction, and the
//! cursor moves by compare-and-set, so a view is always the fold of a known stretch of history and
//! can be rebuilt from nothing.

pub mod adoption;
mod error;
pub mod feed;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
mod lag;
mod parked;
pub mod projector;
pub mod rebuild;
pub mod verify;
pub mod views;

pub use error::ViewError;
pub use lag::lag;
pub use parked::{Retried, retry_parked};
pub use projector::{Health, Outcome, Pace, ProjectionMetrics, Projector};
pub use verify::{Difference, ViewCheck, ViewReport};
pub use views::sqlite::SqliteViews;
pub use views::{Page, PageQuery, View, ViewQueries, ViewStore};
