//! A broker of the test's own, stopped and started under way.

use std::time::Duration;

use daybook_engine::postgres::scratch::Services;
use daybook_relay::breaker::BreakerState::{self, Closed, HalfOpen, Open};

use super::stage::{Stage, brokers_of};

/// Ends with its test, however that ends.
struct OwnServices(Services);

impl Drop for OwnServices {
    fn drop(&mut self) {
        let _ = self.0.run(&["destroy"]);
    }
}

async fn run(services: &Services, command: &'static str) {
    let services = services.clone();
    let ran = tokio::task::spawn_blocking(move || services.run(&[command, "kafka"]));
    let _ = ran.await.expect("deploy/services runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_broker_gets_everything_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = Services::in_folder(folder.path());
    let own = OwnServices(services.clone());
    let mut stage = Stage::on(brokers_of(&services).await);
    stage.book.grow(500).await;
    let running = stage.start();
    stage.published().await;
    let mut health = running.relay.health();
    let seen = tokio::spawn(async move {
        let mut states: Vec<BreakerState> = vec![health.borrow_and_update().breaker];
        while health.changed().await.is_ok() {
            let state = health.borrow_and_update().breaker;
            if states.last() != Some(&state) {
                states.push(state);
            }
            if state == Closed && states.len() > 1 {
                break;
            }
        }
        states
    });
    // It stops in the middle of the stream.
    stage.book.grow(2_000).await;
    run(&services, "down").await;
    stage.book.grow(1_000).await;
    running.is(|health| health.breaker == Open).await;
    running.is(|health| health.breaker == HalfOpen).await;
    let outbox = running.is(|health| health.outbox.events >= 1_000).await.outbox;
    assert!(outbox.age > Duration::ZERO, "{outbox:?}");
    run(&services, "up").await;
    stage.published().await;
    let states = seen.await.expect("they are written down");
    assert_eq!(states[..3], [Closed, Open, HalfOpen], "{states:?}");
    assert_eq!(states.last(), Some(&Closed), "{states:?}");
    running.is(|health| health.outbox.events == 0).await;
    running.stop().await;
    let report = stage.verify().await;
    assert!(report.is_clean(), "{report:?}");
    drop(own);
}
