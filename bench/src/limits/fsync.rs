//! How often the disk makes 4 KiB durable, one after the other.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::report::{Report, Section};
use crate::server::data_dir;
use crate::tally::Tally;

const BLOCK_LEN: usize = 4096;
/// Written full beforehand, so that no write changes the file's size or its blocks.
const FILE_BLOCKS: usize = 8192;

#[derive(Debug)]
pub(crate) struct Measured {
    latencies: Histogram<u64>,
    elapsed: Duration,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn section(&self) -> Section {
        let mut section = Section::new("fdatasync");
        section.number("perSecond", self.per_second());
        section.latencies(&self.latencies);
        section
    }
}

pub(crate) async fn run(duration: Duration) -> Result<(), Failure> {
    let measured = measure(data_dir()?, duration).await?;
    let mut report = Report::new("limit fsync");
    report.add(measured.section());
    report.print()
}

/// Removes `dir` when done.
pub(crate) async fn measure(dir: TempDir, duration: Duration) -> Result<Measured, Failure> {
    let measured = tokio::task::spawn_blocking(move || {
        let file = File::create(dir.path().join("fsync"))?;
        appends(file, duration)
    });
    let measured = measured.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
    measured.map_err(|error| Failure::Io { doing: "measuring fdatasync".into(), error })
}

fn appends(mut file: File, duration: Duration) -> io::Result<Measured> {
    let block = [0x5a; BLOCK_LEN];
    for _ in 0..FILE_BLOCKS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let mut tally = Tally::new();
    let start = Instant::now();
    for count in 0_usize.. {
        if count.is_multiple_of(FILE_BLOCKS) {
            file.rewind()?;
        }
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        tally.answered("fdatasync", before.elapsed(), 0, "");
        if start.elapsed() >= duration {
            break;
        }
    }
    Ok(Measured { latencies: tally.latencies, elapsed: start.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_append_is_measured_and_the_folder_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let measured = measure(dir, Duration::from_millis(50)).await.unwrap();
        assert!(!measured.latencies.is_empty() && measured.per_second() > 0.0);
        assert!(!path.exists(), "{} is still there", path.display());
    }
}
