//! `daybook verify`: the whole ledger against its rules and its seals, and every view and every reader's
//! cursor against the ledger.

mod partition;
mod readers;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::LedgerIdentity;
use daybook_engine::verify::ExportedSeals;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use self::partition::PartitionCheck;
use self::readers::Readers;
use self::tally::Tally;
use super::progress::progress;
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Partitions that are checked at a time: each keeps a few pages of rows in memory.
const AT_A_TIME: usize = 3;

/// Checks everything and prints what it finds.
///
/// # Errors
/// [`Failure::Difference`] where something differs.
pub(crate) async fn run(config: &Config, against: Option<&Path>) -> Result<(), Failure> {
    let started = Instant::now();
    let book = wiring::open_book(config).await?;
    let identity = book.ledger.identity();
    let exported = against.map(|file| read_exported(file, &identity)).transpose()?;
    let views = wiring::open_views(config, identity.partitions).await?.store;
    let readers = Readers::open(config).await?;
    let heads = book.ledger.heads().await?;
    let bar = progress(heads.iter().map(|head| head.position).sum());
    let check = Arc::new(PartitionCheck { book, views, readers, exported, bar: bar.clone() });
    let tally = check_all(&check, identity.partitions, &bar).await?;
    tally.report(against.is_some(), started)
}

fn read_exported(file: &Path, identity: &LedgerIdentity) -> Result<ExportedSeals, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::dependency(&name, &error))?;
    ExportedSeals::read(&text, identity)
        .map_err(|error| Failure::Usage(format!("--against {name}: {error}")))
}

async fn check_all(
    check: &Arc<PartitionCheck>,
    partitions: u16,
    bar: &ProgressBar,
) -> Result<Tally, Failure> {
    let mut waiting = Partition::all(partitions);
    let mut running = JoinSet::new();
    let mut tally = Tally::default();
    loop {
        while running.len() < AT_A_TIME
            && let Some(partition) = waiting.next()
        {
            let check = Arc::clone(check);
            running.spawn(async move { (partition, check.run(partition).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (partition, checked) =
            ended.map_err(|error| Failure::dependency("a partition's check", &error))?;
        tally.add(partition, checked?);
    }
    bar.finish_and_clear();
    Ok(tally)
}
