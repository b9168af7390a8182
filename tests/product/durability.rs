//! An answer that says 2xx is on disk: told from the system calls, since `kill -9` alone proves
//! nothing about a sync.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::flows::authorization;
use crate::harness::{PATIENCE, Store, binary, send};
use hyper::Method;

/// What matters of one line of the trace.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// The ledger's log was written and not yet synced.
    Write,
    Sync,
    /// An answer that says 2xx went to a client.
    Answer,
}

fn call_of(line: &str) -> Option<Call> {
    let is_log = line.contains("ledger.db-wal");
    if is_log && (line.contains("pwrite64(") || line.contains("write(")) {
        Some(Call::Write)
    } else if is_log && (line.contains("fdatasync(") || line.contains("fsync(")) {
        Some(Call::Sync)
    } else if line.contains("HTTP/1.1 20") {
        Some(Call::Answer)
    } else {
        None
    }
}

pub async fn no_answer_leaves_before_its_commit_is_synced(store: Store) {
    let Store::Embedded = store;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let trace = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-s", "64", "-e"])
        .arg("trace=pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync")
        .arg("-o")
        .arg(&trace)
        .arg(binary())
        .args(["serve", "--listen=127.0.0.1:0"])
        .arg(format!("--data-dir={}", folder.path().join("data").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = strace.spawn().expect("strace must be installed; `make test` does it");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let address = line.strip_prefix("daybook listening on http://").unwrap().to_owned();
    // One after the other, so that each answer must be preceded by a sync of its own.
    const REQUESTS: usize = 20;
    for number in 0..REQUESTS {
        let body = authorization(&format!("k{number}"), 1000).to_string();
        let answer =
            send(&address, Method::POST, "/api/v1/payments", &[], Some(body)).await.unwrap();
        answer.expect(201);
    }
    let daybook = child_of(child.id().unwrap()).await;
    let pid = daybook.to_string();
    assert!(Command::new("/bin/kill").args(["-TERM", &pid]).status().await.unwrap().success());
    tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();

    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<_> = trace.lines().filter_map(|line| Some((call_of(line)?, line))).collect();
    let (mut is_dirty, mut answers, mut syncs) = (false, 0, 0);
    for (call, line) in &calls {
        match call {
            Call::Write => is_dirty = true,
            Call::Sync => {
                is_dirty = false;
                syncs += 1;
            }
            Call::Answer => {
                answers += 1;
                assert!(!is_dirty, "an answer left before the log was synced: {line}");
                // Intent and outcome are a commit each.
                assert!(syncs >= 2 * answers, "{syncs} syncs before answer {answers}: {line}");
            }
        }
    }
    assert_eq!(answers, REQUESTS, "the trace does not show the answers");
}

/// The process that strace started.
async fn child_of(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = tokio::fs::read_to_string(path).await.unwrap();
    children.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("strace has a child")
}
