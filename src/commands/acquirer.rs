//! `daybook acquirer`: the simulated acquirer behind its wire, in a process of its own.

use std::io::Write;
use std::sync::Arc;

use daybook_api::{AcquirerSite, Drained, HttpMetrics, Limits, Server};
use prometheus_client::registry::Registry;

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When it can't start.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let server = Server::bind(config.listen)
        .await
        .map_err(|error| Failure::dependency(&format!("--listen {}", config.listen), &error))?;
    let (desk, record) = wiring::acquirer_desk(config).await?;
    let limits =
        Limits { connections: config.connections_max, drain: config.drain, ..Limits::default() };
    let metrics = HttpMetrics::register(&mut Registry::default());
    let site = Arc::new(AcquirerSite { desk, metrics, limits });
    let address = server.local_addr();
    let stop = super::stop_signal()?;
    // Scripts wait for this line; nobody reading it is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "daybook listening on http://{address}");
    if let Drained::Abandoned(count) = server.run_acquirer(site, stop).await {
        tracing::warn!(count, "requests were still running when the time to drain was up");
    }
    record.close().await;
    Ok(())
}
