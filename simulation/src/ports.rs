//! The ports of one process, each through its door: what the production code stands on here.

mod acquirer;
mod broker;
mod cursors;
mod leases;
mod ledger;
mod views;
mod work;

pub(crate) use acquirer::AcquirerPort;
pub(crate) use broker::BrokerPort;
pub(crate) use cursors::CursorsPort;
pub(crate) use leases::LeasesPort;
pub(crate) use ledger::LedgerPort;
pub(crate) use views::ViewsPort;
pub(crate) use work::WorkPort;

use daybook_engine::ledger::StoreError;

fn unavailable(store: &'static str) -> StoreError {
    StoreError::Unavailable { store, cause: "the simulation made it fail".to_owned() }
}

fn lost(store: &'static str) -> StoreError {
    StoreError::AnswerLost { store, cause: "the simulation lost it".to_owned() }
}
