//! Projections alone: how fast they make views of a ledger that is there already, from the ledger itself
//! or, with Kafka, from the topic: then first the relay alone is measured, publishing all of it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Findings, Outcome, authorize, finished, per_second};
use crate::failure::Failure;
use crate::limits;
use crate::report::Section;
use crate::server::{API, Ready, Servers, Standing, counter};

const PROJECTIONS: &str = "projections";
const RELAY: &str = "relay";
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Without a further event for so long it is not going on.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Plan {
    /// Two for each authorization.
    pub(crate) events: u64,
    pub(crate) connections: usize,
    pub(crate) merchants: u64,
}

pub(super) async fn run(place: &Ready, plan: &Plan) -> Result<Outcome, Failure> {
    let Ready::Built { brokers, .. } = place else {
        return Err(Failure::Usage("projections are measured on a ledger of their own".into()));
    };
    let mut servers = Servers::open(place, &[Some(API)]).await?;
    let load = authorize::Plan {
        connections: plan.connections,
        merchants: plan.merchants,
        has_texts: false,
        rate: None,
        until: authorize::Until::Requests(plan.events / 2),
    };
    authorize::load(&servers.addresses, &load).await;
    let mut sections = Vec::new();
    if let Some(brokers) = brokers {
        servers = servers.relieved_by(place, &[Some(RELAY)]).await?;
        let before = servers.standing().await;
        let relayed = counted(&servers, "daybook_relay_published_total", plan.events).await?;
        let after = servers.standing().await;
        let limit = limits::kafka::measure(brokers, plan.events).await?;
        let mut section = relayed.section("relay");
        section.number("bareProducePerSecond", limit);
        section.ratio("shareOfBareProduce", relayed.per_second(), limit);
        let used = Standing::sections(&before, &after);
        sections.push(Section::joined("relay", [section].into_iter().chain(used).collect()));
    }
    servers = servers.relieved_by(place, &[Some(PROJECTIONS)]).await?;
    let before = servers.standing().await;
    let projected = counted(&servers, "daybook_views_events_total", plan.events).await?;
    let after = servers.standing().await;
    sections.push(projected.section(PROJECTIONS));
    let requests_per_second = projected.per_second();
    let findings = Findings { sections, requests_per_second, differences: Vec::new() };
    let mut outcome = finished(findings, servers).await;
    outcome.sections.extend(Standing::sections(&before, &after));
    Ok(outcome)
}

/// How fast a counter rose, from the first look that found it above zero.
struct Rise {
    events: u64,
    elapsed: Duration,
}

impl Rise {
    fn per_second(&self) -> f64 {
        per_second(self.events, self.elapsed)
    }

    fn section(&self, name: &'static str) -> Section {
        let mut section = Section::new(name);
        section.count("events", self.events);
        section.seconds("seconds", self.elapsed);
        section.number("eventsPerSecond", self.per_second());
        section
    }
}

/// Waits until a counter of the crew's only process has come to `wanted`.
async fn counted(servers: &Servers, name: &str, wanted: u64) -> Result<Rise, Failure> {
    let process: SocketAddr = servers.processes()[0];
    let mut first = None;
    let (mut last, mut last_rise) = (0, Instant::now());
    loop {
        let count = counter(process, name).await.unwrap_or(0);
        let now = Instant::now();
        if count > last {
            (last, last_rise) = (count, now);
        }
        if count > 0 && first.is_none() {
            first = Some((count, now));
        }
        if let (true, Some((begin, at))) = (count >= wanted, first) {
            return Ok(Rise { events: count.saturating_sub(begin), elapsed: now - at });
        }
        if last_rise.elapsed() > PATIENCE {
            return Err(Failure::Stuck { name: name.to_owned(), last, wanted });
        }
        sleep(LOOK_EVERY).await;
    }
}
