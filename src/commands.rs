//! The commands: each opens what it needs, does its work, and says how it went.

pub(crate) mod acquirer;
pub(crate) mod backup;
pub(crate) mod erase;
pub(crate) mod ledger;
pub(crate) mod migrate;
pub(crate) mod operations;
pub(crate) mod parked;
mod progress;
pub(crate) mod rebuild;
pub(crate) mod relay;
pub(crate) mod restore;
pub(crate) mod seals;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod verify;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failure;

/// Ends at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::dependency("signals", &error));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("stopping at SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stopping at SIGINT"),
        }
    })
}
