//! What every store of seals promises, on each of them.

use std::sync::Arc;

use daybook_engine::clock::Timestamp;
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::ledger::sqlite::SqliteLedger;
use daybook_engine::postgres::Migrator;
use daybook_engine::postgres::scratch::ScratchDatabase;
use daybook_engine::seal::{Seal, SealHash, SealStore, Sealed};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::book::{PARTITIONS, fill, identity, in_memory, p};

fn seal(number: u64, position: u64) -> Seal {
    Seal {
        partition: p(1),
        number,
        position,
        hash: SealHash([u8::try_from(200 + number).unwrap(); 32]),
        incarnation: 1,
        sealed_at: Timestamp::from_millis(1_800_000_000_000 + 7),
    }
}

/// Nine events in partition 1, and seals at 3 and 5.
async fn keeps_its_seals<S: Ledger + SealStore>(store: Arc<S>) {
    fill(&*store, 1, 0..9).await;
    assert_eq!(store.last_seals(&[p(0), p(1)]).await.unwrap(), [None, None]);
    assert_eq!(store.seals(p(1), 0, 10).await.unwrap(), []);
    assert_eq!(store.add_seal(&seal(2, 3)).await.unwrap(), Sealed::Superseded, "out of turn");
    assert_eq!(store.add_seal(&seal(1, 3)).await.unwrap(), Sealed::Added);
    assert_eq!(store.add_seal(&seal(1, 4)).await.unwrap(), Sealed::Superseded, "taken");
    assert_eq!(store.add_seal(&seal(2, 5)).await.unwrap(), Sealed::Added);
    let both = [seal(1, 3), seal(2, 5)];
    assert_eq!(store.seals(p(1), 0, 10).await.unwrap(), both);
    assert_eq!(store.seals(p(1), 0, 1).await.unwrap(), both[..1]);
    assert_eq!(store.seals(p(1), 1, 10).await.unwrap(), both[1..]);
    assert_eq!(store.seals(p(1), 2, 10).await.unwrap(), []);
    assert_eq!(store.seals(p(0), 0, 10).await.unwrap(), []);
    let last = store.last_seals(&[p(1), p(0)]).await.unwrap();
    assert_eq!(last, [Some(both[1]), None], "in the order asked for");
}

/// As any tool would try to change seals.
const CHANGES: [&str; 9] = [
    "UPDATE seal SET hash = hash",
    "UPDATE seal SET position = position - 1 WHERE number = 2",
    "DELETE FROM seal",
    "DELETE FROM seal WHERE number = 2",
    "INSERT INTO seal SELECT partition, 4, 6, hash, incarnation, sealed_at FROM seal WHERE number = 2",
    "INSERT INTO seal SELECT partition, 3, 5, hash, incarnation, sealed_at FROM seal WHERE number = 2",
    "INSERT INTO seal SELECT partition, 3, 10, hash, incarnation, sealed_at FROM seal WHERE number = 2",
    "INSERT INTO incarnation SELECT 1, partition, 1, sealed_at FROM seal WHERE number = 2",
    "INSERT INTO incarnation SELECT 3, partition, 1, sealed_at FROM seal WHERE number = 2",
];

#[tokio::test]
async fn memory_keeps_seals() {
    keeps_its_seals(in_memory()).await;
}

/// The statements that a stranger gets through, whatever the settings.
async fn let_through(stranger: &mut SqliteConnection) -> Vec<&'static str> {
    let replacing = [
        "REPLACE INTO seal SELECT partition, number, 4, hash, incarnation, sealed_at FROM seal",
        "UPDATE OR REPLACE seal SET number = 1 WHERE number = 2",
    ];
    let mut through = Vec::new();
    for setting in ["PRAGMA recursive_triggers = off", "PRAGMA recursive_triggers = on"] {
        stranger.execute(setting).await.unwrap();
        for statement in CHANGES.into_iter().chain(replacing) {
            // Nothing of what gets through is kept.
            let mut tried = stranger.begin().await.unwrap();
            match tried.execute(statement).await {
                Ok(_) => through.push(statement),
                Err(error) => {
                    let (error, why) = (error.to_string(), REFUSALS);
                    assert!(why.iter().any(|why| error.contains(why)), "{statement}: {error}");
                }
            }
            tried.rollback().await.unwrap();
        }
    }
    through
}

/// What a refusal says.
const REFUSALS: [&str; 4] =
    ["append-only", "when a ledger is adopted", "CHECK constraint", "check constraint"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_seals_and_lets_nobody_change_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path, Some(PARTITIONS), identity().id).await.unwrap();
    let ledger = Arc::new(ledger);
    keeps_its_seals(ledger.clone()).await;
    let url = format!("sqlite://{}", path.display());
    let mut stranger = SqliteConnection::connect(&url).await.unwrap();
    assert_eq!(let_through(&mut stranger).await, Vec::<&str>::new());
    let seals = ledger.seals(p(1), 0, 10).await.unwrap();
    assert_eq!(seals, [seal(1, 3), seal(2, 5)]);
    // Planted: a file whose seals can be deleted is told from it.
    stranger.execute("DROP TRIGGER seal_is_never_deleted").await.unwrap();
    let through = let_through(&mut stranger).await;
    assert!(through.contains(&"DELETE FROM seal"), "{through:?}");
    assert!(through.iter().all(|statement| !statement.starts_with("UPDATE seal")), "{through:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_seals_and_lets_nobody_change_them() {
    let database = ScratchDatabase::create().await;
    let mut migrator = Migrator::connect(&database.owner_settings()).await.unwrap();
    let migrated = PostgresLedger::migrate(&mut migrator, Some(PARTITIONS), identity().id).await;
    migrated.unwrap();
    drop(migrator);
    database.grant().await;
    let ledger = PostgresLedger::open(&database.server_settings(), None).await.unwrap();
    let ledger = Arc::new(ledger);
    keeps_its_seals(ledger.clone()).await;
    let mut owner = database.stranger().await;
    let mut server = PgConnection::connect(database.server_url()).await.unwrap();
    for statement in CHANGES.into_iter().chain(["TRUNCATE seal", "TRUNCATE incarnation"]) {
        let error = owner.execute(AssertSqlSafe(statement)).await.unwrap_err().to_string();
        assert!(REFUSALS.iter().any(|why| error.contains(why)), "{statement}: {error}");
        let error = server.execute(AssertSqlSafe(statement)).await.unwrap_err().to_string();
        let may_insert = statement.starts_with("INSERT INTO seal");
        let why = if may_insert { "append-only" } else { "permission denied" };
        assert!(error.contains(why), "{statement}: {error}");
    }
    assert_eq!(ledger.seals(p(1), 0, 10).await.unwrap(), [seal(1, 3), seal(2, 5)]);
    // Planted: a database whose seals can be deleted is told from it.
    owner.execute("ALTER TABLE seal DISABLE TRIGGER USER").await.unwrap();
    assert!(owner.execute("DELETE FROM seal WHERE number = 2").await.is_ok());
}
