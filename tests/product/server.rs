//! A Postgres of a test's own, which it may restart and cut off.

use std::sync::Arc;

use daybook_engine::postgres::scratch::{ScratchDatabase, Services};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::harness::folder;
use crate::store::{Book, migrate};

/// A running server; it ends with its test.
#[derive(Debug)]
pub(crate) struct Server {
    services: Services,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = folder();
        // The server's user must get in.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let server = Self { services: Services::in_folder(folder.path()), _folder: folder };
        server.resume().await;
        server
    }

    /// A new ledger on it.
    pub(crate) async fn book(&self, flags: &[&str]) -> Arc<Book> {
        let database = ScratchDatabase::create_on(&self.services).await;
        migrate(&database, flags).await;
        Arc::new(Book::Postgres(database))
    }

    /// Starts it, where it doesn't run.
    pub(crate) async fn resume(&self) {
        self.run(&["up", "postgres"]).await;
    }

    /// Stops it as an administrator does who waits for nobody.
    pub(crate) async fn stop(&self) {
        self.run(&["down", "postgres"]).await;
    }

    async fn run(&self, arguments: &'static [&'static str]) -> Vec<(String, String)> {
        let services = self.services.clone();
        tokio::task::spawn_blocking(move || services.run(arguments)).await.unwrap()
    }

    /// A connection that may see what the server is doing.
    pub(crate) async fn monitor(&self) -> PgConnection {
        let urls = self.run(&["up", "postgres"]).await;
        let owner = urls.iter().find(|(name, _)| name == "POSTGRES_OWNER_URL").unwrap();
        PgConnection::connect(&owner.1).await.unwrap()
    }

    /// What the server has logged.
    pub(crate) async fn log(&self) -> String {
        let printed = self.run(&["up", "postgres"]).await;
        let path = printed.iter().find(|(name, _)| name == "POSTGRES_LOG").map(|(_, path)| path);
        let path = path.expect("deploy/services says where the log is");
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.services.run(&["destroy"]);
    }
}
