//! `daybook restore DIR --data-dir NEW`: the ledger of a backup, put where it can be adopted.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use daybook_engine::ledger::Ledger;

use super::backup::{FileDigest, LEDGER, Manifest, create_empty, sync_folder};
use super::progress::rate;
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Copies and checks it, and says what comes next.
///
/// # Errors
/// [`Failure::Difference`] where the backup is not as its manifest says; nothing is restored then.
pub(crate) async fn run(config: &Config, dir: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    if config.databases.is_some() {
        return Err(Failure::Usage(
            "on Postgres its own tools restore (pg_restore, or a base backup and its log); then run \
             `daybook ledger adopt`"
                .to_owned(),
        ));
    }
    let manifest = Manifest::read(dir)?;
    let expected = manifest.file.as_ref().ok_or_else(|| {
        Failure::Usage(format!(
            "{} is the backup of a ledger on Postgres: restore it with Postgres's own tools",
            dir.display()
        ))
    })?;
    let from = dir.join(LEDGER);
    let found = FileDigest::of(&from)?;
    if found != *expected {
        println!(
            "{} is not the file that was backed up: it has {} bytes with BLAKE3 {}, and the manifest \
             says {} bytes with {}",
            from.display(),
            found.bytes,
            found.blake3,
            expected.bytes,
            expected.blake3
        );
        return Err(Failure::Difference);
    }
    create_empty(&config.data_dir)?;
    // Before the ledger: whatever happens, it is not served from before it was adopted.
    wiring::mark_restored(config)?;
    let to = wiring::ledger_path(config);
    copy(&from, &to)?;
    sync_folder(&config.data_dir)?;
    check(&manifest, &to).await?;
    println!(
        "ledger {} of {}, incarnation {}, is in {}",
        manifest.ledger_id,
        manifest.created_at,
        manifest.incarnation,
        config.data_dir.display()
    );
    println!("what came after is not in it: run `daybook ledger adopt`, then `daybook serve`");
    println!("{}", rate(manifest.events(), started));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = std::fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.map_err(|error| Failure::dependency(&to.display().to_string(), &error))
}

/// Whether it opens, and ends where the manifest says.
async fn check(manifest: &Manifest, path: &Path) -> Result<(), Failure> {
    let ledger = wiring::open_copy(path).await?;
    let (identity, heads) = (ledger.identity(), ledger.heads().await);
    ledger.close().await;
    let is_its = (identity.id, identity.incarnation, identity.partitions)
        == (manifest.ledger_id, manifest.incarnation, manifest.partitions);
    let heads = heads?.into_iter().map(|head| (head.partition, head.position));
    if is_its && heads.eq(manifest.heads.iter().map(|(partition, head)| (*partition, *head))) {
        return Ok(());
    }
    println!("the restored ledger is not the one that the manifest describes");
    Err(Failure::Difference)
}
