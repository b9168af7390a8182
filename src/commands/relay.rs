//! `daybook relay verify` and `daybook relay rewind`: the topic against the ledger, and the way back.

use std::sync::Arc;
use std::time::Instant;

use daybook_engine::broker::Broker;
use daybook_relay::rewind::{RewindError, RewindTo, rewind};
use daybook_relay::verify::{GRACE, VerifyError, VerifyReport, verify};

use super::progress::{progress, rate};
use crate::cli::{Failure, chain};
use crate::config::Config;
use crate::wiring;

/// What to do with the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayCommand {
    Verify,
    Rewind { to: RewindTo },
}

/// Does it, and says how it went.
///
/// # Errors
/// [`Failure::Difference`] where the topic is not as the ledger has it.
pub(crate) async fn run(config: &Config, command: RelayCommand) -> Result<(), Failure> {
    let broker = wiring::broker(config)?.ok_or_else(|| {
        Failure::Usage("name Kafka's brokers with --kafka-brokers HOST:PORT".to_owned())
    })?;
    match command {
        RelayCommand::Verify => check(config, broker).await,
        RelayCommand::Rewind { to } => go_back(config, broker, to).await,
    }
}

async fn check(config: &Config, broker: Arc<dyn Broker>) -> Result<(), Failure> {
    let started = Instant::now();
    let ledger = wiring::open_ledger_to_read(config).await?;
    let cursors = wiring::open_relay_cursors(config).await?;
    let heads = ledger.heads().await?;
    let bar = progress(heads.iter().map(|head| head.position).sum());
    let checked = verify(&*ledger, &*broker, &*cursors, GRACE, |records| bar.inc(records)).await;
    bar.finish_and_clear();
    let report = checked.map_err(|error| match error {
        VerifyError::Store(error) => Failure::from(error),
        VerifyError::Broker(error) => Failure::from(error),
    })?;
    show(&report, started)
}

fn show(report: &VerifyReport, started: Instant) -> Result<(), Failure> {
    for difference in &report.differences {
        println!("{difference}");
    }
    if report.more > 0 {
        println!("… {} differences more", report.more);
    }
    for note in &report.notes {
        println!("{note}");
    }
    let count = u64::try_from(report.differences.len()).unwrap_or(u64::MAX);
    println!("{} records, {} of them repeats", report.records, report.repeats);
    if report.voided > 0 {
        println!("{} records are of events that a restore has lost", report.voided);
    }
    match count.saturating_add(report.more) {
        0 => println!("no difference"),
        differences => println!("{differences} differences"),
    }
    println!("{}", rate(report.records, started));
    if report.is_clean() { Ok(()) } else { Err(Failure::Difference) }
}

async fn go_back(config: &Config, broker: Arc<dyn Broker>, to: RewindTo) -> Result<(), Failure> {
    let ledger = wiring::open_ledger_to_read(config).await?;
    let cursors = wiring::open_relay_cursors(config).await?;
    match rewind(&*ledger, &*cursors, broker.name(), to).await {
        Ok(rewound) => {
            for one in rewound {
                println!("partition {} from position {} to {}", one.partition, one.from, one.to);
            }
            Ok(())
        }
        Err(error @ RewindError::Nothing) => {
            println!("{error}");
            Ok(())
        }
        Err(RewindError::Store(error)) => Err(error.into()),
        Err(error @ RewindError::Contended(_)) => Err(Failure::Dependency(chain(&error))),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}
