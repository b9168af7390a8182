//! How long commands say how far they are, and how fast they were.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// `N events in S s (R/s)`.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a rate for people")]
pub(super) fn rate(events: u64, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    format!("{events} events in {seconds:.1} s ({:.0}/s)", events as f64 / seconds)
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(events: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(events), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
