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

/// What was measured before a load, and again after it: a machine's speed changes within minutes.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    fsync: Vec<f64>,
    http: Vec<f64>,
    /// Only where the server's ledger is there.
    postgres: Vec<f64>,
}

impl Limits {
    /// One after the other, with nothing else of this run at work.
    pub(crate) async fn measure(
        &mut self,
        connections: usize,
        cluster: Option<&Cluster>,
    ) -> Result<(), Failure> {
        self.fsync.push(fsync::measure(data_dir()?, FSYNC_FOR).await?.per_second());
        self.http.push(http::measure(connections, HTTP_FOR).await?.per_second());
        if let Some(cluster) = cluster {
            self.postgres.push(postgres::measure(cluster, POSTGRES_FOR).await?.per_second());
        }
        Ok(())
    }

    /// The limits, each the mean of its measurements, and how a server's rate stands to them.
    pub(crate) fn section(&self, requests_per_second: f64) -> Section {
        let (fsync, http) = (mean(&self.fsync), mean(&self.http));
        let mut section = Section::new("limits");
        section.number("fdatasyncPerSecond", fsync);
        section.number("httpEchoPerSecond", http);
        section.ratio("requestsPerFdatasync", requests_per_second, fsync);
        section.ratio("shareOfHttpEcho", requests_per_second, http);
        if !self.postgres.is_empty() {
            let postgres = mean(&self.postgres);
            let combined = combined_ceiling(http, postgres);
            section.number("postgresPaymentsPerSecond", postgres);
            section.ratio("shareOfPostgres", requests_per_second, postgres);
            section.number("combinedCeilingPerSecond", combined);
            section.ratio("shareOfCombinedCeiling", requests_per_second, combined);
        }
        section
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
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
