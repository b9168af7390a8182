//! Databases of a run's own on Postgres.

mod cluster;

use std::io::{Write as _, stderr};
use std::str::FromStr as _;

use rand::TryRng as _;
use rand::rngs::SysRng;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

pub(crate) use cluster::Cluster;
use cluster::with_database;

use crate::failure::Failure;

/// A fresh database; dropped, with all in it, when its owner here is.
#[derive(Debug)]
pub(crate) struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    /// Copies the empty template file by file, which begins and ends with a checkpoint: a run then
    /// has none in its way that is due to what ran before.
    pub(crate) async fn create(cluster: &Cluster) -> Result<Self, Failure> {
        let number = SysRng.try_next_u32().unwrap_or_else(|_| std::process::id());
        let name = format!("bench_{number:08x}");
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy");
        execute(&cluster.owner_url, create).await?;
        Ok(Self { cluster: cluster.clone(), name })
    }

    /// For who may change the schema.
    pub(crate) fn owner_url(&self) -> String {
        with_database(&self.cluster.owner_url, &self.name)
    }

    /// For the role that serves.
    pub(crate) fn server_url(&self) -> String {
        with_database(&self.cluster.server_url, &self.name)
    }

    /// Runs statements as the owner, all or none.
    pub(crate) async fn run_script(&self, sql: &'static str) -> Result<(), Failure> {
        let done = self.connection().await?.execute(sqlx::raw_sql(sql)).await;
        done.map(|_| ()).map_err(|error| failed("running a script", &error))
    }

    /// A session of the owner.
    pub(crate) async fn connection(&self) -> Result<PgConnection, Failure> {
        connect(&self.owner_url()).await
    }

    /// One sentence for each deadlock that the log tells of, or one for those only counted. Sessions
    /// report what they counted when they end at the latest: to be asked after that.
    pub(crate) async fn deadlocks(&self) -> Result<Vec<String>, Failure> {
        let logged = self.cluster.deadlocks_logged(&self.name)?;
        let counted: i64 = sqlx::query_scalar(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&mut self.connection().await?)
        .await
        .map_err(|error| failed("counting deadlocks", &error))?;
        if logged.is_empty() && counted > 0 {
            return Ok(vec![format!("Postgres counted {counted} deadlock(s)")]);
        }
        Ok(logged.into_iter().map(|line| format!("in Postgres's log: {line}")).collect())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let url = self.cluster.owner_url.clone();
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // A thread of its own: nothing can be waited for inside the runtime's.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|error| Failure::Io { doing: "starting a runtime".into(), error })?;
            runtime.block_on(execute(&url, drop))
        });
        if let Ok(Err(failure)) = dropped.join() {
            // Nobody is left to tell when even stderr is closed.
            let _ = writeln!(stderr(), "bench: {} is left behind: {failure}", self.name);
        }
    }
}

async fn execute(url: &str, statement: String) -> Result<(), Failure> {
    let doing = statement.clone();
    let done = connect(url).await?.execute(AssertSqlSafe(statement)).await;
    done.map(|_| ()).map_err(|error| failed(&doing, &error))
}

async fn connect(url: &str) -> Result<PgConnection, Failure> {
    let options = PgConnectOptions::from_str(url).map_err(|error| failed("its URL", &error))?;
    let options = options.application_name("bench").disable_statement_logging();
    options.connect().await.map_err(|error| failed("connecting", &error))
}

pub(crate) fn failed(doing: &str, error: &sqlx::Error) -> Failure {
    Failure::Postgres { doing: doing.into(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_is_gone_with_its_owner_here_though_sessions_are_open() {
        let cluster = Cluster::up().unwrap();
        let database = Database::create(&cluster).await.unwrap();
        let name = database.name.clone();
        let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        let mut admin = connect(&cluster.owner_url).await.unwrap();
        let mut there = async || -> bool {
            sqlx::query_scalar(exists).bind(&name).fetch_one(&mut admin).await.unwrap()
        };
        assert!(there().await);
        let _session = database.connection().await.unwrap();
        assert_eq!(database.deadlocks().await.unwrap(), Vec::<String>::new());
        drop(database);
        assert!(!there().await);
    }
}
