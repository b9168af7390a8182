//! The file itself refuses to be changed, whoever opens it and with whatever settings.

use daybook_engine::event_text::TextName;
use daybook_engine::ledger::{AppendText, Ledger, Recorded};
use sqlx::Executor;

use crate::in_sqlite::{SqliteFixture, append, in_sqlite};

/// Three payments in partition 0, at positions 1, 2 and 3, the first with a text.
async fn three_payments() -> SqliteFixture {
    let fixture = in_sqlite().await;
    let mut batch = [append(1, 1), append(2, 1), append(3, 1)];
    let salt = [7; 16];
    batch[0].texts = vec![AppendText { name: TextName::Reason, salt, text: "a".into() }];
    fixture.ledger.append(&batch).await.unwrap().unwrap();
    fixture
}

async fn everything(fixture: &SqliteFixture) -> (Vec<Recorded>, String) {
    let mut events = Vec::new();
    for number in 1..=9 {
        events.extend(fixture.ledger.load(append(number, 1).payment_id).await.unwrap());
    }
    let texts = fixture.ledger.texts(append(1, 1).payment_id).await.unwrap();
    let heads = fixture.ledger.heads().await.unwrap();
    (events, format!("{texts:?} {heads:?}"))
}

/// Runs each statement on a connection of its own kind; each must fail, saying `why`.
async fn assert_refused(why: &str, statements: &[&'static str]) {
    let fixture = three_payments().await;
    let before = everything(&fixture).await;
    let mut stranger = fixture.stranger().await;
    for setting in ["PRAGMA recursive_triggers = off", "PRAGMA recursive_triggers = on"] {
        stranger.execute(setting).await.unwrap();
        for &statement in statements {
            match stranger.execute(statement).await {
                Ok(done) => panic!("{setting}: {statement} changed {} rows", done.rows_affected()),
                Err(error) => {
                    let found = error.to_string();
                    assert!(found.contains(why), "{setting}: {statement}: {found}");
                }
            }
            assert_eq!(everything(&fixture).await, before, "{setting}: {statement}");
        }
    }
    let next = fixture.ledger.append(&[append(1, 2)]).await.unwrap();
    assert!(next.is_some(), "the ledger still takes an append");
}

#[tokio::test]
async fn an_event_is_never_updated() {
    assert_refused(
        "never updated",
        &[
            "UPDATE event SET data = '{\"amount\":1}'",
            "UPDATE event SET position = 9 WHERE position = 3",
            "UPDATE OR REPLACE event SET position = 1 WHERE position = 2",
            "UPDATE event SET rowid = 99 WHERE position = 3",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_event_is_never_deleted() {
    assert_refused(
        "never deleted",
        &["DELETE FROM event", "DELETE FROM event WHERE partition = 0 AND position = 3"],
    )
    .await;
}

#[tokio::test]
async fn an_event_is_never_replaced() {
    assert_refused(
        "append-only",
        &[
            // By its position, by its payment and version, by both, and by its rowid.
            "INSERT OR REPLACE INTO event VALUES (0, 3, zeroblob(16), 1, zeroblob(16), 't', '', NULL, 0)",
            "REPLACE INTO event SELECT partition, 4, payment_id, version, event_id, 't', '', NULL, 0
             FROM event WHERE position = 2",
            "REPLACE INTO event SELECT partition, position, payment_id, version, event_id, 't', '',
             NULL, 0 FROM event",
            "REPLACE INTO event (rowid, partition, position, payment_id, version, event_id, type,
             data, recorded_at) SELECT rowid, 0, 4, zeroblob(16), 1, event_id, 't', '', 0
             FROM event WHERE position = 2",
            "INSERT INTO event SELECT * FROM event WHERE position = 1
             ON CONFLICT DO UPDATE SET data = ''",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_event_never_leaves_a_gap() {
    assert_refused(
        "next position",
        &[
            "INSERT INTO event VALUES (0, 5, zeroblob(16), 1, zeroblob(16), 't', '', NULL, 0)",
            "INSERT INTO event VALUES (1, 2, zeroblob(16), 1, zeroblob(16), 't', '', NULL, 0)",
        ],
    )
    .await;
    assert_refused(
        "next version",
        &["INSERT INTO event VALUES (0, 4, zeroblob(16), 2, zeroblob(16), 't', '', NULL, 0)"],
    )
    .await;
}

#[tokio::test]
async fn a_head_only_grows_to_its_last_event() {
    assert_refused(
        "only grows",
        &[
            "UPDATE ledger_partition SET head = 2 WHERE partition = 0",
            "UPDATE ledger_partition SET head = 3 WHERE partition = 0",
            "UPDATE ledger_partition SET head = 4 WHERE partition = 0",
            "UPDATE ledger_partition SET head = 1 WHERE partition = 1",
            "UPDATE OR REPLACE ledger_partition SET partition = 1, head = 9 WHERE partition = 0",
        ],
    )
    .await;
}

#[tokio::test]
async fn partitions_are_neither_added_nor_taken_away() {
    assert_refused(
        "number of partitions is fixed",
        &[
            "INSERT INTO ledger_partition VALUES (4, 0)",
            "REPLACE INTO ledger_partition VALUES (0, 0)",
            "REPLACE INTO ledger_partition VALUES (0, 2)",
            "DELETE FROM ledger_partition WHERE partition = 3",
        ],
    )
    .await;
}

#[tokio::test]
async fn the_identity_is_never_changed() {
    assert_refused(
        "a ledger",
        &[
            "UPDATE ledger SET id = zeroblob(16)",
            "UPDATE ledger SET partitions = 8",
            "UPDATE ledger SET incarnation = incarnation - 1",
            "DELETE FROM ledger",
            "REPLACE INTO ledger VALUES (1, zeroblob(16), 1, 4, 1)",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_text_is_erased_or_left_as_it_is() {
    assert_refused(
        "a text is",
        &[
            "UPDATE event_text SET text = 'b'",
            "UPDATE event_text SET text = NULL",
            "UPDATE event_text SET salt = NULL, text = NULL, version = 2",
            "DELETE FROM event_text",
            "REPLACE INTO event_text SELECT partition, payment_id, version, name, salt, 'b'
             FROM event_text",
        ],
    )
    .await;
}
