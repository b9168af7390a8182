//! The Postgres that `deploy/services` runs: where it is, and what its log and its processes tell.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::deploy;
use crate::failure::Failure;
use crate::server::cpu_of_family;

/// A running server: its owner's URL, who may create databases, and the serving role's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(super) owner_url: String,
    pub(super) server_url: String,
    /// Missing where it runs in a container.
    log: Option<PathBuf>,
}

impl Cluster {
    /// Runs `deploy/services up postgres`, and reads the lines `NAME=VALUE` that it prints.
    pub(crate) fn up() -> Result<Self, Failure> {
        Self::parse(&deploy::up("postgres")?)
    }

    fn parse(printed: &str) -> Result<Self, Failure> {
        let value = |name: &str| {
            let values = printed.lines().filter_map(|line| line.split_once('='));
            values.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        let url = |name| value(name).ok_or_else(|| Failure::Services(format!("printed no {name}")));
        Ok(Self {
            // The limit's driver delays what it sends over TCP, and everything is on one machine.
            owner_url: url("POSTGRES_OWNER_SOCKET_URL").or_else(|_| url("POSTGRES_OWNER_URL"))?,
            server_url: url("POSTGRES_SOCKET_URL").or_else(|_| url("POSTGRES_URL"))?,
            log: value("POSTGRES_LOG").map(PathBuf::from),
        })
    }

    /// The processor time of all its processes so far; its databases' other users' too.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let lock = self.log.as_ref()?.with_file_name("data").join("postmaster.pid");
        let lock = fs::read_to_string(lock).ok()?;
        cpu_of_family(lock.lines().next()?.trim())
    }

    /// The lines of its log in which sessions of this database ended in a deadlock.
    pub(super) fn deadlocks_logged(&self, database: &str) -> Result<Vec<String>, Failure> {
        let Some(log) = &self.log else { return Ok(Vec::new()) };
        let text = fs::read(log)
            .map_err(|error| Failure::Io { doing: format!("reading {}", log.display()), error })?;
        Ok(deadlocks(&String::from_utf8_lossy(&text), database))
    }
}

/// `deploy/postgres/postgresql.conf` has each line name its session as `USER@DATABASE`.
fn deadlocks(log: &str, database: &str) -> Vec<String> {
    let of_database = format!("@{database} ");
    let lines = log.lines();
    let found = lines
        .filter(|line| line.contains(&of_database) && line.contains("deadlock detected"))
        .map(str::to_owned);
    found.collect()
}

/// The same server and role, and another of its databases.
pub(super) fn with_database(url: &str, database: &str) -> String {
    let (place, options) = url.split_once('?').map_or((url, None), |(p, o)| (p, Some(o)));
    let (server, _) = place.rsplit_once('/').unwrap_or((place, ""));
    match options {
        Some(options) => format!("{server}/{database}?{options}"),
        None => format!("{server}/{database}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_are_read_from_what_the_script_prints() {
        let printed = "POSTGRES_OWNER_URL=postgres://o:x@h:1/d?a=b\nPOSTGRES_URL=postgres://a@h:1/d\n\
                       POSTGRES_CA=/ca.crt\nPOSTGRES_LOG=/services/postgres/server.log\n";
        let cluster = Cluster::parse(printed).unwrap();
        assert_eq!(cluster.owner_url, "postgres://o:x@h:1/d?a=b");
        assert_eq!(cluster.server_url, "postgres://a@h:1/d");
        assert_eq!(cluster.log, Some("/services/postgres/server.log".into()));
        let failure = Cluster::parse("POSTGRES_OWNER_URL=x\n").unwrap_err();
        assert!(failure.to_string().contains("POSTGRES_URL"), "{failure}");
    }

    #[test]
    fn a_container_has_no_log_and_its_processes_are_not_found() {
        let printed = "POSTGRES_OWNER_URL=a\nPOSTGRES_URL=b\n";
        let cluster = Cluster::parse(printed).unwrap();
        assert_eq!(cluster.cpu(), None);
        assert!(cluster.deadlocks_logged("bench_1").unwrap().is_empty());
    }

    #[test]
    fn deadlocks_are_those_of_the_runs_own_database() {
        let line = |database: &str, said: &str| {
            format!("2026-11-23 10:00:00.000 UTC [7] daybook daybook_app@{database} {said}\n")
        };
        let log = [
            line("bench_1", "ERROR:  deadlock detected"),
            line("bench_1", "DETAIL:  Process 7 waits for ShareLock"),
            line("bench_12", "ERROR:  deadlock detected"),
            line("bench_1", "ERROR:  duplicate key value violates unique constraint"),
        ];
        let found = deadlocks(&log.concat(), "bench_1");
        assert_eq!(found, [log[0].trim_end()]);
    }

    #[test]
    fn another_database_keeps_the_options() {
        assert_eq!(with_database("postgres://o:x@h:1/d", "n"), "postgres://o:x@h:1/n");
        let with_options = "postgres://o:x@h:1/d?sslmode=verify-full&sslrootcert=/a/b";
        let expected = "postgres://o:x@h:1/n?sslmode=verify-full&sslrootcert=/a/b";
        assert_eq!(with_database(with_options, "n"), expected);
    }
}
