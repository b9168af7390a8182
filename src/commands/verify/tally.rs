//! What the partitions' checks come to.

use std::collections::BTreeMap;
use std::time::Instant;

use daybook_engine::ids::Partition;
use daybook_engine::verify::FINDINGS_MAX;
use daybook_projections::View;

use super::partition::Checked;
use crate::cli::Failure;
use crate::commands::parked;
use crate::commands::progress::rate;

/// By partition, so that it reads the same however the checks were run.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<Partition, Checked>);

impl Tally {
    pub(super) fn add(&mut self, partition: Partition, checked: Checked) {
        self.0.insert(partition, checked);
    }

    fn sum(&self, of: impl Fn(&Checked) -> u64) -> u64 {
        self.0.values().map(of).fold(0, u64::saturating_add)
    }

    /// Prints it.
    ///
    /// # Errors
    /// [`Failure::Difference`] where something differs.
    pub(super) fn report(&self, is_against: bool, started: Instant) -> Result<(), Failure> {
        self.show_views();
        let found = self.show_findings();
        let lag = |checked: &Checked| {
            checked.head.saturating_sub(checked.views.cursors.lowest().position)
        };
        println!(
            "{} payments, {} operations open, {} view rows in {} views, the views {} events behind",
            self.sum(|checked| checked.payments),
            self.sum(|checked| checked.open_operations),
            self.sum(|checked| checked.views.rows),
            View::ALL.len(),
            self.sum(lag)
        );
        self.show_seals(is_against);
        let parked = self.sum(|checked| count(checked.views.parked.len()));
        if parked > 0 {
            println!(
                "{parked} payments parked, and left out of the views from there on: see `daybook \
                 parked --help`"
            );
        }
        let in_views = self.sum(|checked| {
            count(checked.views.differences.len()).saturating_add(checked.views.more)
        });
        let differences = found.saturating_add(in_views);
        match differences {
            0 => println!("no difference"),
            _ => println!("{differences} differences"),
        }
        println!("{}", rate(self.sum(|checked| checked.events), started));
        if differences == 0 { Ok(()) } else { Err(Failure::Difference) }
    }

    fn show_views(&self) {
        for checked in self.0.values() {
            for difference in &checked.views.differences {
                println!("{difference}");
            }
            for payment in &checked.views.parked {
                println!("{}", parked::line(payment));
            }
        }
    }

    fn show_findings(&self) -> u64 {
        let kept = self.0.values().flat_map(|checked| checked.findings.kept());
        for finding in kept.take(FINDINGS_MAX) {
            println!("ledger {finding}");
        }
        let found = self.sum(|checked| checked.findings.count());
        if found > count(FINDINGS_MAX) {
            println!("… {found} findings in the ledger in all");
        }
        found
    }

    fn show_seals(&self, is_against: bool) {
        println!(
            "{} seals fit, {} events are not sealed yet",
            self.sum(|checked| checked.seals),
            self.sum(|checked| checked.head.saturating_sub(checked.sealed))
        );
        if is_against {
            println!("{} exported seals fit", self.sum(|checked| checked.exported_seals));
        }
        let void = self.sum(|checked| checked.void_seals);
        if void > 0 {
            println!(
                "{void} exported seals are of events that a restore has lost (see `daybook ledger \
                 adopt --help`)"
            );
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
