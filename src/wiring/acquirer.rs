//! The acquirer: another party behind HTTP, or the simulator in this process.

use std::sync::Arc;

use daybook_engine::acquirer::Acquirer;
use daybook_engine::acquirer::desk::AcquirerDesk;
use daybook_engine::acquirer::http::HttpAcquirer;
use daybook_engine::acquirer::record::sqlite::SqliteRecord;
use daybook_engine::acquirer::simulator::Simulator;
use prometheus_client::registry::Registry;

use super::clock;
use crate::cli::Failure;
use crate::config::Config;

pub(crate) fn acquirer(config: &Config, registry: &mut Registry) -> Arc<dyn Acquirer> {
    match &config.acquirer {
        Some(settings) => {
            let acquirer = HttpAcquirer::start(settings.clone());
            acquirer.register(registry);
            Arc::new(acquirer)
        }
        None => Arc::new(Simulator::new(config.simulator, clock())),
    }
}

/// The simulator with its record in the data directory, for who serves it to others.
pub(crate) async fn acquirer_desk(
    config: &Config,
) -> Result<(AcquirerDesk, Arc<SqliteRecord>), Failure> {
    let dir = &config.data_dir;
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::dependency(&format!("the data directory {}", dir.display()), &error)
    })?;
    let record = Arc::new(SqliteRecord::open(&dir.join("acquirer.db")).await?);
    let simulator = Simulator::new(config.simulator, clock());
    Ok((AcquirerDesk::open(simulator, record.clone(), clock()), record))
}
