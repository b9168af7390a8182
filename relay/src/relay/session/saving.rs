//! Moving the saved cursors behind what was acknowledged.

use daybook_engine::ids::Partition;

use super::super::RelayError;
use super::super::track::{Phase, Track};
use super::Session;

impl Session<'_> {
    /// Saves what was acknowledged since. A cursor that stands elsewhere was moved by another relay
    /// or set back by somebody: its partition begins again from there.
    pub(super) async fn save(&mut self) -> Result<(), RelayError> {
        self.look_up_uncertain().await?;
        let tracks = self.tracks.iter();
        let moves: Vec<_> =
            tracks.filter_map(|(partition, track)| track.unsaved(*partition)).collect();
        if moves.is_empty() {
            return Ok(());
        }
        for change in &moves {
            if let Some(track) = self.tracks.get_mut(&change.partition) {
                track.attempted = Some(change.to);
            }
        }
        let (cursors, topic) = (&self.relay.on.cursors, self.relay.on.broker.name());
        let left = cursors.save(topic, &moves).await?;
        for change in moves {
            if let Some(track) = self.tracks.get_mut(&change.partition) {
                track.attempted = None;
                track.saved = change.to;
            }
        }
        left.into_iter().for_each(|partition| self.supersede(partition));
        Ok(())
    }

    /// A cursor that is set back while nothing is published would be noticed at the next event only.
    pub(super) async fn look_at_idle(&mut self) -> Result<(), RelayError> {
        let is_idle = |(partition, track): &(&Partition, &Track)| {
            track.is_idle() && track.attempted.is_none() && track.unsaved(**partition).is_none()
        };
        let idle = self.tracks.iter().filter(is_idle);
        let idle: Vec<_> = idle.map(|(partition, track)| (*partition, track.saved)).collect();
        let partitions: Vec<_> = idle.iter().map(|(partition, _)| *partition).collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let (cursors, topic) = (&self.relay.on.cursors, self.relay.on.broker.name());
        let found = cursors.load(topic, &partitions).await?;
        for ((partition, saved), found) in idle.into_iter().zip(found) {
            if found.published != saved.published {
                self.supersede(partition);
            }
        }
        Ok(())
    }

    fn supersede(&mut self, partition: Partition) {
        tracing::info!(%partition, "the relay's cursor was moved elsewhere; beginning from there");
        self.end_track(partition, Phase::Superseded);
    }

    /// Finds out what became of moves whose answer was lost.
    async fn look_up_uncertain(&mut self) -> Result<(), RelayError> {
        let is_uncertain = |track: &Track| track.attempted.is_some();
        let tracks = self.tracks.iter().filter(|(_, track)| is_uncertain(track));
        let uncertain: Vec<Partition> = tracks.map(|(partition, _)| *partition).collect();
        if uncertain.is_empty() {
            return Ok(());
        }
        let (cursors, topic) = (&self.relay.on.cursors, self.relay.on.broker.name());
        let found = cursors.load(topic, &uncertain).await?;
        for (partition, found) in uncertain.into_iter().zip(found) {
            let Some(track) = self.tracks.get_mut(&partition) else { continue };
            // Where it is neither, the next save finds out, and begins again from there.
            if track.attempted.take() == Some(found) {
                track.saved = found;
            }
        }
        Ok(())
    }
}
