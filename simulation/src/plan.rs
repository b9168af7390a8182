//! What a seed makes of a run: how large the world is, and how its processes are set.

use std::time::Duration;

use daybook_engine::acquirer::AcquirerLimits;
use daybook_engine::engine::EngineSettings;
use daybook_engine::payment::Terms;
use daybook_engine::work::InquirySchedule;
use daybook_engine::workers::WorkerSettings;
use daybook_projections::Pace;
use daybook_projections::feed::topic::Patience;
use daybook_relay::RelaySettings;
use daybook_relay::breaker::Backoff;

use crate::dice::Dice;

/// How long one call to the acquirer is waited for.
pub(crate) const CALL: Duration = Duration::from_secs(1);
const SEND_WINDOW: Duration = Duration::from_secs(1);
/// A request that was sent is at the acquirer by then, or never will be, whatever clocks say.
const PROCESSING: Duration = Duration::from_secs(4);
pub(crate) const KEY_LIFETIME: Duration = Duration::from_secs(20);
const FLAG_AFTER: Duration = Duration::from_secs(25);

/// One run's measures.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) partitions: u16,
    pub(crate) processes: usize,
    pub(crate) payments: usize,
    pub(crate) clients: usize,
    /// Requests of each client.
    pub(crate) requests: u64,
    /// Whether the views are fed from the topic, or from the ledger.
    pub(crate) has_topic_feed: bool,
    pub(crate) engine: EngineSettings,
    pub(crate) workers: WorkerSettings,
    pub(crate) pace: Pace,
    pub(crate) patience: Patience,
    pub(crate) relay: RelaySettings,
}

impl Plan {
    pub(crate) fn draw(dice: &Dice) -> Self {
        let limits = AcquirerLimits {
            call: CALL,
            send_window: SEND_WINDOW,
            processing: PROCESSING,
            key_lifetime: KEY_LIFETIME,
        };
        let millis = |millis: u64| Duration::from_millis(millis);
        let schedule = [millis(300), millis(1_000), millis(3_000)];
        // A third of the runs is over before anything expires, in the others it happens often.
        let expires_after_ms = *dice.pick(&[3_000, 6_000, 600_000]);
        Self {
            partitions: *dice.pick(&[1, 2, 3]),
            processes: *dice.pick(&[1, 2, 2, 2, 3, 3]),
            payments: dice.index(4) + 2,
            clients: dice.index(3) + 2,
            requests: dice.between(6, 12),
            has_topic_feed: dice.chance(6_000),
            engine: EngineSettings {
                queue_max: *dice.pick(&[4, 64]),
                waiting_max: *dice.pick(&[2, 64]),
                cache_max: *dice.pick(&[1, 64]),
                has_writer_thread: false,
                terms: Terms {
                    fee_bps: *dice.pick(&[0, 290]),
                    expires_after_ms,
                    settlement_offset_minutes: 0,
                },
                limits,
            },
            workers: WorkerSettings {
                concurrency_max: *dice.pick(&[1, 4]),
                limits,
                schedule: InquirySchedule::new(&schedule, FLAG_AFTER).unwrap_or_default(),
            },
            pace: Pace {
                batch_max: *dice.pick(&[3, 50]),
                gather: millis(40),
                poll: millis(250),
                backoff_max: millis(1_000),
            },
            patience: Patience {
                poll: millis(100),
                refill_after: millis(1_500),
                reopen_after: millis(3_000),
                dead_letters: millis(1_000),
            },
            relay: RelaySettings {
                backoff: Backoff { first: millis(100), max: millis(1_000) },
                in_flight_max: 100,
                batch_max: *dice.pick(&[4, 100]),
                acknowledgement_limit: millis(2_000),
                ..RelaySettings::default()
            },
        }
    }
}
