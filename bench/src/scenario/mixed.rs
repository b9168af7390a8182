//! Duplicates, competing captures, refunds and voids at once; then each one's effect is checked.

mod check;
mod fetch;
mod patience;
mod plan;
mod rivals;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use rand::rngs::{StdRng, SysRng};
use rand::{SeedableRng as _, TryRng as _};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::patience::{Call, Ending};
use self::plan::{Payment, Script, Step, Verb, Workload};
use super::{Findings, per_second};
use crate::client::Connection;
use crate::progress::Progress;
use crate::report::Section;
use crate::tally::SharedTally;

/// Fewer would leave no room for duplicates and competing captures.
pub(crate) const REQUESTS_MIN: usize = 100;
const CHECKS_AT_A_TIME: usize = 16;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) requests: usize,
    pub(crate) in_flight: usize,
    pub(crate) seed: u64,
}

/// One request as the client saw it end, after all its repeats.
#[derive(Clone, Debug)]
struct Trial {
    step: Step,
    begun: Instant,
    ended: Instant,
    ending: Ending,
}

/// All that clients learnt of one payment.
#[derive(Clone, Debug, Default)]
struct Seen {
    id: Option<String>,
    trials: Vec<Trial>,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.step.verb.as_str(), self.step.key, self.ending)
    }
}

impl Seen {
    fn sent(&self) -> u64 {
        let sent = |trial: &&Trial| !matches!(trial.ending, Ending::NotSent);
        self.trials.iter().filter(sent).count() as u64
    }
}

#[derive(Debug)]
struct Run {
    /// The same one twice where there is one.
    servers: [SocketAddr; 2],
    workload: Workload,
    seen: Vec<Mutex<Seen>>,
    next: AtomicUsize,
    /// Every answer, repeats included.
    tally: SharedTally,
    seed: u64,
}

/// Each payment through one connection at a time, but for those that everybody wants.
pub(crate) async fn run(server: SocketAddr, plan: &Plan) -> Findings {
    play_all([server, server], Workload::new(plan.requests, plan.seed, run_id()), plan).await
}

/// Each payment through two servers at once, over `in_flight` connections to each.
pub(crate) async fn run_rivals(servers: [SocketAddr; 2], plan: &Plan) -> Findings {
    play_all(servers, Workload::rivals(plan.requests, plan.seed, run_id()), plan).await
}

/// Payments of their own, also where the same seed ran before.
fn run_id() -> u32 {
    SysRng.try_next_u32().unwrap_or_else(|_| std::process::id())
}

async fn play_all(servers: [SocketAddr; 2], workload: Workload, plan: &Plan) -> Findings {
    let run = Arc::new(Run::new(servers, workload, plan.seed));
    let progress = Progress::show(&run.tally);
    let start = Instant::now();
    run.clone().one_script(&run.workload.opening).await;
    let clients = workers(plan.in_flight, |number| run.clone().turns(number));
    let reconnects = clients.join_all().await.into_iter().sum();
    let elapsed = start.elapsed();
    drop(progress);

    run.next.store(0, Ordering::Relaxed);
    let checks = workers(CHECKS_AT_A_TIME, |number| run.clone().checks(number));
    let differences: Vec<_> = checks.join_all().await.into_iter().flatten().collect();
    let requests = run.seen.iter().map(|seen| locked(seen).sent()).sum();
    Findings {
        sections: run.sections(requests, reconnects, elapsed),
        requests_per_second: per_second(requests, elapsed),
        differences,
    }
}

fn workers<T: Send + 'static, F>(count: usize, work: impl Fn(u64) -> F) -> JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let mut workers = JoinSet::new();
    for number in 0..count {
        workers.spawn(work(number as u64));
    }
    workers
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nothing panics while it holds what was seen")
}

impl Run {
    fn new(servers: [SocketAddr; 2], workload: Workload, seed: u64) -> Self {
        Self {
            servers,
            seen: workload.payments.iter().map(|_| Mutex::default()).collect(),
            workload,
            next: AtomicUsize::new(0),
            tally: SharedTally::new(),
            seed,
        }
    }

    async fn one_script(self: Arc<Self>, script: &Script) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        self.play(script, &mut Connection::new(self.servers[0]), &mut rng).await;
    }

    /// Plays turns until none is left; returns how often the connections broke.
    async fn turns(self: Arc<Self>, number: u64) -> u64 {
        let seed = self.seed.wrapping_add(2 * number + 1);
        let [mut rng, mut second_rng] = [seed, seed.wrapping_add(1)].map(StdRng::seed_from_u64);
        let [mut first, mut second] = self.servers.map(Connection::new);
        while let Some(turn) = self.workload.turns.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let play = self.play(&turn.first, &mut first, &mut rng);
            match &turn.second {
                Some(beside) => {
                    tokio::join!(play, self.play(beside, &mut second, &mut second_rng));
                }
                None => play.await,
            }
        }
        first.reconnects() + second.reconnects()
    }

    async fn play(&self, script: &Script, connection: &mut Connection, rng: &mut StdRng) {
        let payment = &self.workload.payments[script.payment];
        let seen = &self.seen[script.payment];
        for step in &script.steps {
            let id = locked(seen).id.clone();
            let begun = Instant::now();
            let ending = match call(payment, step, id.as_deref()) {
                Some(call) => {
                    patience::ending(connection, &call, step.verb.as_str(), rng, &self.tally).await
                }
                None => Ending::NotSent,
            };
            let mut seen = locked(seen);
            if step.verb == Verb::Authorize && seen.id.is_none() {
                seen.id = ending.json()["paymentId"].as_str().map(str::to_owned);
            }
            let ended = Instant::now();
            seen.trials.push(Trial { step: step.clone(), begun, ended, ending });
        }
    }

    /// Checks payments until none is left.
    async fn checks(self: Arc<Self>, number: u64) -> Vec<String> {
        let mut rng = StdRng::seed_from_u64(self.seed ^ number);
        let mut connection = Connection::new(self.servers[usize::from(number % 2 == 1)]);
        let mut differences = Vec::new();
        while let Some(seen) = self.seen.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let seen = locked(seen).clone();
            let Some(id) = &seen.id else {
                differences.extend(seen.trials.first().map(Trial::to_string));
                continue;
            };
            let payment = fetch::payment(&mut connection, id, &mut rng).await;
            let events = fetch::events(&mut connection, id, &mut rng).await;
            match (payment, events) {
                (Ok(payment), Ok(events)) => {
                    let found = check::differences(&seen.trials, &payment, &events);
                    differences.extend(found.into_iter().map(|found| format!("{id}: {found}")));
                }
                (Err(error), _) | (_, Err(error)) => differences.push(format!("{id}: {error}")),
            }
        }
        differences
    }

    fn sections(&self, requests: u64, reconnects: u64, elapsed: Duration) -> Vec<Section> {
        let tally = self.tally.lock();
        let mut load = Section::new("load");
        load.count("requests", requests);
        load.count("repeats", (tally.answered_total() + tally.failed_total()) - requests);
        load.count("payments", self.workload.payments.len() as u64);
        load.seconds("seconds", elapsed);
        load.number("requestsPerSecond", per_second(requests, elapsed));
        load.latencies(&tally.latencies);
        load.count("reconnects", reconnects);
        let mut answers = Section::new("answers");
        answers.answers(&tally);
        vec![load, answers]
    }
}

/// `None` for an operation on a payment without an id.
fn call(payment: &Payment, step: &Step, id: Option<&str>) -> Option<Call> {
    let Payment { merchant, amount: authorized, .. } = payment;
    let Step { verb, key, amount } = step;
    let same = format!(r#""merchantId":"{merchant}","idempotencyKey":"{key}""#);
    let (path, body) = match (verb, id) {
        (Verb::Authorize, _) => (
            "/api/v1/payments".to_owned(),
            format!(r#"{{{same},"amount":{authorized},"currency":"EUR"}}"#),
        ),
        (Verb::Void, Some(id)) => (format!("/api/v1/payments/{id}/voids"), format!("{{{same}}}")),
        (Verb::Capture, Some(id)) => {
            (format!("/api/v1/payments/{id}/captures"), format!(r#"{{{same},"amount":{amount}}}"#))
        }
        (Verb::Refund, Some(id)) => {
            (format!("/api/v1/payments/{id}/refunds"), format!(r#"{{{same},"amount":{amount}}}"#))
        }
        (_, None) => return None,
    };
    let path: Uri = path.parse().ok()?;
    Some(Call::Post { path, body: Bytes::from(body) })
}

impl Ending {
    /// Null where no answer came, or one that is no JSON.
    fn json(&self) -> Value {
        match self {
            Self::Answered(answer) => serde_json::from_slice(&answer.body).unwrap_or_default(),
            Self::GaveUp(_) | Self::NotSent => Value::Null,
        }
    }
}
