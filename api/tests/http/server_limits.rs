//! Everything that waits has a bound, and says so at it.

use std::time::Duration;

use crate::client::{Client, get, post, request};
use crate::fixture::{AUTHORIZE, eventually, serve_with};
use crate::stand_in::Script;

#[tokio::test]
async fn a_connection_beyond_the_bound_is_503_at_once_and_room_is_given_back() {
    let served = serve_with(Script::Approve, |api| api.limits.connections = 1).await;
    let mut first = Client::connect(served.addr).await;
    first.write(&get("/healthz")).await;
    assert_eq!(first.read().await.status, 200);

    let mut second = Client::connect(served.addr).await;
    second.write(&post("/api/v1/payments", "", AUTHORIZE)).await;
    let refused = second.read().await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "OVERLOADED"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(second.is_closed().await);

    first.write(&request("GET", "/healthz", "connection: close\r\n", b"")).await;
    assert_eq!(first.read().await.status, 200);
    assert!(first.is_closed().await);
    let mut answer = served.get("/healthz").await;
    for _ in 0..1_000 {
        if answer.status == 200 {
            break;
        }
        answer = served.get("/healthz").await;
    }
    assert_eq!(answer.status, 200, "the first connection's room is given back");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let short = Duration::from_millis(50);
    let served = serve_with(Script::Approve, |api| api.limits.header_read = short).await;
    let mut client = Client::connect(served.addr).await;
    client.write(b"GET /healthz HTTP/1.1\r\nhost: d").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_body_that_never_ends_is_408() {
    let short = Duration::from_millis(50);
    let served = serve_with(Script::Approve, |api| api.limits.body_read = short).await;
    let mut client = Client::connect(served.addr).await;
    let whole = post("/api/v1/payments", "", AUTHORIZE);
    client.write(&whole[..whole.len() - 1]).await;
    let answer = client.read().await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "BODY_TIMEOUT"));
    assert!(client.is_closed().await);
}

/// An answer that fills every buffer between the two and is never read.
#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let served = serve_with(Script::Approve, |api| {
        api.limits.write = Duration::from_millis(100);
        api.limits.connections = 1;
    })
    .await;
    let mut client = Client::connect(served.addr).await;
    let pipelined = get("/metrics").repeat(200);
    let flood = tokio::spawn(async move {
        // Ends with the connection, which the server must close.
        for _ in 0..1_000 {
            if client.try_write(&pipelined).await.is_err() {
                return true;
            }
        }
        false
    });
    assert!(flood.await.unwrap(), "the server never closed");
    let addr = served.addr;
    let is_free = async || crate::client::send(addr, &get("/healthz")).await.status == 200;
    for _ in 0..1_000 {
        if is_free().await {
            return;
        }
    }
    panic!("the room of the lost client was never given back");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_abandon_its_operation() {
    let served = serve_with(Script::Approve, |_| {}).await;
    served.engine.gate.forget_permits(usize::MAX);
    let mut client = Client::connect(served.addr).await;
    client.write(&post("/api/v1/payments", "", AUTHORIZE)).await;
    let engine = served.engine.clone();
    eventually("the request reaches the engine", || {
        !engine.authorizations.lock().unwrap().is_empty()
    })
    .await;
    drop(client);
    let left = r#"method="POST",status="499"} 1"#;
    for _ in 0..1_000 {
        if served.get("/metrics").await.body.contains(left) {
            break;
        }
    }
    assert!(served.get("/metrics").await.body.contains(left), "the client's leaving is counted");
    assert_eq!(*engine.finished.lock().unwrap(), 0);
    engine.gate.add_permits(1);
    eventually("the operation ends", || *engine.finished.lock().unwrap() == 1).await;
}
