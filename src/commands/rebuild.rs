//! `daybook projections rebuild NAME`: a view folded anew beside the one that is read.

use std::time::Instant;

use daybook_projections::rebuild::Rebuild;
use daybook_projections::{View, ViewError};

use super::progress::{progress, rate};
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Rebuilds it, and says how it went.
///
/// # Errors
/// Where it can't be built; the view is as it was.
pub(crate) async fn run(config: &Config, view: View) -> Result<(), Failure> {
    let started = Instant::now();
    let ledger = wiring::open_ledger_to_read(config).await?;
    let store = wiring::open_rebuild(config, ledger.identity().partitions, view).await?;
    let heads = ledger.heads().await?;
    let bar = progress(heads.iter().map(|head| head.position).sum());
    let rebuild = Rebuild { view, ledger, clock: wiring::clock(), store };
    let rebuilt = rebuild.run(|events| bar.inc(events)).await;
    bar.finish_and_clear();
    let rebuilt = rebuilt.map_err(|error| match error {
        ViewError::Store(error) => error.into(),
        error => Failure::dependency("the view can't be rebuilt", &error),
    })?;
    println!("{} is rebuilt: {} rows", view.as_str(), rebuilt.rows);
    println!("{} rows of the old view were different", rebuilt.differences);
    println!("{}", rate(rebuilt.events, started));
    Ok(())
}
