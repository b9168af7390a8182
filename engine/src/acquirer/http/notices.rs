//! Answers that come by themselves, fetched by long polling.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Line, read};
use crate::acquirer::Notice;
use crate::acquirer::wire::{self, NoticeBody, NoticesBody};

/// How long the acquirer keeps a question that it has nothing to say to.
const POLL_SECONDS: u64 = 5;
/// Between two questions, where one had no answer.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct NoticeReader(Mutex<Reading>);

#[derive(Debug, Default)]
struct Reading {
    /// The number of the last notice that was fetched.
    after: u64,
    fetched: VecDeque<NoticeBody>,
}

impl NoticeReader {
    pub(super) async fn next(&self, line: &Line) -> Notice {
        let mut reading = self.0.lock().await;
        loop {
            while let Some(body) = reading.fetched.pop_front() {
                reading.after = reading.after.max(body.number);
                if let Some(notice) = body.notice() {
                    return notice;
                }
            }
            match fetch(line, reading.after).await {
                Some(body) => reading.fetched.extend(body.notices),
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// `None` where the acquirer can't be asked.
async fn fetch(line: &Line, after: u64) -> Option<NoticesBody> {
    if line.breaker().wait(Instant::now()).is_some() {
        return None;
    }
    let path = format!("{}?after={after}&wait={POLL_SECONDS}", wire::NOTICES);
    let asked = line.settings.endpoint.request(Method::GET, &path, Bytes::new());
    let limit = line.settings.call_limit.saturating_add(Duration::from_secs(POLL_SECONDS));
    let deadline = Instant::now() + limit;
    // A place of its own, so that waiting for news keeps no call from its place.
    let reply = line.notice_pool.send(&asked, deadline, deadline).await.ok()?;
    read(&reply, true).ok()
}
