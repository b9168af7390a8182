//! What librdkafka's threads tell: they only write down and wake.

use std::sync::{Arc, Mutex, PoisonError};

use daybook_engine::ids::Partition;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use daybook_engine::broker::{Deliveries, Trouble};

/// Of one client; a producer's has somebody to tell of deliveries.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    deliveries: Option<Arc<Deliveries>>,
    last_error: Mutex<Option<String>>,
}

impl Callbacks {
    pub(super) fn of_producer(deliveries: Arc<Deliveries>) -> Self {
        Self { deliveries: Some(deliveries), last_error: Mutex::default() }
    }

    /// The last thing that went wrong with a connection.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        match level {
            Level::Emerg | Level::Alert | Level::Critical => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            // One for each attempt to connect: the relay says once what they come to.
            Level::Error | Level::Warning | Level::Notice | Level::Info => {
                tracing::debug!(target: "librdkafka", facility, "{message}");
            }
            Level::Debug => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        let code = error.rdkafka_error_code();
        if let Some(deliveries) = &self.deliveries {
            match code {
                Some(RDKafkaErrorCode::AllBrokersDown) => {
                    deliveries.report(Trouble::Suspected(reason.to_owned()));
                }
                Some(RDKafkaErrorCode::Fatal) => {
                    deliveries.report(Trouble::Fatal(reason.to_owned()));
                }
                _ => {}
            }
        }
        // That all are down says less than why one is.
        if code != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Callbacks {}

impl ProducerContext for Callbacks {
    /// Partition and position of the record.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, record: usize) {
        let Some(deliveries) = &self.deliveries else { return };
        let (partition, position) = unpack(record);
        match result {
            Ok(message) => {
                let offset = u64::try_from(message.offset()).ok();
                deliveries.delivered(partition, position, offset);
            }
            Err((error, _)) => deliveries.failed(partition, position, error.to_string()),
        }
    }
}

/// Positions have the lower bits: 4 * 10^15 of them.
const POSITION_BITS: u32 = 52;
const _: () = assert!(usize::BITS == 64, "partition and position share a pointer's bits");

/// Both in one number, so that a delivery costs no allocation.
#[expect(clippy::cast_possible_truncation, reason = "a usize has 64 bits here")]
pub(super) fn pack(partition: Partition, position: u64) -> usize {
    ((u64::from(partition.number()) << POSITION_BITS) | position) as usize
}

fn unpack(record: usize) -> (Partition, u64) {
    let record = record as u64;
    let partition = u16::try_from(record >> POSITION_BITS).unwrap_or(u16::MAX);
    (Partition::new(partition), record & ((1 << POSITION_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_and_position_come_back_from_one_number() {
        for partition in [0, 1, 15, 1023] {
            for position in [0, 1, 1 << 40, (1 << POSITION_BITS) - 1] {
                let partition = Partition::new(partition);
                assert_eq!(unpack(pack(partition, position)), (partition, position));
            }
        }
    }
}
