//! The broker.

use std::sync::Arc;

use daybook_engine::broker::{Broker, BrokerError};
use daybook_relay::kafka::KafkaBroker;

use crate::cli::{Failure, chain};
use crate::config::Config;

/// The broker of the settings; `None` where nothing is published.
///
/// # Errors
/// When librdkafka refuses an option.
pub(crate) fn broker(config: &Config) -> Result<Option<Arc<dyn Broker>>, Failure> {
    let Some(kafka) = &config.kafka else { return Ok(None) };
    let broker = KafkaBroker::new(kafka.cluster.clone());
    let broker = broker.map_err(|error| Failure::Usage(format!("--kafka-option: {error}")))?;
    Ok(Some(Arc::new(broker)))
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Refused(message) => Self::Usage(message),
            error => Self::Dependency(chain(&error)),
        }
    }
}
