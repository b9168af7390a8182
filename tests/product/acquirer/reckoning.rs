//! What the acquirer executed by its own record, against what the ledger says.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::process::Acquirer;
use crate::harness::Daybook;

/// Executions and approved minor units, by payment and verb.
type Executed = BTreeMap<(String, String), (i64, i64)>;

async fn executed(acquirer: &Acquirer) -> Executed {
    let options = SqliteConnectOptions::new().filename(acquirer.record()).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(
        "SELECT lower(hex(payment_id)), verb, count(*), sum(approved) FROM execution
         GROUP BY payment_id, verb",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3)))).collect()
}

async fn payments(daybook: &Daybook) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/payments?limit=200{after}");
        let page = daybook.get(&path).await.expect(200).json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => after = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Compares every payment, in views that have caught up; how many operations were executed.
///
/// Money moved at the acquirer exactly as the ledger has it, no operation was executed that the ledger
/// doesn't know, and an approval that counts for nothing was reversed.
pub(crate) async fn agrees(daybook: &Daybook, acquirer: &Acquirer) -> usize {
    daybook.verify_until("the views 0 events behind").await;
    let mut executed = executed(acquirer).await;
    let count: i64 = executed.values().map(|(count, _)| count).sum();
    for payment in payments(daybook).await {
        let id = payment["paymentId"].as_str().unwrap().replace('-', "");
        let mut take =
            |verb: &str| executed.remove(&(id.clone(), verb.to_owned())).unwrap_or((0, 0));
        let authorized = take("authorize");
        let (captured, refunded) = (take("capture"), take("refund"));
        let (_, reversed) = take("reverse");
        let held = authorized.1 - reversed;
        assert_eq!(held, payment["amountAuthorized"].as_i64().unwrap(), "{payment}");
        assert_eq!(captured.1, payment["amountCaptured"].as_i64().unwrap(), "{payment}");
        assert_eq!(refunded.1, payment["amountRefunded"].as_i64().unwrap(), "{payment}");
        assert!(authorized.0 <= 1, "{payment}");
        for (list, executions) in [("captures", captured.0), ("refunds", refunded.0)] {
            let known = i64::try_from(payment[list].as_array().unwrap().len()).unwrap();
            assert!(executions <= known, "{executions} {list} were executed: {payment}");
        }
    }
    assert!(executed.is_empty(), "the ledger knows nothing of {executed:?}");
    usize::try_from(count).unwrap()
}
