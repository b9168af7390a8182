//! A relay alone, and a ledger whose every event is still to be published.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Outcome, per_second};
use crate::failure::Failure;
use crate::kafka::Topic;
use crate::limits;
use crate::report::Section;
use crate::server::{Crew, Ready, Servers, Usage, figure};

const CREW: &Crew = &[Some("relay")];
const PUBLISHED: &str = "daybook_relay_published_total";
/// Between two looks at what is published.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A relay that takes longer is not measured.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) events: u64,
}

pub(super) async fn run(place: &Ready, plan: &Plan) -> Result<Outcome, Failure> {
    let limit = limits::kafka::measure(plan.events).await?;
    let topic = Topic::named()?;
    let mut events = 0;
    let servers = Servers::open_filled(place, CREW, &topic.flags(), async |database| {
        events = limits::postgres::fill(database, plan.events).await?;
        Ok(())
    });
    let servers = servers.await?;
    let (took, cpu) = drained(servers.addresses[0], events).await?;
    let checked = servers.stop_and_check(&["relay", "verify"], &topic.flags()).await?;
    let rate = per_second(events, took);
    let mut section = Section::new("drain");
    section.count("events", events);
    section.seconds("seconds", took);
    section.number("eventsPerSecond", rate);
    section.number("bareProducePerSecond", limit);
    section.ratio("shareOfBareProduce", rate, limit);
    match cpu {
        Some(cpu) => section.number("relayCpuUsPerEvent", cpu.as_micros() as f64 / events as f64),
        None => section.missing("relayCpuUsPerEvent"),
    }
    Ok(Outcome {
        sections: vec![section],
        requests_per_second: rate,
        differences: checked.differences,
        verified: Vec::from_iter(checked.verified),
        failure: None,
    })
}

/// How long it takes from the first record to the last, and the relay's processor time so far.
async fn drained(
    server: SocketAddr,
    events: u64,
) -> Result<(Duration, Option<Duration>), Failure> {
    let asked = Instant::now();
    let mut begun = None;
    loop {
        let published = figure(server, PUBLISHED).await.unwrap_or(0.0);
        if begun.is_none() && published > 0.0 {
            begun = Some((Instant::now(), published));
        }
        if published >= events as f64 {
            break;
        }
        if asked.elapsed() > PATIENCE {
            let what = format!("published {published} of {events} events in {PATIENCE:?}");
            return Err(Failure::NotStarted { program: "the relay".into(), what });
        }
        sleep(LOOK_EVERY).await;
    }
    // From when it was asked where it was faster than a look.
    let from = begun.map_or(asked, |(at, _)| at.min(Instant::now()));
    let pid = Usage::of_listener(server);
    Ok((from.elapsed().max(LOOK_EVERY), pid))
}
