//! `daybook acquirer` in a process of its own, always at the same address.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{PATIENCE, binary, folder};

pub(crate) struct Acquirer {
    child: Option<Child>,
    data: tempfile::TempDir,
    flags: Vec<String>,
    pub(crate) address: String,
}

impl Acquirer {
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let address = "127.0.0.1:0".to_owned();
        let mut acquirer = Self { child: None, data: folder(), flags: Vec::new(), address };
        acquirer.resume_with(flags).await;
        acquirer
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.unwrap();
    }

    /// Starts it again with its record.
    pub(crate) async fn resume(&mut self) {
        let mut child = Command::new(binary())
            .arg("acquirer")
            .arg(format!("--listen={}", self.address))
            .arg(format!("--data-dir={}", self.data.path().display()))
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("the acquirer did not say where it listens").unwrap().unwrap();
        let address = line.strip_prefix("daybook listening on http://");
        self.address = address.unwrap_or_else(|| panic!("unexpected: {line}")).to_owned();
        self.child = Some(child);
    }

    /// As [`Acquirer::resume`], with other flags.
    pub(crate) async fn resume_with(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.resume().await;
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.data.path().join("acquirer.db")
    }
}
