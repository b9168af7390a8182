//! `daybook backup DIR`: the ledger as it stands at one moment, with its seals and a manifest.

mod folder;
mod manifest;

pub(super) use folder::{FileDigest, create_empty, sync_folder};
pub(super) use manifest::Manifest;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use super::progress::rate;
use super::seals::write_all;
use crate::cli::Failure;
use crate::config::{Config, Databases};
use crate::wiring::{self, Book};

pub(super) const LEDGER: &str = "ledger.db";
const SEALS: &str = "seals.jsonl";

/// Makes it, and says how it went.
///
/// # Errors
/// Where the folder holds something, or can't be written; what is there then is no backup.
pub(crate) async fn run(config: &Config, dir: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    create_empty(dir)?;
    let manifest = match &config.databases {
        None => of_sqlite(config, dir).await?,
        Some(databases) => of_postgres(config, databases, dir).await?,
    };
    // The last file of all: a folder without it is no backup.
    manifest.write(dir)?;
    println!("{}", rate(manifest.events(), started));
    Ok(())
}

async fn of_sqlite(config: &Config, dir: &Path) -> Result<Manifest, Failure> {
    let path = dir.join(LEDGER);
    wiring::copy_ledger(config, &path).await?;
    // What the manifest says is read from the copy: it says what is there.
    let copy = wiring::open_copy(&path).await?;
    let book = Book::new(copy.clone());
    let described = describe(&book, dir).await;
    copy.close().await;
    let file = FileDigest::of(&path)?;
    Ok(Manifest { file: Some(file), ..described? })
}

async fn of_postgres(
    config: &Config,
    databases: &Databases,
    dir: &Path,
) -> Result<Manifest, Failure> {
    let manifest = describe(&wiring::open_book(config).await?, dir).await?;
    let (url, dir) = (&databases.ledger.url, dir.display());
    println!("the seals and the manifest are in {dir}; copy the database itself, from now on:");
    println!("  pg_dump --format=custom --file={dir}/ledger.dump '{url}'");
    println!("or the whole server, with its log (PITR):");
    println!("  pg_basebackup --wal-method=stream --pgdata={dir}/base --dbname='{url}'");
    println!("after restoring: daybook ledger adopt, daybook verify --against {dir}/{SEALS}");
    Ok(manifest)
}

async fn describe(book: &Book, dir: &Path) -> Result<Manifest, Failure> {
    let path = dir.join(SEALS);
    let failed = |error: std::io::Error| Failure::dependency(&path.display().to_string(), &error);
    // The seals first: every one of them is of events that the heads below count.
    let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
    let seals = write_all(book, &mut out).await?;
    out.flush().map_err(failed)?;
    out.get_ref().sync_all().map_err(failed)?;
    let heads = book.ledger.heads().await?;
    Ok(Manifest::new(&book.ledger.identity(), &heads, seals, wiring::clock().now()))
}
