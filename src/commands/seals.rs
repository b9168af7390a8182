//! `daybook seals export`: every seal, to be kept where the ledger's owner can't change it.

use std::io::{BufWriter, Write};

use daybook_engine::ids::Partition;
use daybook_engine::seal::ExportedSeal;

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Book};

/// Seals read at a time.
const PAGE: u32 = 4_096;

/// Prints them, by partition and number.
///
/// # Errors
/// When the ledger can't be read, or nobody takes what is printed.
pub(crate) async fn export(config: &Config) -> Result<(), Failure> {
    let book = wiring::open_book(config).await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let count = write_all(&book, &mut out).await?;
    out.flush().map_err(|error| Failure::dependency("standard output", &error))?;
    if count == 0 {
        eprintln!("the ledger has no seal yet: processes with the role workers make them");
    }
    Ok(())
}

/// Writes every seal as a line; how many.
pub(super) async fn write_all(book: &Book, out: &mut impl Write) -> Result<u64, Failure> {
    let identity = book.ledger.identity();
    let mut count = 0_u64;
    for partition in Partition::all(identity.partitions) {
        let mut after = 0;
        loop {
            let page = book.seals.seals(partition, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for seal in &page {
                let line = ExportedSeal::new(identity.id, seal).line();
                writeln!(out, "{line}")
                    .map_err(|error| Failure::dependency("the file of seals", &error))?;
                count = count.saturating_add(1);
            }
        }
    }
    Ok(count)
}
