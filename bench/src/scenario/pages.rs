//! Pages of payments while others are written: how long each takes, and whether a walk through all of them
//! misses a payment that was there when it began, or shows one twice.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Uri;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::{Findings, authorize};
use crate::client::Connection;
use crate::report::Section;
use crate::server::figure;
use crate::tally::Tally;

const VIEWS_BEHIND: &str = "daybook_views_behind_events";
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The server measures once a second: views that stand at the head for longer are there.
const STANDS_FOR: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(120);

/// What is asked for, by turns, first alone and then beside a writer: all payments in the list's own order, in its
/// opposite, and in one whose key has many equals; and those that have a text which half of all have, and one of 500.
const WALKS: [Walk; 6] = [
    Walk::of("pages alone, newest first", "pages beside a writer, newest first", "sort=-createdAt"),
    Walk::of("pages alone, oldest first", "pages beside a writer, oldest first", "sort=createdAt"),
    Walk::of("pages alone, largest first", "pages beside a writer, largest first", "sort=-amount"),
    Walk::of(
        "pages of a channel alone, newest first",
        "pages of a channel beside a writer, newest first",
        "metadata.channel=1&sort=-createdAt",
    ),
    Walk::of(
        "pages of a channel alone, largest first",
        "pages of a channel beside a writer, largest first",
        "metadata.channel=1&sort=-amount",
    ),
    Walk::of(
        "pages of a campaign alone, largest first",
        "pages of a campaign beside a writer, largest first",
        "metadata.campaign=7&sort=-amount",
    ),
];

#[derive(Clone, Copy, Debug)]
struct Walk {
    alone: &'static str,
    beside: &'static str,
    query: &'static str,
}

impl Walk {
    const fn of(alone: &'static str, beside: &'static str, query: &'static str) -> Self {
        Self { alone, beside, query }
    }
}

#[derive(Debug)]
pub(crate) struct Plan {
    /// Payments that are there before the first page.
    pub(crate) payments: u64,
    /// Payments a second that are written meanwhile.
    pub(crate) rate: u64,
    pub(crate) duration: Duration,
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
    /// Rows of a page.
    pub(crate) limit: u64,
}

/// What the walks by one query came to.
#[derive(Debug)]
struct Walked {
    name: &'static str,
    query: &'static str,
    latencies: Tally,
    walks: u64,
    pages: u64,
    missed: u64,
    twice: u64,
    errors: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<Row<'a>>,
    next_cursor: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    payment_id: &'a str,
}

pub(super) async fn run(server: SocketAddr, plan: &Plan) -> Findings {
    let first = load_of(plan, None, authorize::Until::Requests(plan.payments));
    authorize::load(&[server], &first).await;
    let mut differences = Vec::new();
    caught_up(server, &mut differences).await;
    let mut sections = Vec::new();
    let mut known = Vec::new();
    for walk in WALKS {
        let mut alone = Walked::new(walk.alone, walk.query);
        let mut seen = HashSet::new();
        alone.walk(server, plan, &mut seen).await;
        alone.differences(&mut differences);
        if seen.is_empty() {
            differences.push(format!("{} found nothing", walk.alone));
        }
        sections.push(alone.section());
        known.push(seen);
    }

    let writing = load_of(plan, Some(plan.rate), authorize::Until::Elapsed(plan.duration));
    let is_over = AtomicBool::new(false);
    let writing = async {
        let load = authorize::load(&[server], &writing).await;
        is_over.store(true, Ordering::Relaxed);
        load
    };
    let mut beside = WALKS.map(|walk| Walked::new(walk.beside, walk.query));
    let walking = async {
        loop {
            for (walked, known) in beside.iter_mut().zip(&known) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let mut seen = HashSet::new();
                walked.walk(server, plan, &mut seen).await;
                let missed = known.difference(&seen).count();
                walked.missed = walked.missed.saturating_add(missed as u64);
            }
        }
    };
    let (load, ()) = tokio::join!(writing, walking);
    for walked in &mut beside {
        walked.differences(&mut differences);
        sections.push(walked.section());
    }
    sections.push(load.section("writer"));
    Findings { sections, requests_per_second: load.per_second(), differences }
}

fn load_of(plan: &Plan, rate: Option<u64>, until: authorize::Until) -> authorize::Plan {
    let (connections, merchants) = (plan.connections, plan.merchants);
    authorize::Plan {
        connections,
        merchants,
        has_texts: true,
        rate: rate.map(|rate| rate as f64),
        until,
    }
}

/// Waits until the views have stood at the ledger's head for a while.
async fn caught_up(server: SocketAddr, differences: &mut Vec<String>) {
    let standing = async {
        let mut since = None;
        loop {
            let is_there = figure(server, VIEWS_BEHIND).await == Some(0.0);
            since = is_there.then(|| since.unwrap_or_else(Instant::now));
            if since.is_some_and(|since: Instant| since.elapsed() >= STANDS_FOR) {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    if timeout(PATIENCE, standing).await.is_err() {
        differences.push(format!("the views were still behind after {PATIENCE:?}"));
    }
}

impl Walked {
    fn new(name: &'static str, query: &'static str) -> Self {
        let (latencies, errors) = (Tally::new(), Vec::new());
        Self { name, query, latencies, walks: 0, pages: 0, missed: 0, twice: 0, errors }
    }

    /// From the first page to the last, or to the first that fails.
    async fn walk(&mut self, server: SocketAddr, plan: &Plan, seen: &mut HashSet<String>) {
        self.walks = self.walks.saturating_add(1);
        let mut connection = Connection::new(server);
        let first = format!("/api/v1/payments?limit={}&{}", plan.limit, self.query);
        let mut path = first.clone();
        loop {
            match self.page(&mut connection, &path, seen).await {
                Ok(Some(cursor)) => path = format!("{first}&cursor={cursor}"),
                Ok(None) => return,
                Err(error) => return self.errors.push(format!("GET {path}: {error}")),
            }
        }
    }

    /// The cursor of the page after this one.
    async fn page(
        &mut self,
        connection: &mut Connection,
        path: &str,
        seen: &mut HashSet<String>,
    ) -> Result<Option<String>, String> {
        let uri: Uri = path.parse().map_err(|_| "no valid path".to_owned())?;
        let asked = Instant::now();
        let answer = connection.get(&uri).await.map_err(|error| error.to_string())?;
        self.latencies.answered("page", asked.elapsed(), answer.status, "-");
        self.pages = self.pages.saturating_add(1);
        if answer.status != 200 {
            return Err(format!("answered {}", answer.status));
        }
        let page: Page<'_> =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        for row in page.items {
            let is_new = seen.insert(row.payment_id.to_owned());
            self.twice = self.twice.saturating_add(u64::from(!is_new));
        }
        Ok(page.next_cursor.map(str::to_owned))
    }

    fn differences(&mut self, differences: &mut Vec<String>) {
        differences.append(&mut self.errors);
        for (count, what) in [(self.missed, "missed"), (self.twice, "shown twice")] {
            if count > 0 {
                differences.push(format!("{count} payments were {what} by {}", self.name));
            }
        }
    }

    fn section(&self) -> Section {
        let mut section = Section::new(self.name);
        section.count("walks", self.walks);
        section.count("pages", self.pages);
        section.latencies(&self.latencies.latencies);
        section.count("missed", self.missed);
        section.count("twice", self.twice);
        section
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::fake::{self, json};

    #[tokio::test]
    async fn a_payment_that_comes_twice_and_one_that_is_missing_are_counted() {
        let asked = AtomicU64::new(0);
        let server = fake::serve(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => json(200, r#"{"items":[{"paymentId":"a"},{"paymentId":"b"}],"nextCursor":"n"}"#),
            _ => json(200, r#"{"items":[{"paymentId":"b"}],"nextCursor":null}"#),
        });
        let server = server.await;
        let duration = Duration::from_secs(1);
        let plan = Plan { payments: 3, rate: 1, duration, connections: 1, merchants: 1, limit: 2 };
        let (mut walked, mut seen) = (Walked::new("alone", "sort=-createdAt"), HashSet::new());
        walked.walk(server, &plan, &mut seen).await;
        assert_eq!((walked.pages, walked.twice, seen.len()), (2, 1, 2));
        let mut differences = Vec::new();
        walked.missed = 1;
        walked.differences(&mut differences);
        assert_eq!(differences.len(), 2, "{differences:?}");
    }
}
