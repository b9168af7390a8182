//! What an operator may set about the engine.

use std::time::Duration;

use crate::acquirer::AcquirerLimits;
use crate::payment::Terms;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// Appends that may wait for a commit, intents and outcomes; one more is refused.
    pub queue_max: usize,
    /// Requests that may wait for an outcome; one more is answered with what stands.
    pub waiting_max: usize,
    /// Recent payments kept in memory.
    pub cache_max: usize,
    /// Whether the writer runs on a thread of its own, beside the runtime that it is started in.
    pub has_writer_thread: bool,
    pub terms: Terms,
    pub limits: AcquirerLimits,
}

impl Default for AcquirerLimits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(5),
            send_window: Duration::from_secs(5),
            processing: Duration::from_secs(30),
            key_lifetime: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            queue_max: 4_096,
            waiting_max: 8_192,
            cache_max: 50_000,
            has_writer_thread: false,
            terms: Terms {
                fee_bps: 0,
                expires_after_ms: 7 * 24 * 60 * 60 * 1_000,
                settlement_offset_minutes: 0,
            },
            limits: AcquirerLimits::default(),
        }
    }
}
