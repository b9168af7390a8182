//! A crew of a small script that stands for daybook, on a database of the real Postgres.

use std::fs;

use super::*;
use crate::scenario::shared;

/// Writes down how it is called, and does what its further flags say.
const SCRIPT: &str = r#"#!/bin/sh
echo "$@" >>"$0.calls"
case "$*" in
  migrate*) test ! -e "$0.refuses" || { echo 'no such role' >&2; exit 3; } ;;
  serve*)
    trap 'exit 0' TERM
    echo 'daybook listening on http://127.0.0.1:9'
    while :; do sleep 0.01; done ;;
  verify*) echo 'no difference' ;;
esac
"#;

/// Written by another process: one that is started meanwhile would hold the file open, and a file open
/// for writing can't be executed.
fn program(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("daybook");
    let mut write = Command::new("sh");
    write.args(["-c", r#"printf %s "$1" >"$0"; chmod +x "$0""#]).arg(&path).arg(SCRIPT);
    assert!(write.status().unwrap().success());
    path
}

fn calls(dir: &TempDir) -> Vec<Vec<String>> {
    let calls = fs::read_to_string(dir.path().join("daybook.calls")).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    calls.lines().map(words).collect()
}

fn flag<'a>(call: &'a [String], name: &str) -> Option<&'a str> {
    let at = call.iter().position(|word| word == name)?;
    call.get(at + 1).map(String::as_str)
}

fn ready(dir: &TempDir, cluster: Option<Cluster>) -> Ready {
    let flags = vec!["--fee-bps".into(), "29".into()];
    Ready::Built { program: program(dir), cluster, brokers: None, flags }
}

#[tokio::test]
async fn a_crew_is_started_by_role_on_a_database_that_its_owner_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let place = ready(&dir, Some(Cluster::up().unwrap()));
    let servers = Servers::open(&place, shared::CREW).await.unwrap();
    assert_eq!(servers.addresses.len(), 2, "only the API processes take requests");
    let standing = servers.standing().await;
    let checked = servers.stop().await.unwrap();
    assert_eq!(checked.verified.as_deref(), Some("no difference\n"));
    assert_eq!(checked.differences, Vec::<String>::new());
    // The sections of a standing show what was found, and that is no error where nothing was.
    assert_eq!(Standing::sections(&standing, &standing).len(), 2);

    let calls = calls(&dir);
    let commands: Vec<_> = calls.iter().map(|call| call[0].as_str()).collect();
    let serves = ["serve"; 6];
    assert_eq!(commands, [&["migrate"][..], &serves, &["verify"]].concat());
    let roles: Vec<_> = calls[1..7].iter().map(|call| flag(call, "--role")).collect();
    assert_eq!(roles, shared::CREW);
    let owner = flag(&calls[0], "--database-url").unwrap();
    let server = flag(&calls[1], "--database-url").unwrap();
    assert!(owner.contains("daybook_owner") && server.contains("daybook_app"), "{owner} {server}");
    let database = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(database(owner), database(server));
    for call in &calls[1..7] {
        assert_eq!(flag(call, "--fee-bps"), Some("29"));
        assert_eq!(flag(call, "--database-url"), Some(server));
    }
    assert_eq!(flag(&calls[7], "--database-url"), Some(server));
}

#[tokio::test]
async fn one_that_does_everything_keeps_its_ledger_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::open(&ready(&dir, None), ALONE).await.unwrap();
    assert_eq!(servers.addresses.len(), 1);
    servers.stop().await.unwrap();
    let calls = calls(&dir);
    assert_eq!((calls[0][0].as_str(), calls[1][0].as_str()), ("serve", "verify"));
    assert_eq!(flag(&calls[0], "--role"), None);
    let folder = flag(&calls[0], "--data-dir").unwrap();
    assert_eq!(flag(&calls[1], "--data-dir"), Some(folder));
    assert!(!Path::new(folder).exists(), "{folder} is still there");
}

#[tokio::test]
async fn a_migration_that_fails_says_why() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("daybook.refuses"), "").unwrap();
    let place = ready(&dir, Some(Cluster::up().unwrap()));
    let failure = Servers::open(&place, ALONE).await.unwrap_err();
    assert!(failure.to_string().contains("no such role"), "{failure}");
    assert_eq!(failure.exit_code(), 3);
}
