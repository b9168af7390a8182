//! The servers under load: child processes, or one that runs already.

mod data;
mod metrics;
mod process;
mod standing;
mod usage;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use data::Data;
use metrics::LedgerCounters;
pub(crate) use metrics::{counter, figure};
pub(crate) use process::Process;
pub(crate) use standing::Standing;
use usage::cpu_of_machine;
pub(crate) use usage::{Usage, cpu_of_family, open_files_max};

use crate::failure::Failure;
use crate::kafka::{Brokers, Topic};
use crate::postgres::Cluster;

/// The processes on one ledger: the role of each, or none for one that does everything.
pub(crate) type Crew = [Option<&'static str>];

pub(crate) const ALONE: &Crew = &[None];
pub(crate) const API: &str = "api";

#[derive(Debug)]
pub(crate) enum Place {
    /// Start `daybook serve` with these further flags, its ledger on Postgres or in a folder, and
    /// where asked with a topic on Kafka.
    Child {
        postgres: bool,
        kafka: bool,
        flags: Vec<OsString>,
    },
    Running(SocketAddr),
}

/// A place where servers can be used at once.
#[derive(Debug)]
pub(crate) enum Ready {
    Built {
        program: PathBuf,
        cluster: Option<Cluster>,
        brokers: Option<Brokers>,
        flags: Vec<OsString>,
    },
    Running(SocketAddr),
}

impl Place {
    /// Builds daybook and starts Postgres and Kafka, or sees that the running server is there: before anything
    /// is measured.
    pub(crate) async fn ready(self) -> Result<Ready, Failure> {
        match self {
            Self::Child { postgres, kafka, flags } => {
                let program = build()?;
                let cluster = if postgres { Some(Cluster::up()?) } else { None };
                let brokers = if kafka { Some(Brokers::up()?) } else { None };
                Ok(Ready::Built { program, cluster, brokers, flags })
            }
            Self::Running(address) => {
                let connected = tokio::net::TcpStream::connect(address).await;
                connected.map_err(|_| Failure::NoServer { address })?;
                Ok(Ready::Running(address))
            }
        }
    }
}

impl Ready {
    /// The Postgres that the ledger is on, as far as this run knows.
    pub(crate) const fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Built { cluster, .. } => cluster.as_ref(),
            Self::Running(_) => None,
        }
    }
}

/// The servers of one ledger that a scenario runs against.
#[derive(Debug)]
pub(crate) struct Servers {
    /// Those that take requests.
    pub(crate) addresses: Vec<SocketAddr>,
    own: Option<Own>,
}

/// Servers that this run started.
#[derive(Debug)]
struct Own {
    program: PathBuf,
    processes: Vec<Process>,
    cluster: Option<Cluster>,
    topic: Option<Topic>,
    /// Behind the processes: they are killed before it is removed.
    data: Data,
}

/// What the stopped servers left.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// What `daybook verify` said.
    pub(crate) verified: Option<String>,
    /// Where something else is not as it should be, one sentence each.
    pub(crate) differences: Vec<String>,
}

impl Servers {
    /// Starts a crew on a fresh ledger, or takes the server that runs.
    pub(crate) async fn open(place: &Ready, crew: &Crew) -> Result<Self, Failure> {
        match place {
            Ready::Running(address) => Ok(Self { addresses: vec![*address], own: None }),
            Ready::Built { program, cluster, brokers, flags } => {
                let data = Data::fresh(cluster.as_ref(), program).await?;
                let own = Own {
                    program: program.clone(),
                    processes: Vec::new(),
                    cluster: cluster.clone(),
                    topic: brokers.as_ref().map(Brokers::topic),
                    data,
                };
                own.staffed(crew, flags).await
            }
        }
    }

    /// Stops the crew, and starts another one on the same ledger.
    pub(crate) async fn relieved_by(self, place: &Ready, crew: &Crew) -> Result<Self, Failure> {
        match (self.own, place) {
            (Some(mut own), Ready::Built { flags, .. }) => {
                for process in std::mem::take(&mut own.processes) {
                    process.stop().await?;
                }
                own.staffed(crew, flags).await
            }
            (own, _) => Ok(Self { addresses: self.addresses, own }),
        }
    }

    /// Where each process of this run's own serves its metrics.
    pub(crate) fn processes(&self) -> Vec<SocketAddr> {
        let own = self.own.iter().flat_map(|own| &own.processes);
        own.map(|process| process.address).collect()
    }

    pub(crate) async fn standing(&self) -> Standing {
        match &self.own {
            Some(own) => Standing::of(&own.processes, own.cluster.as_ref()).await,
            None => Standing::of_running(&self.addresses).await,
        }
    }

    /// Asks the children, if any, to stop, sees that they do so cleanly, and lets `daybook verify`
    /// check what they left; `daybook relay verify` too, where they published to a topic.
    pub(crate) async fn stop(self) -> Result<Checked, Failure> {
        let Some(Own { program, processes, topic, data, .. }) = self.own else {
            return Ok(Checked::default());
        };
        for process in processes {
            process.stop().await?;
        }
        let mut verified = verify(&program, &["verify"], &data.flags())?;
        if let Some(topic) = topic {
            let flags = [&data.flags()[..], &topic.flags()[..]].concat();
            verified.push_str(&verify(&program, &["relay", "verify"], &flags)?);
        }
        Ok(Checked { verified: Some(verified), differences: data.deadlocks().await? })
    }
}

/// What one of daybook's commands says that check what servers left.
fn verify(program: &Path, words: &[&str], flags: &[OsString]) -> Result<String, Failure> {
    let output = Command::new(program).args(words).args(flags).output();
    let output = output.map_err(|error| Failure::Io {
        doing: format!("running daybook {}", words.join(" ")),
        error,
    })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let said = said + &String::from_utf8_lossy(&output.stderr);
    let command = words.join(" ");
    Err(Failure::Verify { command, status: output.status.to_string(), said })
}

impl Own {
    async fn staffed(mut self, crew: &Crew, flags: &[OsString]) -> Result<Servers, Failure> {
        let mut addresses = Vec::new();
        for role in crew {
            // As many open files as the system lets it have, as a service manager would.
            let mut command = Command::new("sh");
            command
                .args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""])
                .arg(&self.program);
            command.args(["serve", "--listen", "127.0.0.1:0", "--simulator-latency-ms", "0"]);
            command.args(self.data.flags()).args(flags);
            command.args(self.topic.iter().flat_map(Topic::flags));
            if let Some(role) = role {
                command.args(["--role", role]);
            }
            let process = Process::start("daybook", command).await?;
            if role.is_none_or(|role| role == API) {
                addresses.push(process.address);
            }
            self.processes.push(process);
        }
        Ok(Servers { addresses, own: Some(self) })
    }
}

/// What `cargo run` has set for the bench, and ring's build script looks at: it would run again, and everything
/// behind it be compiled again, each time.
const OF_CARGO_RUN: [&str; 8] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Builds daybook with the profile, and into the target folder, of this very binary.
fn build() -> Result<PathBuf, Failure> {
    let folder = profile_dir()?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for name in OF_CARGO_RUN {
        cargo.env_remove(name);
    }
    if let Some(toolchain) = option_env!("RUSTUP_TOOLCHAIN") {
        // Else rustup would choose one for each dependency's own folder.
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    // Without --package it is the very build of `cargo run`, and nothing is compiled twice.
    cargo.args(["build", "--bin", "daybook", "--profile", profile]);
    cargo.arg("--target-dir").arg(target_dir()?);
    let built = cargo.status();
    let built =
        built.map_err(|error| Failure::Io { doing: "running cargo build".into(), error })?;
    if built.success() { Ok(folder.join("daybook")) } else { Err(Failure::Build) }
}

pub(crate) fn this_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe();
    program.map_err(|error| Failure::Io { doing: "finding this program's file".into(), error })
}

fn profile_dir() -> Result<PathBuf, Failure> {
    let program = this_program()?;
    let folder = program.parent().ok_or_else(|| Failure::Usage("run it with cargo run".into()))?;
    Ok(folder.to_owned())
}

fn target_dir() -> Result<PathBuf, Failure> {
    let folder = profile_dir()?;
    let target = folder.parent().ok_or_else(|| Failure::Usage("run it with cargo run".into()))?;
    Ok(target.to_owned())
}

/// A fresh folder in the target folder: a real disk, where /tmp is often memory.
pub(crate) fn data_dir() -> Result<TempDir, Failure> {
    fresh_dir(&target_dir()?)
}

fn fresh_dir(parent: &Path) -> Result<TempDir, Failure> {
    let dir = tempfile::Builder::new().prefix("bench-data-").tempdir_in(parent);
    dir.map_err(|error| Failure::Io { doing: format!("a folder in {}", parent.display()), error })
}

#[cfg(test)]
mod tests;
