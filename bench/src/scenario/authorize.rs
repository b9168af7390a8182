//! Closed loop: each connection authorizes again as soon as it is answered, or at a rate.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::Uri;
use rand::TryRng as _;
use rand::rngs::SysRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Findings, per_second};
use crate::client::Connection;
use crate::progress::Progress;
use crate::report::Section;
use crate::server::Usage;
use crate::tally::SharedTally;

/// A server that refuses connections is asked again after this, not in a busy loop.
const AFTER_ERROR: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
    /// Whether each payment has a reference, and metadata that half of all have, and that one of 500 has.
    pub(crate) has_texts: bool,
    /// Requests a second, at most; without it each connection asks again as soon as it is answered.
    pub(crate) rate: Option<f64>,
    pub(crate) until: Until,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Elapsed(Duration),
    Requests(u64),
}

/// What a closed loop measured.
#[derive(Debug)]
pub(crate) struct Load {
    tally: SharedTally,
    elapsed: Duration,
    reconnects: u64,
    /// What the generator itself used, where the system tells.
    cpu: Option<Duration>,
}

pub(crate) async fn run(servers: &[SocketAddr], plan: &Plan) -> Findings {
    let load = load(servers, plan).await;
    let mut answers = Section::new("answers");
    answers.answers(&load.tally.lock());
    Findings {
        requests_per_second: load.per_second(),
        sections: vec![load.section("load"), answers],
        differences: Vec::new(),
    }
}

/// Keeps every connection, to one server after the other, busy until the plan's end.
pub(crate) async fn load(servers: &[SocketAddr], plan: &Plan) -> Load {
    let tally = SharedTally::new();
    let progress = Progress::show(&tally);
    let cpu_before = Usage::of("self").map(|usage| usage.cpu);
    let start = Instant::now();
    let bound = Arc::new(Bound::new(plan.until, start));
    // Not the clock: two runs may start in the same second.
    let run = SysRng.try_next_u32().unwrap_or_else(|_| std::process::id());
    let mut connections = JoinSet::new();
    for (number, server) in (0..plan.connections).zip(servers.iter().cycle()) {
        let bodies = Bodies::new(run, number, plan);
        let pace = plan.rate.map(|rate| Pace::new(start, number, plan.connections, rate));
        connections.spawn(keep_asking(*server, bodies, pace, bound.clone(), tally.clone()));
    }
    let reconnects = connections.join_all().await.into_iter().sum();
    let elapsed = start.elapsed();
    drop(progress);
    let cpu_after = Usage::of("self").map(|usage| usage.cpu);
    let cpu = cpu_after.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    Load { tally, elapsed, reconnects, cpu }
}

async fn keep_asking(
    server: SocketAddr,
    mut bodies: Bodies,
    mut pace: Option<Pace>,
    bound: Arc<Bound>,
    tally: SharedTally,
) -> u64 {
    let path = Uri::from_static("/api/v1/payments");
    let mut connection = Connection::new(server);
    loop {
        let asked = match &mut pace {
            Some(pace) => pace.next().await,
            None => Instant::now(),
        };
        if !bound.admits(asked) {
            return connection.reconnects();
        }
        let answer = connection.post(&path, bodies.next()).await;
        tally.record("authorize", asked.elapsed(), &answer);
        if answer.is_err() {
            sleep(AFTER_ERROR).await;
        }
    }
}

impl Load {
    /// Requests with an outcome.
    pub(crate) fn per_second(&self) -> f64 {
        per_second(self.tally.lock().concluded_total(), self.elapsed)
    }

    pub(crate) fn section(&self, name: &'static str) -> Section {
        let tally = self.tally.lock();
        let answered = tally.answered_total();
        let mut section = Section::new(name);
        section.count("requests", answered);
        section.seconds("seconds", self.elapsed);
        section.number("requestsPerSecond", per_second(answered, self.elapsed));
        section.number("outcomesPerSecond", per_second(tally.concluded_total(), self.elapsed));
        section.latencies(&tally.latencies);
        section.count("errors", tally.failed_total());
        section.count("reconnects", self.reconnects);
        match self.cpu {
            Some(cpu) if answered > 0 => {
                section
                    .number("generatorCpuUsPerRequest", cpu.as_micros() as f64 / answered as f64);
            }
            _ => section.missing("generatorCpuUsPerRequest"),
        }
        section
    }
}

/// When a connection's requests are due, evenly between those of the others.
#[derive(Debug)]
struct Pace {
    next: Instant,
    every: Duration,
}

impl Pace {
    fn new(start: Instant, number: usize, connections: usize, rate: f64) -> Self {
        let every = Duration::from_secs_f64(connections as f64 / rate);
        Self { next: start + every.mul_f64(number as f64 / connections as f64), every }
    }

    /// Waits until the next request is due; from then on it counts as asked, however late it is sent.
    async fn next(&mut self) -> Instant {
        let due = self.next;
        self.next = due + self.every;
        sleep_until(due).await;
        due
    }
}

/// Whether one more request may be sent.
#[derive(Debug)]
enum Bound {
    Time(Instant),
    Left(AtomicU64),
}

impl Bound {
    fn new(until: Until, start: Instant) -> Self {
        match until {
            Until::Elapsed(duration) => Self::Time(start + duration),
            Until::Requests(requests) => Self::Left(AtomicU64::new(requests)),
        }
    }

    fn admits(&self, now: Instant) -> bool {
        match self {
            Self::Time(end) => now < *end,
            Self::Left(left) => left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok(),
        }
    }
}

/// The bodies of one connection, each with a key that no other run or connection uses.
#[derive(Debug)]
struct Bodies {
    run: u32,
    connection: usize,
    merchants: u64,
    has_texts: bool,
    sent: u64,
    buffer: BytesMut,
}

impl Bodies {
    fn new(run: u32, connection: usize, plan: &Plan) -> Self {
        let Plan { merchants, has_texts, .. } = *plan;
        Self { run, connection, merchants, has_texts, sent: 0, buffer: BytesMut::new() }
    }

    fn next(&mut self) -> Bytes {
        self.sent += 1;
        let Self { run, connection, sent, has_texts, .. } = *self;
        let merchant = (sent + connection as u64) % self.merchants;
        let amount = 1000 + sent % 9000;
        // One allocation serves many bodies: each is split off what is left of it.
        self.buffer.reserve(320);
        let mut written = write!(
            self.buffer,
            r#"{{"merchantId":"bench-{merchant}","amount":{amount},"currency":"EUR","idempotencyKey":"{run:08x}-{connection}-{sent}""#
        );
        if has_texts {
            let (channel, campaign) = (sent % 2, sent % 500);
            written = written.and(write!(
                self.buffer,
                r#","reference":"order {run}-{connection}-{sent}","metadata":{{"channel":"{channel}","campaign":"{campaign}"}}"#
            ));
        }
        written = written.and(self.buffer.write_char('}'));
        debug_assert!(written.is_ok(), "a BytesMut grows");
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fake::{self, json};

    #[test]
    fn every_body_has_a_key_of_its_own_and_one_of_the_merchants() {
        let mut keys = HashSet::new();
        let mut merchants = HashSet::new();
        let until = Until::Requests(100);
        for connection in 0..3 {
            let has_texts = connection == 2;
            let plan = Plan { connections: 3, merchants: 4, has_texts, rate: None, until };
            let mut bodies = Bodies::new(7, connection, &plan);
            for _ in 0..100 {
                let body: serde_json::Value = serde_json::from_slice(&bodies.next()).unwrap();
                assert!(keys.insert(body["idempotencyKey"].to_string()), "{body} came twice");
                merchants.insert(body["merchantId"].to_string());
                assert!(body["amount"].as_u64().unwrap() > 0);
                assert_eq!(body["metadata"]["campaign"].is_string(), has_texts, "{body}");
            }
        }
        assert_eq!(merchants.len(), 4);
    }

    #[tokio::test]
    async fn exactly_the_requests_asked_for_are_sent_and_counted() {
        let asked = Arc::new(AtomicU64::new(0));
        let seen = asked.clone();
        let server = fake::serve(move |request| {
            assert_eq!(request.path, "/api/v1/payments");
            if seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(5) {
                json(503, r#"{"status":503,"code":"QUEUE_FULL"}"#)
            } else {
                json(201, r#"{"status":"AUTHORIZED"}"#)
            }
        });
        let plan = Plan {
            connections: 4,
            merchants: 2,
            has_texts: false,
            rate: None,
            until: Until::Requests(100),
        };
        let load = load(&[server.await], &plan).await;
        assert_eq!(asked.load(Ordering::Relaxed), 100);
        let tally = load.tally.lock();
        let counted: Vec<_> =
            tally.answers().into_iter().map(|a| (a.status, a.label, a.count)).collect();
        let expected = [(201, "AUTHORIZED".to_owned(), 80), (503, "QUEUE_FULL".to_owned(), 20)];
        assert_eq!(counted, expected);
        assert_eq!((tally.failed_total(), load.reconnects), (0, 0));
    }

    #[tokio::test]
    async fn connections_are_spread_evenly_over_the_servers() {
        let counts = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
        let mut servers = Vec::new();
        for count in &counts {
            let count = count.clone();
            let answer = move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                json(201, "{}")
            };
            servers.push(fake::serve(answer).await);
        }
        let plan = Plan {
            connections: 2,
            merchants: 1,
            has_texts: false,
            rate: None,
            until: Until::Requests(100),
        };
        let load = load(&servers, &plan).await;
        let [first, second] = counts.map(|count| count.load(Ordering::Relaxed));
        assert!(first > 10 && second > 10, "{first} {second}");
        assert_eq!(first + second, 100);
        assert_eq!(load.tally.lock().concluded_total(), 100);
    }

    #[tokio::test]
    async fn a_run_by_time_ends_in_time_even_when_nobody_listens() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        let duration = Duration::from_millis(120);
        let plan = Plan {
            connections: 2,
            merchants: 1,
            has_texts: false,
            rate: None,
            until: Until::Elapsed(duration),
        };
        let load = load(&[nobody], &plan).await;
        assert_eq!(load.tally.lock().answered_total(), 0);
        assert!(load.tally.lock().failed_total() >= 2);
        assert!(load.elapsed < Duration::from_secs(5), "{:?}", load.elapsed);
    }
}
