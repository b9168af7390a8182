//! Asking an acquirer whose breaker is open how it is, until it closes.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use tokio::time::Instant;

use super::Line;
use crate::acquirer::wire;

/// Runs as long as the adapter.
pub(super) async fn watch(line: Arc<Line>) {
    loop {
        line.opened.notified().await;
        while let Some(wait) = line.wait_of_breaker() {
            tokio::time::sleep(wait).await;
            line.probe().await;
        }
        line.is_open.set(0);
        tracing::info!(acquirer = %line.settings.endpoint, "the breaker is closed again");
    }
}

impl Line {
    fn wait_of_breaker(&self) -> Option<std::time::Duration> {
        self.breaker().wait(Instant::now())
    }

    async fn probe(&self) {
        if !self.breaker().begin_probe(Instant::now()) {
            return;
        }
        let asked = self.settings.endpoint.request(Method::GET, wire::HEALTH, Bytes::new());
        let deadline = Instant::now() + self.settings.call_limit;
        let reply = self.pool.send(&asked, deadline, deadline).await;
        let is_answered = reply.is_ok_and(|reply| reply.status == 200);
        self.breaker().probed(is_answered, Instant::now());
    }
}
