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
        for partition in left {
            tracing::info!(%partition, "the relay's cursor was moved elsewhere; beginning from there");
            self.end_track(partition, Phase::Superseded);
        }
        Ok(())
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
