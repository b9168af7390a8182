//! Stopping: what is accepted is finished, nothing new is begun.

use std::time::Duration;

use daybook_api::Drained;
use tokio::net::TcpStream;

use crate::client::{Client, get, post};
use crate::fixture::{AUTHORIZE, Served, eventually, serve, serve_with};
use crate::stand_in::Script;

/// A request that the engine has, and that waits there.
async fn in_flight(served: &Served) -> Client {
    served.engine.gate.forget_permits(usize::MAX);
    let mut client = Client::connect(served.addr).await;
    client.write(&post("/api/v1/payments", "", AUTHORIZE)).await;
    let engine = served.engine.clone();
    eventually("the request reaches the engine", || {
        !engine.authorizations.lock().unwrap().is_empty()
    })
    .await;
    client
}

#[tokio::test]
async fn an_accepted_request_is_answered_and_then_the_server_ends() {
    let served = serve(Script::Approve).await;
    let mut client = in_flight(&served).await;
    let mut idle = Client::connect(served.addr).await;
    idle.write(&get("/healthz")).await;
    assert_eq!(idle.read().await.status, 200);
    let addr = served.addr;
    let (running, engine) = served.stop();
    assert!(idle.is_closed().await, "an idle connection is closed");
    assert!(TcpStream::connect(addr).await.is_err(), "nothing new is accepted");
    assert!(!running.is_finished());
    engine.gate.add_permits(1);
    let answer = client.read().await;
    assert_eq!((answer.status, answer.header("connection")), (201, Some("close")));
    assert_eq!(running.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn an_operation_whose_client_left_is_waited_for() {
    let served = serve(Script::Approve).await;
    drop(in_flight(&served).await);
    let (running, engine) = served.stop();
    tokio::task::yield_now().await;
    assert!(!running.is_finished());
    engine.gate.add_permits(1);
    assert_eq!(running.await.unwrap(), Drained::Whole);
    assert_eq!(*engine.finished.lock().unwrap(), 1);
}

#[tokio::test]
async fn the_drain_limit_ends_the_wait() {
    let short = Duration::from_millis(50);
    let served = serve_with(Script::Approve, |api| api.limits.drain = short).await;
    let _client = in_flight(&served).await;
    let (running, _) = served.stop();
    assert_eq!(running.await.unwrap(), Drained::Abandoned(2), "a connection and its handler");
}
