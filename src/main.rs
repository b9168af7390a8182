//! The `daybook` binary: one program, every role and every command.

mod cli;
mod commands;
mod config;
mod logging;
mod wiring;

use std::process::ExitCode;

use crate::cli::{Command, Failure};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let outcome = cli::parse().and_then(|(command, config)| {
        logging::start(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::dependency("the async runtime", &error))?;
        runtime.block_on(async {
            match command {
                Command::Serve => commands::serve::run(config).await,
                Command::Migrate => commands::migrate::run(&config).await,
                Command::Verify { against } => {
                    commands::verify::run(&config, against.as_deref()).await
                }
                Command::ExportSeals => commands::seals::export(&config).await,
                Command::Backup { folder } => commands::backup::run(&config, &folder).await,
                Command::Restore { folder } => commands::restore::run(&config, &folder).await,
                Command::AdoptLedger => commands::ledger::adopt(&config).await,
                Command::Acquirer => commands::acquirer::run(&config).await,
                Command::Relay(command) => commands::relay::run(&config, command).await,
                Command::Show { payment } => commands::show::run(&config, payment).await,
                Command::Erase { payment, names } => {
                    commands::erase::run(&config, payment, &names).await
                }
                Command::Operations(command) => commands::operations::run(&config, command).await,
                Command::RebuildView { view } => commands::rebuild::run(&config, view).await,
                Command::Parked(parked) => commands::parked::run(&config, parked).await,
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
