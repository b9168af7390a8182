//! The database itself refuses to be changed: by triggers, whoever asks, and by privileges, where
//! the role that serves asks.

use daybook_engine::event_text::TextName;
use daybook_engine::ledger::{AppendText, Ledger, Recorded};
use sqlx::{Connection, Executor, PgConnection};

use crate::in_postgres::{PostgresFixture, in_postgres};
use crate::in_sqlite::append;

const DENIED: &str = "permission denied";

/// Three payments in partition 0, at positions 1, 2 and 3, the first with a text.
async fn three_payments() -> PostgresFixture {
    let fixture = in_postgres().await;
    let mut batch = [append(1, 1), append(2, 1), append(3, 1)];
    let salt = [7; 16];
    batch[0].texts = vec![AppendText { name: TextName::Reason, salt, text: "a".into() }];
    fixture.ledger.append(&batch).await.unwrap().unwrap();
    fixture
}

async fn everything(fixture: &PostgresFixture) -> (Vec<Recorded>, String) {
    let mut events = Vec::new();
    for number in 1..=9 {
        events.extend(fixture.ledger.load(append(number, 1).payment_id).await.unwrap());
    }
    let texts = fixture.ledger.texts(append(1, 1).payment_id).await.unwrap();
    let heads = fixture.ledger.heads().await.unwrap();
    let ledger = sqlx::query_scalar::<_, String>("SELECT ledger::text FROM ledger")
        .fetch_all(&mut fixture.database.stranger().await)
        .await
        .unwrap();
    (events, format!("{texts:?} {heads:?} {ledger:?}"))
}

async fn server(fixture: &PostgresFixture) -> PgConnection {
    PgConnection::connect(fixture.database.server_url()).await.unwrap()
}

/// Runs each statement as the owner, which must fail saying `to_owner`, and as the role that serves,
/// which must fail saying `to_server`.
async fn assert_refused(to_owner: &str, to_server: &str, statements: &[&'static str]) {
    let fixture = three_payments().await;
    let before = everything(&fixture).await;
    let roles = [
        ("owner", fixture.database.stranger().await, to_owner),
        ("server", server(&fixture).await, to_server),
    ];
    for (role, mut connection, why) in roles {
        for &statement in statements {
            match connection.execute(statement).await {
                Ok(done) => panic!("{role}: {statement} changed {} rows", done.rows_affected()),
                Err(error) => {
                    let found = error.to_string();
                    assert!(found.contains(why), "{role}: {statement}: {found}");
                }
            }
            assert_eq!(everything(&fixture).await, before, "{role}: {statement}");
        }
    }
    let next = fixture.ledger.append(&[append(1, 2)]).await.unwrap();
    assert!(next.is_some(), "the ledger still takes an append");
}

#[tokio::test]
async fn an_event_is_never_updated() {
    assert_refused(
        "never updated",
        DENIED,
        &[
            "UPDATE event SET data = '{\"amount\":1}'",
            "UPDATE event SET data = data WHERE false",
            "UPDATE event SET position = 9 WHERE position = 3",
            "INSERT INTO event SELECT * FROM event WHERE position = 1
             ON CONFLICT (partition, position) DO UPDATE SET data = ''",
            "MERGE INTO event e USING ledger_partition p
             ON e.partition = p.partition AND e.position = p.head
             WHEN MATCHED THEN UPDATE SET data = ''",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_event_is_never_deleted() {
    assert_refused(
        "never deleted",
        DENIED,
        &[
            "DELETE FROM event",
            "DELETE FROM event WHERE partition = 0 AND position = 3",
            "WITH gone AS (DELETE FROM event RETURNING *) SELECT count(*) FROM gone",
            "MERGE INTO event e USING ledger_partition p
             ON e.partition = p.partition AND e.position = p.head WHEN MATCHED THEN DELETE",
            "TRUNCATE event",
            "TRUNCATE event CASCADE",
            "TRUNCATE event, event_text, ledger_partition, ledger RESTART IDENTITY CASCADE",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_event_is_never_replaced() {
    // Inserting is what the server is for, so it is the keys that refuse these, to both roles.
    assert_refused(
        "duplicate key",
        "duplicate key",
        &[
            "INSERT INTO event
             VALUES (0, 3, gen_random_uuid(), 1, gen_random_uuid(), 't', '', NULL, now())",
            "INSERT INTO event
             SELECT partition, 4, payment_id, version, event_id, 't', '', NULL, recorded_at
             FROM event WHERE position = 2",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_event_never_leaves_a_gap() {
    assert_refused(
        "next position",
        "next position",
        &[
            "INSERT INTO event
             VALUES (0, 4, gen_random_uuid(), 1, gen_random_uuid(), 't', '', NULL, now())",
            "INSERT INTO event
             VALUES (1, 2, gen_random_uuid(), 1, gen_random_uuid(), 't', '', NULL, now())",
            "WITH moved AS (UPDATE ledger_partition SET head = 5 WHERE partition = 0)
             INSERT INTO event
             VALUES (0, 5, gen_random_uuid(), 1, gen_random_uuid(), 't', '', NULL, now())",
            "WITH moved AS (UPDATE ledger_partition SET head = 6 WHERE partition = 0)
             INSERT INTO event
             SELECT 0, position, gen_random_uuid(), 1, gen_random_uuid(), 't', '', NULL, now()
             FROM unnest(ARRAY[4, 6]) position",
        ],
    )
    .await;
    assert_refused(
        "next version",
        "next version",
        &[
            "WITH moved AS (UPDATE ledger_partition SET head = 4 WHERE partition = 0)
             INSERT INTO event
             VALUES (0, 4, gen_random_uuid(), 2, gen_random_uuid(), 't', '', NULL, now())",
            "WITH moved AS (UPDATE ledger_partition SET head = 4 WHERE partition = 0)
             INSERT INTO event
             SELECT partition, 4, payment_id, 3, gen_random_uuid(), 't', '', NULL, now()
             FROM event WHERE position = 2",
        ],
    )
    .await;
}

#[tokio::test]
async fn rows_are_not_copied_past_the_rules() {
    let fixture = three_payments().await;
    let before = everything(&fixture).await;
    let mut stranger = fixture.database.stranger().await;
    let copied = sqlx::query_scalar::<_, String>(
        "SELECT concat_ws(E'\\t', partition, position, payment_id, version, event_id, type, data,
             '\\N', recorded_at) FROM event WHERE position = 2",
    )
    .fetch_one(&mut stranger)
    .await
    .unwrap();
    let next = copied.replacen("0\t2", "0\t4", 1);
    let rows = [
        (copied.clone(), "duplicate key"),
        (next.clone(), "duplicate key"),
        (next.replace("\t1\t", "\t2\t"), "next position"),
        (next.replace("\t1\t", "\t3\t"), "next version"),
    ];
    for mut connection in [stranger, server(&fixture).await] {
        for (row, why) in &rows {
            let mut copy = connection.copy_in_raw("COPY event FROM STDIN").await.unwrap();
            copy.send(row.as_bytes()).await.unwrap();
            let found = copy.finish().await.expect_err(row).to_string();
            assert!(found.contains(why), "{row}: {found}");
            assert_eq!(everything(&fixture).await, before, "{row}");
        }
    }
}

#[tokio::test]
async fn a_head_only_grows_to_its_last_event() {
    let statements = [
        "UPDATE ledger_partition SET head = 2 WHERE partition = 0",
        "UPDATE ledger_partition SET head = 3 WHERE partition = 0",
        "UPDATE ledger_partition SET head = 4 WHERE partition = 0",
        "UPDATE ledger_partition SET head = 1 WHERE partition = 1",
    ];
    assert_refused("only grows", "only grows", &statements).await;
    let other = ["UPDATE ledger_partition SET partition = 9, head = 9 WHERE partition = 0"];
    assert_refused("only grows", DENIED, &other).await;
}

#[tokio::test]
async fn partitions_are_neither_added_nor_taken_away() {
    assert_refused(
        "number of partitions is fixed",
        DENIED,
        &[
            "INSERT INTO ledger_partition VALUES (4, 0)",
            "INSERT INTO ledger_partition VALUES (0, 0)",
            "INSERT INTO ledger_partition VALUES (0, 0)
             ON CONFLICT (partition) DO UPDATE SET head = 0",
            "DELETE FROM ledger_partition WHERE partition = 3",
            "TRUNCATE ledger_partition CASCADE",
        ],
    )
    .await;
}

#[tokio::test]
async fn the_identity_is_never_changed() {
    assert_refused(
        "a ledger",
        DENIED,
        &[
            "UPDATE ledger SET id = gen_random_uuid()",
            "UPDATE ledger SET partitions = 8",
            "UPDATE ledger SET incarnation = incarnation - 1",
            "UPDATE ledger SET lowest_reader_version = 0",
            "DELETE FROM ledger",
            "TRUNCATE ledger CASCADE",
            "INSERT INTO ledger (id, incarnation, partitions, lowest_reader_version)
             VALUES (gen_random_uuid(), 1, 4, 1)
             ON CONFLICT (single) DO UPDATE SET id = excluded.id",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_text_is_erased_or_left_as_it_is() {
    assert_refused(
        "a text is",
        DENIED,
        &[
            "UPDATE event_text SET text = 'b'",
            "UPDATE event_text SET text = NULL",
            "UPDATE event_text SET salt = NULL, text = NULL, version = 2",
            "DELETE FROM event_text",
            "TRUNCATE event_text",
            "INSERT INTO event_text SELECT * FROM event_text
             ON CONFLICT (partition, payment_id, version, name) DO UPDATE SET text = 'b'",
        ],
    )
    .await;
    let again = ["INSERT INTO event_text SELECT * FROM event_text"];
    assert_refused("duplicate key", "duplicate key", &again).await;
}

#[tokio::test]
async fn the_role_that_serves_changes_no_schema_and_takes_no_rights() {
    let fixture = three_payments().await;
    let mut server = server(&fixture).await;
    // What it has no right to give is not given, with a warning only: the UPDATE below shows it.
    server.execute("GRANT ALL ON event TO PUBLIC").await.unwrap();
    for statement in [
        "UPDATE event SET data = ''",
        "CREATE TABLE mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE INDEX ON event (data)",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN RETURN NEW; END'",
        "ALTER TABLE event ADD COLUMN mine integer",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "DROP TRIGGER event_leaves_no_gap ON event",
        "DROP TABLE event",
        "SET ROLE daybook_owner",
        "SET session_replication_role = replica",
        "UPDATE migration SET lowest_reader_version = 9",
    ] {
        let found = server.execute(statement).await.expect_err(statement).to_string();
        let is_denied = found.contains(DENIED) || found.contains("must be owner");
        assert!(is_denied, "{statement}: {found}");
    }
}
