//! `daybook verify`: the whole ledger against its rules, and every view against the ledger.

use std::time::Instant;

use daybook_engine::ids::Partition;
use daybook_engine::ledger::Ledger;
use daybook_engine::verify::{FINDINGS_MAX, Findings, PaymentWalk, check_positions};
use daybook_projections::{View, ViewCheck, ViewReport, ViewStore};
use indicatif::ProgressBar;

use super::progress::{progress, rate};
use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// What was looked at, and what was wrong.
#[derive(Default)]
struct Tally {
    findings: Findings,
    events: u64,
    payments: u64,
    open_operations: u64,
    view_rows: u64,
    view_differences: u64,
    lag: u64,
    parked: u64,
}

/// Checks everything and prints what it finds.
///
/// # Errors
/// [`Failure::Difference`] where something differs.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let started = Instant::now();
    let ledger = wiring::open_ledger_to_read(config).await?;
    let views = wiring::open_views(config, ledger.identity().partitions).await?;
    let heads = ledger.heads().await?;
    let bar = progress(heads.iter().map(|head| head.position).sum());
    let mut tally = Tally::default();
    for head in &heads {
        check_partition(ledger.as_ref(), views.store.as_ref(), head.partition, &mut tally, &bar)
            .await?;
    }
    bar.finish_and_clear();
    report(&tally, started)
}

async fn check_partition(
    ledger: &dyn Ledger,
    views: &dyn ViewStore,
    partition: Partition,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let unavailable = |error| Failure::dependency("the views", &error);
    // The views' rows first, then the head: so every event that a row has seen is walked.
    let mut check = ViewCheck::begin(views, partition).await.map_err(unavailable)?;
    let heads = ledger.heads().await?;
    let head = heads.into_iter().find(|head| head.partition == partition);
    let head = head.ok_or_else(|| {
        Failure::Dependency(format!("the ledger has lost its partition {partition}"))
    })?;
    check_positions(ledger, head, &mut tally.findings, |_| {}).await?;
    let mut walk = PaymentWalk::new(ledger, head);
    while let Some(history) = walk.next(&mut tally.findings).await? {
        let events = u64::try_from(history.events.len()).unwrap_or(u64::MAX);
        tally.events = tally.events.saturating_add(events);
        tally.payments = tally.payments.saturating_add(1);
        let open = history.payment.map_or(0, |payment| payment.open_operations().count());
        tally.open_operations =
            tally.open_operations.saturating_add(u64::try_from(open).unwrap_or(u64::MAX));
        bar.inc(events);
        check.payment(&history.events).await.map_err(unavailable)?;
    }
    let report = check.finish(ledger).await.map_err(unavailable)?;
    show_views(&report, head.position, tally);
    Ok(())
}

fn show_views(report: &ViewReport, head: u64, tally: &mut Tally) {
    for difference in &report.differences {
        println!("{difference}");
    }
    for parked in &report.parked {
        println!("{}", super::parked::line(parked));
    }
    let parked = u64::try_from(report.parked.len()).unwrap_or(u64::MAX);
    tally.parked = tally.parked.saturating_add(parked);
    let count = u64::try_from(report.differences.len()).unwrap_or(u64::MAX);
    tally.view_differences =
        tally.view_differences.saturating_add(count).saturating_add(report.more);
    tally.view_rows = tally.view_rows.saturating_add(report.rows);
    tally.lag = tally.lag.saturating_add(head.saturating_sub(report.cursors.lowest().position));
}

fn report(tally: &Tally, started: Instant) -> Result<(), Failure> {
    for finding in tally.findings.kept() {
        println!("ledger {finding}");
    }
    let found = tally.findings.count();
    if found > u64::try_from(FINDINGS_MAX).unwrap_or(u64::MAX) {
        println!("… {found} findings in the ledger in all");
    }
    println!(
        "{} payments, {} operations open, {} view rows in {} views, the views {} events behind",
        tally.payments,
        tally.open_operations,
        tally.view_rows,
        View::ALL.len(),
        tally.lag
    );
    if tally.parked > 0 {
        println!(
            "{} payments parked, and left out of the views from there on: see `daybook parked --help`",
            tally.parked
        );
    }
    let differences = found.saturating_add(tally.view_differences);
    println!(
        "{}",
        if differences == 0 {
            "no difference".to_owned()
        } else {
            format!("{differences} differences")
        }
    );
    println!("{}", rate(tally.events, started));
    if differences == 0 { Ok(()) } else { Err(Failure::Difference) }
}
