//! The server under load: a child process, or one that runs already.

mod metrics;
mod process;
mod usage;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) use metrics::LedgerCounters;
pub(crate) use process::Process;
pub(crate) use usage::{Usage, open_files_max};

use crate::failure::Failure;

#[derive(Debug)]
pub(crate) enum Place {
    /// Start `daybook serve` with these further flags.
    Child {
        flags: Vec<OsString>,
    },
    Running(SocketAddr),
}

/// A place where a server can be used at once.
#[derive(Debug)]
pub(crate) enum Ready {
    Built { program: PathBuf, flags: Vec<OsString> },
    Running(SocketAddr),
}

impl Place {
    /// Builds daybook, or sees that the running server is there: before anything is measured.
    pub(crate) async fn ready(self) -> Result<Ready, Failure> {
        match self {
            Self::Child { flags } => Ok(Ready::Built { program: build()?, flags }),
            Self::Running(address) => {
                let connected = tokio::net::TcpStream::connect(address).await;
                connected.map_err(|_| Failure::NoServer { address })?;
                Ok(Ready::Running(address))
            }
        }
    }
}

/// A server that a scenario runs against.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    own: Option<Own>,
}

/// A server that this run started.
#[derive(Debug)]
struct Own {
    program: PathBuf,
    process: Process,
    /// Removed, with all in it, when the run is over.
    data: TempDir,
}

/// What a server had used and written at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) usage: Option<Usage>,
    pub(crate) ledger: Option<LedgerCounters>,
}

impl Server {
    /// Starts daybook in a fresh folder, or takes the server that runs.
    pub(crate) async fn open(place: Ready) -> Result<Self, Failure> {
        match place {
            Ready::Running(address) => Ok(Self { address, own: None }),
            Ready::Built { program, flags } => {
                let data = data_dir()?;
                // As many open files as the system lets it have, as a service manager would.
                let mut command = Command::new("sh");
                command
                    .args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""])
                    .arg(&program);
                command.args(["serve", "--listen", "127.0.0.1:0", "--simulator-latency-ms", "0"]);
                command.arg("--data-dir").arg(data.path()).args(flags);
                let process = Process::start("daybook", command).await?;
                let address = process.address;
                Ok(Self { address, own: Some(Own { program, process, data }) })
            }
        }
    }

    pub(crate) async fn standing(&self) -> Standing {
        let pid = self.own.as_ref().map(|own| own.process.pid());
        Standing {
            usage: pid.and_then(|pid| Usage::of(&pid)),
            ledger: LedgerCounters::read(self.address).await,
        }
    }

    /// Asks the child, if any, to stop, sees that it does so cleanly, and lets `daybook verify` check
    /// what it left; what that says.
    pub(crate) async fn stop(self) -> Result<Option<String>, Failure> {
        let Some(Own { program, process, data }) = self.own else { return Ok(None) };
        process.stop().await?;
        let mut verify = Command::new(program);
        verify.arg("verify").arg("--data-dir").arg(data.path());
        let output = verify
            .output()
            .map_err(|error| Failure::Io { doing: "running daybook verify".into(), error })?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(Some(said))
        } else {
            Err(Failure::Verify { status: output.status.to_string(), said })
        }
    }
}

/// Builds daybook with the profile, and into the target folder, of this very binary.
fn build() -> Result<PathBuf, Failure> {
    let folder = profile_dir()?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
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
