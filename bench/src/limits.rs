//! What the machine could do at best: the figures that a server's own stand beside.

pub(crate) mod fsync;
pub(crate) mod http;

use std::time::Duration;

use crate::failure::Failure;
use crate::report::Section;
use crate::server::data_dir;

const FSYNC_FOR: Duration = Duration::from_secs(2);
const HTTP_FOR: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Limits {
    fsync: fsync::Measured,
    http: http::Measured,
}

impl Limits {
    /// One after the other, with nothing else of this run at work.
    pub(crate) async fn measure(connections: usize) -> Result<Self, Failure> {
        let fsync = fsync::measure(data_dir()?, FSYNC_FOR).await?;
        let http = http::measure(connections, HTTP_FOR).await?;
        Ok(Self { fsync, http })
    }

    /// The limits, and how a server's rate stands to them.
    pub(crate) fn section(&self, requests_per_second: f64) -> Section {
        let mut section = Section::new("limits");
        section.number("fdatasyncPerSecond", self.fsync.per_second());
        section.number("httpEchoPerSecond", self.http.per_second());
        section.ratio("requestsPerFdatasync", requests_per_second, self.fsync.per_second());
        section.ratio("shareOfHttpEcho", requests_per_second, self.http.per_second());
        section
    }
}
