//! One producer's life: rounds of taking up acknowledgements, saving, sending and reading ahead.

mod beginning;
mod saving;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daybook_engine::ids::Partition;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::circuit::Circuit;
use super::reading::{Read, Reading};
use super::track::{Phase, Track};
use super::{Relay, RelayError};
use daybook_engine::broker::{Deliveries, NotSent, Producer, Trouble};
use daybook_engine::record::RecordWriter;

/// Between two saves of the cursors: so much is published again after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(200);
/// Between two looks whether somebody has moved the cursors, which no save tells while nothing is saved.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two reads while nothing happens.
const POLL_IDLE: Duration = Duration::from_millis(100);
/// Between two reads while the ledger grows: events gather, so that reads are worth their price.
const GATHER: Duration = Duration::from_millis(10);
/// A full producer is tried again after so long.
const FULL_PAUSE: Duration = Duration::from_millis(2);
/// After a store has failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long the end waits for acknowledgements.
const DRAIN: Duration = Duration::from_secs(2);
/// Records of a partition that a half-open breaker lets through.
const PROBE: usize = 10;
/// The least share of a partition of the records in flight.
const SHARE_MIN: usize = 100;
/// Records sent before other tasks have a turn.
const SENT_AT_ONCE: usize = 256;

pub(super) struct Session<'r> {
    relay: &'r Relay,
    deliveries: Arc<Deliveries>,
    producer: Box<dyn Producer>,
    writer: RecordWriter,
    tracks: BTreeMap<Partition, Track>,
    reading: Option<Reading>,
    /// Whether the ledger was read since the session began.
    has_read: bool,
    next_read: Instant,
    next_save: Instant,
    next_look: Instant,
    /// Something was acknowledged then, or there was nothing to be.
    progress: Instant,
}

impl<'r> Session<'r> {
    pub(super) fn open(relay: &'r Relay) -> Result<Self, RelayError> {
        let identity = relay.on.ledger.identity();
        let deliveries = Arc::new(Deliveries::new(identity.partitions));
        let producer = relay.on.broker.producer(Arc::clone(&deliveries))?;
        relay.metrics.session();
        let now = Instant::now();
        Ok(Self {
            relay,
            deliveries,
            producer,
            writer: RecordWriter::new(&identity, relay.on.ledger.incarnations()),
            tracks: BTreeMap::new(),
            reading: None,
            has_read: false,
            next_read: now,
            next_save: now,
            next_look: now + LOOK_EVERY,
            progress: now,
        })
    }

    /// Publishes until `stop`.
    ///
    /// # Errors
    /// What ends the session; everything acknowledged before was saved if it could be.
    pub(super) async fn run(
        mut self,
        circuit: &mut Circuit,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let ended = self.publish(circuit, stop).await;
        self.settle();
        if !matches!(ended, Err(RelayError::Diverged(_)))
            && let Err(error) = self.save().await
        {
            tracing::warn!(%error, "the relay's cursors could not be saved at the end");
        }
        self.producer.close().await;
        ended
    }

    async fn publish(
        &mut self,
        circuit: &mut Circuit,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let mut grew = self.relay.on.wake.listen();
        while !stop.is_cancelled() {
            let pause = match self.round(circuit).await {
                // The broker is not to blame, and what is in flight goes on.
                Err(RelayError::Store(error)) => {
                    tracing::warn!(%error, "the relay waits for a store");
                    let later = Instant::now() + STORE_PAUSE;
                    (self.next_read, self.next_save) = (later, later);
                    None
                }
                ended => ended?,
            };
            self.wait(pause, &mut grew, stop).await?;
        }
        self.drain().await
    }

    /// How long at most to wait before the next round.
    async fn round(&mut self, circuit: &mut Circuit) -> Result<Option<Duration>, RelayError> {
        if let Some(trouble) = self.deliveries.take_trouble() {
            self.judge(trouble).await?;
        }
        if self.settle() > 0 || (self.has_read && self.tracks.values().all(Track::is_idle)) {
            circuit.succeeded();
        }
        let waited = self.progress.elapsed();
        if waited > self.relay.settings.acknowledgement_limit {
            return Err(RelayError::Unacknowledged(waited));
        }
        if Instant::now() >= self.next_save {
            self.next_save = Instant::now() + SAVE_EVERY;
            self.save().await?;
            if Instant::now() >= self.next_look {
                self.next_look = Instant::now() + LOOK_EVERY;
                self.look_at_idle().await?;
            }
            self.follow_leases().await?;
        }
        let is_full = self.send(circuit.is_closed()).await?;
        self.read_ahead();
        Ok(is_full.then_some(FULL_PAUSE))
    }

    async fn judge(&self, trouble: Trouble) -> Result<(), RelayError> {
        let Trouble::Suspected(cause) = trouble else {
            return Err(trouble.into());
        };
        // A connection that was idle for long is closed by the broker, which looks the same.
        match self.relay.on.broker.topic().await? {
            Some(_) => {
                tracing::debug!(cause, "the broker was said to be gone, and answers");
                Ok(())
            }
            None => Err(RelayError::Delivery(Trouble::Suspected("the topic is gone".to_owned()))),
        }
    }

    /// Takes up what was acknowledged; how many records.
    fn settle(&mut self) -> usize {
        let mut settled = 0_usize;
        let mut in_flight = 0_usize;
        for (partition, track) in &mut self.tracks {
            if track.in_flight.is_empty() {
                continue;
            }
            let begun_after = track.acknowledged.begun_after;
            settled =
                settled.saturating_add(track.settle(self.deliveries.acknowledged(*partition)));
            in_flight = in_flight.saturating_add(track.in_flight.len());
            if track.acknowledged.begun_after != begun_after {
                self.relay.tell_begun_anew(*partition, track.acknowledged.begun_after);
            }
        }
        if settled > 0 || in_flight == 0 {
            self.progress = Instant::now();
        }
        self.relay.metrics.acknowledged(settled);
        settled
    }

    /// Hands over what was read; whether the producer had no room for all of it.
    async fn send(&mut self, is_closed: bool) -> Result<bool, RelayError> {
        let share = if is_closed { self.share() } else { PROBE };
        let mut sent = 0_usize;
        for (partition, track) in &mut self.tracks {
            while track.in_flight.len() < share
                && let Some(event) = track.unsent.front()
            {
                match self.producer.send(&self.writer.write(event)) {
                    Ok(()) => track.in_flight.push_back(event.event_id),
                    Err(NotSent::Full) => return Ok(true),
                    Err(NotSent::Failed(cause)) => {
                        let (partition, position) = (*partition, event.position);
                        return Err(Trouble::Failed { partition, position, cause }.into());
                    }
                }
                track.unsent.pop_front();
                sent = sent.saturating_add(1);
                if sent.is_multiple_of(SENT_AT_ONCE) {
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(false)
    }

    /// A partition's share of the records in flight.
    fn share(&self) -> usize {
        let partitions = usize::from(self.relay.on.ledger.identity().partitions);
        let share = self.relay.settings.in_flight_max.checked_div(partitions);
        share.unwrap_or(0).max(SHARE_MIN)
    }

    fn read_ahead(&mut self) {
        if self.reading.is_some() || Instant::now() < self.next_read {
            return;
        }
        let share = self.share();
        let tracks = self.tracks.iter().filter(|(_, track)| track.wants_more(share));
        let after: BTreeMap<_, _> =
            tracks.map(|(partition, track)| (*partition, track.read)).collect();
        if !after.is_empty() {
            let (ledger, limit) = (&self.relay.on.ledger, self.relay.settings.batch_max);
            self.reading = Some(Reading::start(ledger, after, limit));
        }
    }

    fn take(&mut self, read: Read) {
        self.has_read = true;
        self.next_read = Instant::now()
            + match (read.events.is_empty(), read.is_full) {
                (_, true) => Duration::ZERO,
                (true, _) => POLL_IDLE,
                (false, _) => GATHER,
            };
        for (partition, events) in read.events {
            if let Some(track) = self.tracks.get_mut(&partition) {
                track.take(events);
            }
        }
    }

    async fn wait(
        &mut self,
        pause: Option<Duration>,
        grew: &mut watch::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let now = Instant::now();
        let mut until = pause.map_or(self.next_save, |pause| self.next_save.min(now + pause));
        if self.reading.is_none() && self.next_read > now {
            until = until.min(self.next_read);
        }
        let read = async {
            match &mut self.reading {
                Some(reading) => reading.ended().await,
                None => std::future::pending().await,
            }
        };
        let grown = async {
            // Without a sender nobody wakes us, and polling goes on.
            if grew.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        // A read first: what is acknowledged all the time must not keep it from being taken.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            read = read => {
                self.reading = None;
                match read {
                    Ok(read) => self.take(read),
                    Err(RelayError::Store(error)) => {
                        tracing::warn!(%error, "the relay waits for the ledger");
                        self.next_read = Instant::now() + STORE_PAUSE;
                    }
                    Err(error) => return Err(error),
                }
            }
            () = grown => self.next_read = self.next_read.min(Instant::now() + GATHER),
            () = self.deliveries.changed() => {}
            () = sleep_until(until) => {}
        }
        Ok(())
    }

    /// Waits for what is in flight, for a while.
    async fn drain(&mut self) -> Result<(), RelayError> {
        let deadline = Instant::now() + DRAIN;
        while self.tracks.values().any(|track| !track.in_flight.is_empty()) {
            tokio::select! {
                biased;
                () = self.deliveries.changed() => {}
                () = sleep_until(deadline) => return Ok(()),
            }
            self.settle();
            if self.deliveries.take_trouble().is_some() {
                // Whatever it is: the process ends, and the next one begins at the cursors.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Stops sending a partition's events.
    fn end_track(&mut self, partition: Partition, phase: Phase) {
        if let Some(track) = self.tracks.get_mut(&partition) {
            track.end(phase);
        }
        if let Some(reading) = &mut self.reading {
            reading.forget(partition);
        }
    }
}
