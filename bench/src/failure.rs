//! Why a run ended without a good figure.

use std::io;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{found} difference(s), see above")]
    Differences { found: usize },
    #[error("{program} ended with {status} when asked to stop: it must exit with 0")]
    UncleanStop { program: String, status: String },
    #[error("{program} did not stop within {within:?} of SIGTERM, and was killed")]
    NoStop { program: String, within: Duration },
    #[error("`daybook {command}` ended with {status}:\n{said}")]
    Verify { command: String, status: String, said: String },
    #[error("`daybook migrate` ended with {status}:\n{said}")]
    Migrate { status: String, said: String },
    #[error("`deploy/services up` {0}")]
    Services(String),
    #[error("Postgres, {doing}: {cause}")]
    Postgres { doing: String, cause: String },
    #[error("Kafka, {doing}: {cause}")]
    Kafka { doing: String, cause: String },
    #[error("{doing}: {error}")]
    Io { doing: String, error: io::Error },
    #[error("`cargo build` of daybook failed: see its messages above")]
    Build,
    #[error("{program} {what}")]
    NotStarted { program: String, what: String },
    #[error("{name} stays at {last} of {wanted}")]
    Stuck { name: String, last: u64, wanted: u64 },
    #[error("no server answers at {address}: start one there, or leave out --target")]
    NoServer { address: std::net::SocketAddr },
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// 1 a check found a difference; 2 usage; 3 something needed can't be reached.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Differences { .. }
            | Self::UncleanStop { .. }
            | Self::NoStop { .. }
            | Self::Stuck { .. }
            | Self::Verify { .. } => 1,
            Self::Usage(_) => 2,
            Self::Migrate { .. }
            | Self::Services(_)
            | Self::Postgres { .. }
            | Self::Kafka { .. }
            | Self::Io { .. }
            | Self::Build
            | Self::NotStarted { .. }
            | Self::NoServer { .. } => 3,
            Self::Interrupted => 130,
        }
    }
}
