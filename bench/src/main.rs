//! The load generator, and the limits of the machine that its figures stand beside.
#![expect(
    clippy::float_arithmetic,
    reason = "rates and ratios of measurements; no money is computed"
)]

mod cli;
mod client;
mod deploy;
mod failure;
#[cfg(test)]
mod fake;
mod kafka;
mod limits;
mod postgres;
mod progress;
mod report;
mod scenario;
mod server;
mod tally;

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use cli::Order;
use failure::Failure;

fn main() -> ExitCode {
    let order = cli::order(&cli::command().get_matches());
    let Err(failure) = order.and_then(|order| runtime(&order)?.block_on(run(order))) else {
        return ExitCode::SUCCESS;
    };
    // Nobody is left to tell when even stderr is closed.
    let _ = writeln!(stderr(), "bench: {failure}");
    ExitCode::from(failure.exit_code())
}

/// One thread, since the generator shares its cores with the server; the echo is a server.
fn runtime(order: &Order) -> Result<Runtime, Failure> {
    let mut builder = match order {
        Order::Echo { .. } => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build();
    runtime.map_err(|error| Failure::Io { doing: "starting the runtime".into(), error })
}

async fn run(order: Order) -> Result<(), Failure> {
    match order {
        Order::Run(order) => scenario::run_until_interrupted(*order).await,
        Order::LimitFsync { duration } => limits::fsync::run(duration).await,
        Order::LimitHttp { connections, duration } => {
            limits::http::run(connections, duration).await
        }
        Order::LimitKafka { records } => limits::kafka::run(records).await,
        Order::LimitPostgres { duration } => limits::postgres::run(duration).await,
        Order::Echo { listen } => limits::http::serve_echo(listen).await,
    }
}
