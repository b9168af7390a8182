//! Open loop over the older routes: flows begin at a fixed rate, however slow the answers are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Findings, per_second};
use crate::client::{Answer, Connection};
use crate::progress::Progress;
use crate::report::Section;
use crate::tally::SharedTally;

const PAUSE: Duration = Duration::from_millis(100);
/// Flows under way at a time; one more is not begun, and counted as such.
const UNDER_WAY_MAX: usize = 10_000;
const STEPS: [&str; 3] = ["authorize", "capture", "refund"];

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rate: u64,
    pub(crate) duration: Duration,
    pub(crate) merchants: u64,
}

/// What all flows of a run share.
#[derive(Debug)]
struct Run {
    server: SocketAddr,
    id: u32,
    merchants: u64,
    idle: Mutex<Vec<Connection>>,
    steps: [SharedTally; 3],
    flows: SharedTally,
}

#[derive(Debug, Default)]
struct Endings {
    begun: u64,
    not_begun: u64,
    refunded: u64,
}

pub(crate) async fn run(server: SocketAddr, plan: &Plan) -> Findings {
    let run = Arc::new(Run::new(server, plan.merchants));
    let progress = Progress::show(&run.flows);
    let start = Instant::now();
    let endings = begin_all(&run, plan, start).await;
    let elapsed = start.elapsed();
    drop(progress);

    let requests = run.steps.iter().map(|tally| tally.lock().answered_total()).sum();
    let mut sections = vec![flows_section(&run, &endings, elapsed)];
    for (step, tally) in STEPS.iter().zip(&run.steps) {
        let mut section = Section::new(step);
        section.latencies(&tally.lock().latencies);
        section.answers(&tally.lock());
        sections.push(section);
    }
    Findings {
        sections,
        requests_per_second: per_second(requests, elapsed),
        differences: differences(&run, &endings),
    }
}

async fn begin_all(run: &Arc<Run>, plan: &Plan, start: Instant) -> Endings {
    let total = u128::from(plan.rate) * plan.duration.as_millis() / 1000;
    let mut endings = Endings::default();
    let mut flows = JoinSet::new();
    for number in 0..u64::try_from(total).unwrap_or(u64::MAX) {
        let intended = start + intended_after(number, plan.rate);
        sleep_until(intended).await;
        while let Some(ended) = flows.try_join_next() {
            endings.refunded += u64::from(matches!(ended, Ok(true)));
        }
        if flows.len() < UNDER_WAY_MAX {
            flows.spawn(flow(run.clone(), number, intended));
            endings.begun += 1;
        } else {
            endings.not_begun += 1;
        }
    }
    let rest = flows.join_all().await;
    endings.refunded += rest.into_iter().map(u64::from).sum::<u64>();
    endings
}

fn intended_after(number: u64, rate: u64) -> Duration {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Whether it ended REFUNDED.
async fn flow(run: Arc<Run>, number: u64, intended: Instant) -> bool {
    let last = steps(&run, number, intended).await;
    let latency = intended.elapsed();
    let Some(last) = last else { return false };
    let refunded = last.status == 200 && last.label() == "REFUNDED";
    run.flows.record("flow", latency, &Ok(last));
    refunded
}

/// The last answer; none if one did not come.
async fn steps(run: &Run, number: u64, intended: Instant) -> Option<Answer> {
    let merchant = number % run.merchants;
    let authorize = format!(
        r#"{{"merchantId":"bench-{merchant}","amount":{},"currency":"EUR","idempotencyKey":"{:08x}-flow-{number}"}}"#,
        1000 + number % 9000,
        run.id,
    );
    let authorized = run.step(0, "/api/payments/authorize", authorize, intended).await?;
    let Some(payment) = payment_id(&authorized) else { return Some(authorized) };

    let capture = format!(r#"{{"merchantId":"bench-{merchant}"}}"#);
    let path = format!("/api/payments/capture/{payment}");
    let captured = run.step(1, &path, capture, Instant::now() + PAUSE).await?;
    if captured.status != 200 {
        return Some(captured);
    }

    let refund = format!(r#"{{"merchantId":"bench-{merchant}","reason":"bench"}}"#);
    let path = format!("/api/payments/refund/{payment}");
    run.step(2, &path, refund, Instant::now() + PAUSE).await
}

fn payment_id(authorized: &Answer) -> Option<String> {
    if authorized.status != 200 {
        return None;
    }
    let body: Value = serde_json::from_slice(&authorized.body).ok()?;
    body["paymentId"].as_str().map(str::to_owned)
}

impl Run {
    fn new(server: SocketAddr, merchants: u64) -> Self {
        Self {
            server,
            // Not the clock: two runs may start in the same second.
            id: SysRng.try_next_u32().unwrap_or_else(|_| std::process::id()),
            merchants,
            idle: Mutex::new(Vec::new()),
            steps: std::array::from_fn(|_| SharedTally::new()),
            flows: SharedTally::new(),
        }
    }

    /// Sends at `intended`, and measures from then on.
    async fn step(
        &self,
        step: usize,
        path: &str,
        body: String,
        intended: Instant,
    ) -> Option<Answer> {
        // An id that makes no path can't be asked for; the flow's last answer tells.
        let path: Uri = path.parse().ok()?;
        sleep_until(intended).await;
        let mut connection = self.take();
        let answer = connection.post(&path, Bytes::from(body)).await;
        self.steps[step].record(STEPS[step], intended.elapsed(), &answer);
        self.idle().push(connection);
        answer.ok()
    }

    fn take(&self) -> Connection {
        self.idle().pop().unwrap_or_else(|| Connection::new(self.server))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().expect("nothing panics while it holds the connections")
    }
}

fn flows_section(run: &Run, endings: &Endings, elapsed: Duration) -> Section {
    let mut section = Section::new("flows");
    section.count("begun", endings.begun);
    section.count("notBegun", endings.not_begun);
    section.count("refunded", endings.refunded);
    section.ratio("refundedShare", endings.refunded as f64, endings.begun as f64);
    section.number("flowsPerSecond", per_second(endings.begun, elapsed));
    section.latencies(&run.flows.lock().latencies);
    let connections = run.idle();
    section.count("connections", connections.len() as u64);
    section.count("reconnects", connections.iter().map(Connection::reconnects).sum());
    section
}

/// Every answer is 200 or 409, and at least 99.9 % of the flows end REFUNDED.
fn differences(run: &Run, endings: &Endings) -> Vec<String> {
    let mut differences = Vec::new();
    for tally in &run.steps {
        let tally = tally.lock();
        for answer in tally.answers().iter().filter(|answer| !matches!(answer.status, 200 | 409)) {
            let (step, status, label) = (answer.step, answer.status, &answer.label);
            differences.push(format!("{} × {step} answered {status} {label}", answer.count));
        }
        for (error, count) in &tally.errors {
            differences.push(format!("{count} × {error}"));
        }
    }
    let flows = endings.begun + endings.not_begun;
    if u128::from(endings.refunded) * 1000 < u128::from(flows) * 999 {
        let refunded = endings.refunded;
        differences.push(format!("{refunded} of {flows} flows ended REFUNDED: under 99.9 %"));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, Asked, json};

    const PAYMENT: &str = "0198c2f0-0000-8000-8000-000000000001";

    fn status(asked: &Asked) -> &'static str {
        match asked.path.split('/').nth(3) {
            Some("authorize") => "AUTHORIZED",
            Some("capture") => "CAPTURED",
            _ => "REFUNDED",
        }
    }

    fn payment(status: &str) -> String {
        format!(r#"{{"paymentId":"{PAYMENT}","status":"{status}"}}"#)
    }

    async fn twenty_flows(server: SocketAddr) -> Findings {
        let plan = Plan { rate: 100, duration: Duration::from_millis(200), merchants: 3 };
        run(server, &plan).await
    }

    #[tokio::test]
    async fn a_server_that_refunds_every_flow_shows_no_difference() {
        let server = fake::serve(|asked| {
            assert!(asked.json()["merchantId"].is_string(), "{asked:?}");
            if asked.path.contains("/capture/") || asked.path.contains("/refund/") {
                assert!(asked.path.ends_with(PAYMENT), "{asked:?}");
            }
            json(200, payment(status(&asked)))
        });
        let findings = twenty_flows(server.await).await;
        assert_eq!(findings.differences, Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_answer_beyond_200_and_409_and_a_flow_not_refunded_are_differences() {
        let server = fake::serve(|asked| match status(&asked) {
            "REFUNDED" => json(503, r#"{"status":503,"code":"QUEUE_FULL"}"#),
            status => json(200, payment(status)),
        });
        let differences = twenty_flows(server.await).await.differences;
        let expected =
            ["20 × refund answered 503 QUEUE_FULL", "0 of 20 flows ended REFUNDED: under 99.9 %"];
        assert_eq!(differences, expected);
    }

    #[tokio::test]
    async fn a_conflict_is_allowed_but_ends_no_flow_refunded() {
        let server = fake::serve(|asked| match status(&asked) {
            "CAPTURED" => json(409, r#"{"code":"AUTHORIZATION_PENDING"}"#),
            status => json(200, payment(status)),
        });
        let differences = twenty_flows(server.await).await.differences;
        assert_eq!(differences, ["0 of 20 flows ended REFUNDED: under 99.9 %"]);
    }

    #[test]
    fn flows_begin_evenly() {
        assert_eq!(intended_after(0, 200), Duration::ZERO);
        assert_eq!(intended_after(3, 200), Duration::from_millis(15));
        assert_eq!(intended_after(600, 200), Duration::from_secs(3));
    }
}
