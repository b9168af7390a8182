//! The role `relay`.

use daybook_engine::lease::LeaseRole;
use daybook_relay::seals::SealRelay;
use daybook_relay::{Relay, RelayFoundations};

use super::Starting;
use super::probes::RelayProbe;
use crate::cli::chain;
use crate::config::Role;

impl Starting<'_> {
    pub(super) fn start_relay(&mut self) {
        let Some(cursors) = self.stores.relay_cursors.clone() else { return };
        let (Some(kafka), Some(broker)) = (&self.config.kafka, self.broker.clone()) else { return };
        let (partitions, holding) = self.hold_partitions(LeaseRole::Relay);
        let seals = SealRelay {
            ledger: self.stores.ledger.identity().id,
            seals: self.stores.seals.clone(),
            broker: broker.clone(),
            cursors: cursors.clone(),
            partitions: partitions.clone(),
            replication_factor: kafka.relay.topic.replication_factor,
        };
        self.background.spawn(seals.run(self.stop.clone()));
        let foundations = RelayFoundations {
            ledger: self.stores.ledger.clone(),
            broker,
            cursors,
            partitions,
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            seed: self.process_id.as_u64_pair().1,
        };
        let relay = Relay::new(foundations, kafka.relay);
        relay.metrics().register(self.registry);
        self.probes.push(std::sync::Arc::new(RelayProbe {
            health: relay.health(),
            // Money goes on without a broker, and so does who serves it.
            is_required: !self.config.has_role(Role::Api),
        }));
        let stop = self.stop.clone();
        self.background.spawn(async move {
            if let Err(error) = relay.run(stop).await {
                tracing::error!(error = chain(&error), "nothing is published any more");
            }
            holding.cancel();
        });
    }
}
