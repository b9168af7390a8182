//! What the machine could do at best: the figures that a server's own stand beside.

pub(crate) mod fsync;
pub(crate) mod http;
pub(crate) mod kafka;
pub(crate) mod postgres;

use std::time::Duration;

use crate::failure::Failure;
use crate::postgres::Cluster;
use crate::report::Section;
use crate::server::data_dir;

const FSYNC_FOR: Duration = Duration::from_secs(2);
const HTTP_FOR: Duration = Duration::from_secs(3);
const POSTGRES_FOR: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(crate) struct Limits {
    fsync: fsync::Measured,
    http: http::Measured,
    /// Only where the server's ledger is there.
    postgres: Option<postgres::Measured>,
}

impl Limits {
    /// One after the other, with nothing else of this run at work.
    pub(crate) async fn measure(
        connections: usize,
        cluster: Option<&Cluster>,
    ) -> Result<Self, Failure> {
        let fsync = fsync::measure(data_dir()?, FSYNC_FOR).await?;
        let http = http::measure(connections, HTTP_FOR).await?;
        let postgres = match cluster {
            Some(cluster) => Some(postgres::measure(cluster, POSTGRES_FOR).await?),
            None => None,
        };
        Ok(Self { fsync, http, postgres })
    }

    /// The limits, and how a server's rate stands to them.
    pub(crate) fn section(&self, requests_per_second: f64) -> Section {
        let (fsync, http) = (self.fsync.per_second(), self.http.per_second());
        let mut section = Section::new("limits");
        section.number("fdatasyncPerSecond", fsync);
        section.number("httpEchoPerSecond", http);
        section.ratio("requestsPerFdatasync", requests_per_second, fsync);
        section.ratio("shareOfHttpEcho", requests_per_second, http);
        if let Some(postgres) = &self.postgres {
            let postgres = postgres.per_second();
            let combined = combined_ceiling(http, postgres);
            section.number("postgresPaymentsPerSecond", postgres);
            section.ratio("shareOfPostgres", requests_per_second, postgres);
            section.number("combinedCeilingPerSecond", combined);
            section.ratio("shareOfCombinedCeiling", requests_per_second, combined);
        }
        section
    }
}

/// What one machine that does the one and then the other for every request would reach.
fn combined_ceiling(http: f64, postgres: f64) -> f64 {
    (http.recip() + postgres.recip()).recip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_combined_ceiling_adds_the_times_of_both() {
        assert!((combined_ceiling(60_000.0, 30_000.0) - 20_000.0).abs() < 1e-6);
        assert!(combined_ceiling(0.0, 30_000.0).abs() < 1e-6);
    }
}
