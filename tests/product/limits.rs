//! At every bound there is a clear answer.

use std::sync::Arc;
use std::time::Duration;

use crate::flows::authorization;
use crate::harness::{Daybook, tally};
use crate::store::Store;

pub(crate) async fn a_full_queue_refuses_at_once(store: Store) {
    // Room for the intent and the outcome of two operations, and an acquirer so slow that all
    // requests are decided before the first outcome gives room back.
    let flags = ["--queue-max=4", "--simulator-latency-ms=4000", "--wait-ms=20000"];
    let daybook = Arc::new(Daybook::start(store, &flags).await);
    let requests: Vec<_> = (0..20)
        .map(|number| {
            let daybook = daybook.clone();
            tokio::spawn(async move {
                let started = tokio::time::Instant::now();
                let body = authorization(&format!("k{number}"), 1000);
                (daybook.post("/api/v1/payments", body).await, started.elapsed())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        let (answer, took) = request.await.unwrap();
        if answer.status == 503 {
            assert_eq!(answer.field("code"), "OVERLOADED");
            assert!(answer.headers.contains_key("retry-after"));
            assert!(took < Duration::from_secs(3), "a refusal took {took:?}");
        }
        answers.push(answer);
    }
    let tally = tally(&answers);
    // An intent's room is free again after its commit, so a third may get in; a fourth would have
    // no room for its outcome.
    let accepted = tally.get(&201).copied().unwrap_or(0);
    assert!((2..=3).contains(&accepted), "{tally:?}");
    assert_eq!(tally.get(&503).copied().unwrap_or(0), 20 - accepted, "{tally:?}");
    daybook.post("/api/v1/payments", authorization("after", 1000)).await.expect(201);
    daybook.verify().await;
}

pub(crate) async fn accepted_requests_finish_when_it_stops(store: Store) {
    let daybook = Daybook::start(store, &["--simulator-latency-ms=1000"]).await;
    let request = daybook.post("/api/v1/payments", authorization("k1", 1000));
    let stop = async {
        daybook.metric_reaches("daybook_acquirer_calls_total", 1).await;
        daybook.signal("-TERM").await;
    };
    let (answer, ()) = tokio::join!(request, stop);
    assert_eq!(answer.expect(201).field("status"), "AUTHORIZED");
    let mut daybook = daybook;
    assert_eq!(daybook.ended().await, Some(0));
    daybook.resume().await;
    let again = daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    daybook.signal("-INT").await;
    assert_eq!(daybook.ended().await, Some(0));
}

pub(crate) async fn another_number_of_partitions_is_refused(store: Store) {
    let mut daybook = Daybook::start(store, &["--partitions=4"]).await;
    daybook.post("/api/v1/payments", authorization("k1", 1000)).await.expect(201);
    assert_eq!(daybook.stop().await, Some(0));
    let refused = daybook.command("serve", &["--partitions=5", "--listen=127.0.0.1:0"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("--partitions") && message.contains('4'), "{message}");
    let unknown = daybook.command("serve", &["--nonsense=5"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    let wrong = daybook.command("serve", &["--fee-bps=x"]).await;
    assert_eq!(wrong.status.code(), Some(2));
}
