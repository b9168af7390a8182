//! The bounds hold under any concurrency.

use std::sync::Arc;

use serde_json::json;

use crate::flows::authorized;
use crate::harness::{Answer, Daybook, tally};
use crate::store::Store;

async fn compete(daybook: &Arc<Daybook>, path: &str, count: usize, amount: i64) -> Vec<Answer> {
    let requests: Vec<_> = (0..count)
        .map(|number| {
            let (daybook, path) = (daybook.clone(), path.to_owned());
            let body = json!({"amount": amount, "idempotencyKey": format!("competing-{number}")});
            tokio::spawn(async move { daybook.post(&path, body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    answers
}

pub(crate) async fn competing_captures_never_exceed_the_authorization(store: Store) {
    let daybook = Arc::new(Daybook::start(store, &["--wait-ms=20000"]).await);
    let id = authorized(&daybook, "k1", 1000).await;
    let path = format!("/api/v1/payments/{id}/captures");
    let answers = compete(&daybook, &path, 200, 70).await;
    // 14 captures of 70 fit into 1000.
    assert_eq!(tally(&answers).into_iter().collect::<Vec<_>>(), [(200, 14), (409, 186)]);
    let payment = daybook.payment(&id).await;
    assert_eq!(payment.field("amountCaptured"), 980);
    assert_eq!(payment.field("amountCapturable"), 20);
    daybook.verify().await;
}

pub(crate) async fn competing_refunds_never_exceed_the_captured(store: Store) {
    let daybook = Arc::new(Daybook::start(store, &["--wait-ms=20000"]).await);
    let id = authorized(&daybook, "k1", 1000).await;
    daybook.post(&format!("/api/v1/payments/{id}/captures"), json!({})).await.expect(200);
    let path = format!("/api/v1/payments/{id}/refunds");
    let answers = compete(&daybook, &path, 100, 90).await;
    assert_eq!(tally(&answers).into_iter().collect::<Vec<_>>(), [(200, 11), (409, 89)]);
    assert_eq!(daybook.payment(&id).await.field("amountRefunded"), 990);
    daybook.verify().await;
}
