//! Databases of a test's own, on the servers of `deploy/services`, which are brought up where they
//! don't run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use super::{DatabaseUrl, PostgresSettings};

/// The servers of one folder; the default one is shared by every test.
#[derive(Clone, Debug)]
pub struct Services {
    folder: Option<PathBuf>,
}

impl Services {
    /// Those that every test shares: never to be stopped by one.
    #[must_use]
    pub const fn shared() -> Self {
        Self { folder: None }
    }

    /// Servers of the caller's own in this folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    /// Runs `deploy/services`, and reads the lines `NAME=VALUE` that it prints.
    ///
    /// # Panics
    /// When it fails: a test needs its server.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/services");
        let mut command = Command::new(script);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
        if let Some(folder) = &self.folder {
            // A set of its own is real servers here, never a container that others share.
            command.env("DAYBOOK_SERVICES_DIR", folder).env("DAYBOOK_SERVICES_ENGINE", "none");
        }
        let output = command.output().expect("deploy/services can be run");
        assert!(output.status.success(), "deploy/services {arguments:?}: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// An empty database of a test's own. It stays when the test is over: DROP DATABASE forces a checkpoint,
/// which every other test would wait for. `deploy/services clean` drops what tests have left.
#[derive(Debug)]
pub struct ScratchDatabase {
    owner: String,
    server: String,
}

static NEXT: AtomicU32 = AtomicU32::new(1);

impl ScratchDatabase {
    /// On the shared server.
    ///
    /// # Panics
    /// When there is no server and none can be started.
    pub async fn create() -> Self {
        Self::create_on(&Services::shared()).await
    }

    /// On a server of the caller's.
    ///
    /// # Panics
    /// As [`ScratchDatabase::create`].
    pub async fn create_on(services: &Services) -> Self {
        let services = services.clone();
        let running = tokio::task::spawn_blocking(move || services.run(&["up", "postgres"]));
        let running = running.await.expect("deploy/services runs");
        let url = |name: &str| {
            let found = running.iter().find(|(known, _)| known == name);
            found.map(|(_, url)| url.clone()).expect("deploy/services prints the URLs")
        };
        let (admin, server) = (url("POSTGRES_OWNER_URL"), url("POSTGRES_URL"));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("scratch_{}_{number}", std::process::id());
        let mut connection = connect(&admin).await;
        // A test that was killed may have left one of the same name.
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await.expect("a database is created");
        }
        let here = |url: &str| {
            let (before, _) = url.rsplit_once('/').expect("a URL names a database");
            // Its own tests try TLS; a handshake takes a debug build longer than most tests.
            format!("{before}/{name}?sslmode=disable")
        };
        Self { owner: here(&admin), server: here(&server) }
    }

    /// Another database with the same in it. Nobody may be connected to this one.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn copy(&self) -> Self {
        let copy = Self::create().await;
        let (from, to) = (self.name(), copy.name());
        let mut connection = connect(&copy.owner.replace(&to, "postgres")).await;
        for statement in [
            format!("DROP DATABASE {to} WITH (FORCE)"),
            format!("CREATE DATABASE {to} TEMPLATE {from}"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await.expect("a database is copied");
        }
        copy
    }

    fn name(&self) -> String {
        let (_, behind) = self.owner.rsplit_once('/').expect("a URL names a database");
        behind.split_once('?').map_or(behind, |(name, _)| name).to_owned()
    }

    /// The URL of its owner, who may change the schema.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        &self.owner
    }

    /// The URL of the least-privileged role that serves.
    #[must_use]
    pub fn server_url(&self) -> &str {
        &self.server
    }

    /// Settings for the owner, with time limits that suit a test.
    #[must_use]
    pub fn owner_settings(&self) -> PostgresSettings {
        settings(&self.owner)
    }

    /// Settings for the role that serves.
    #[must_use]
    pub fn server_settings(&self) -> PostgresSettings {
        settings(&self.server)
    }

    /// A connection as the owner, as any tool would open it.
    ///
    /// # Panics
    /// When there is none.
    pub async fn stranger(&self) -> PgConnection {
        connect(&self.owner).await
    }

    /// Gives the serving role what `deploy/postgres/server_role.sql` gives it: after migrating.
    ///
    /// # Panics
    /// When the script fails.
    pub async fn grant(&self) {
        let script = include_str!("../../../deploy/postgres/server_role.sql");
        let mut owner = self.stranger().await;
        owner.execute(sqlx::raw_sql(script)).await.expect("the role script runs");
    }
}

/// Settings for a URL, with time limits that suit a test.
///
/// # Panics
/// When it is no URL.
#[must_use]
pub fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        url: url.parse::<DatabaseUrl>().expect("a URL of Postgres"),
        pool_max: 4,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(20),
        lock_timeout: Duration::from_secs(10),
        idle_in_transaction_timeout: Duration::from_secs(30),
    }
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("a URL of Postgres");
    let connected = options.disable_statement_logging().connect().await;
    connected.unwrap_or_else(|error| panic!("{url}: {error}"))
}
