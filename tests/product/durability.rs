//! An answer that says 2xx is on disk: told from the system calls, since `kill -9` alone proves
//! nothing about a sync.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::flows::authorization;
use crate::harness::{Daybook, PATIENCE, binary, send};
use crate::server::Server;
use crate::store::Store;
use hyper::Method;

/// What matters of one line of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// Something began to be written to the ledger's log.
    Write,
    SyncBegins,
    /// The sync that this thread began has succeeded.
    SyncEnds,
    /// Both at once, on a line of its own.
    Sync,
    /// An answer that says 2xx began to go to a client.
    Answer,
}

fn call_of(line: &str) -> Option<Call> {
    let is_log = line.contains("ledger.db-wal");
    let is_sync = line.contains("fdatasync(") || line.contains("fsync(");
    let has_succeeded = line.trim_end().ends_with("= 0");
    if line.contains("sync resumed>") {
        has_succeeded.then_some(Call::SyncEnds)
    } else if is_log && is_sync {
        let is_unfinished = line.contains("<unfinished");
        let whole = has_succeeded.then_some(Call::Sync);
        if is_unfinished { Some(Call::SyncBegins) } else { whole }
    } else if is_log && (line.contains("pwrite64(") || line.contains("write(")) {
        Some(Call::Write)
    } else {
        line.contains("HTTP/1.1 20").then_some(Call::Answer)
    }
}

/// How much of the log is written, and how much of that is known to be on disk.
#[derive(Debug, Default)]
struct Log {
    written: usize,
    synced: usize,
    /// What was written when a thread began its sync: later writes are not covered by it.
    syncing: BTreeMap<String, usize>,
    syncs: usize,
    answers: usize,
}

impl Log {
    fn see(&mut self, line: &str) {
        let thread = line.split_whitespace().next().unwrap_or_default();
        match call_of(line) {
            Some(Call::Write) => self.written += 1,
            Some(Call::SyncBegins) => {
                self.syncing.insert(thread.to_owned(), self.written);
            }
            // A sync of another file may end here as well; it was not remembered.
            Some(Call::SyncEnds) => {
                if let Some(covered) = self.syncing.remove(thread) {
                    self.covers(covered);
                }
            }
            Some(Call::Sync) => self.covers(self.written),
            Some(Call::Answer) => self.answers += 1,
            None => {}
        }
    }

    fn covers(&mut self, written: usize) {
        self.synced = self.synced.max(written);
        self.syncs += 1;
    }

    /// What is wrong with an answer that leaves now.
    fn fault(&self) -> Option<String> {
        let Self { written, synced, syncs, answers, .. } = self;
        if synced < written {
            return Some(format!("{} writes to the log are not synced", written - synced));
        }
        // Intent and outcome are a commit each.
        let are_missing = *syncs < 2 * answers;
        are_missing.then(|| format!("{syncs} syncs before answer {answers}"))
    }
}

pub(crate) async fn no_answer_leaves_before_its_commit_is_synced(store: Store) {
    match store {
        Store::Embedded => in_the_system_calls().await,
        Store::Postgres | Store::Kafka => in_the_servers_log().await,
    }
}

/// Postgres says how far its log is written and how far it is on disk. On a server of the test's own,
/// where nobody else writes, the two must be one after each answer.
async fn in_the_servers_log() {
    const REQUESTS: usize = 20;
    let server = Server::start().await;
    let daybook = Daybook::start_on(server.book(&[]).await, &["--role=api"]).await;
    let mut monitor = server.monitor().await;
    let mut late = Vec::new();
    for number in 0..REQUESTS {
        daybook
            .post("/api/v1/payments", authorization(&format!("k{number}"), 1000))
            .await
            .expect(201);
        let unsynced: i64 = sqlx::query_scalar(
            "SELECT (pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn())::int8",
        )
        .fetch_one(&mut monitor)
        .await
        .unwrap();
        if unsynced > 0 {
            late.push((number, unsynced));
        }
    }
    // The server's own writers say something now and then.
    assert!(late.len() <= 2, "bytes not on disk after an answer: {late:?}");
}

async fn in_the_system_calls() {
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
        .stderr(Stdio::null())
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
    let mut log = Log::default();
    for line in trace.lines() {
        log.see(line);
        if call_of(line) == Some(Call::Answer) {
            assert_eq!(log.fault(), None, "an answer left too early: {line}");
        }
    }
    assert_eq!(log.answers, REQUESTS, "the trace does not show the answers");
}

/// The process that strace started.
async fn child_of(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = tokio::fs::read_to_string(path).await.unwrap();
    children.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("strace has a child")
}

/// The reading of a trace, on lines as strace prints them.
#[test]
fn a_sync_counts_at_its_end_and_only_for_what_was_written_before() {
    let wal = "7</d/ledger.db-wal>";
    let write = format!("11 pwrite64({wal}, \"x\", 1, 0) = 1");
    let begin = format!("11 fdatasync({wal} <unfinished ...>");
    let end = "11 <... fdatasync resumed>) = 0".to_owned();
    let whole = format!("11 fdatasync({wal}) = 0");
    let later = format!("12 pwrite64({wal}, \"y\", 1, 9 <unfinished ...>");
    let failed = format!("11 fdatasync({wal}) = -1 EIO (Input/output error)");
    let foreign = "13 <... fsync resumed>) = 0".to_owned();
    for (lines, is_dirty) in [
        (vec![&write, &whole], false),
        (vec![&write, &begin], true),
        (vec![&write, &begin, &end], false),
        (vec![&write, &begin, &foreign], true),
        (vec![&write, &begin, &later, &end], true),
        (vec![&write, &failed], true),
    ] {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.see(line));
        assert_eq!(log.synced < log.written, is_dirty, "{lines:#?}: {log:?}");
    }
}
