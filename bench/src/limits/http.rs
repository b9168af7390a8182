//! How many requests this machine carries when the server does nothing but answer.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::report::{Report, Section};
use crate::scenario::authorize::{self, Plan, Until};
use crate::server::{Process, this_program};

#[derive(Debug)]
pub(crate) struct Measured(authorize::Load);

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.0.per_second()
    }

    fn section(&self) -> Section {
        self.0.section("httpEcho")
    }
}

pub(crate) async fn run(connections: usize, duration: Duration) -> Result<(), Failure> {
    let measured = measure(connections, duration).await?;
    let mut report = Report::new("limit http");
    report.add(measured.section());
    report.print()
}

/// The same requests from the same generator, to a server in a process of its own.
pub(crate) async fn measure(connections: usize, duration: Duration) -> Result<Measured, Failure> {
    let mut command = Command::new(this_program()?);
    command.args(["echo", "127.0.0.1:0"]);
    let server = Process::start("bench", command).await?;
    let plan = Plan {
        connections,
        merchants: 16,
        has_texts: false,
        rate: None,
        until: Until::Elapsed(duration),
    };
    let load = authorize::load(&[server.address], &plan).await;
    server.stop().await?;
    Ok(Measured(load))
}

/// Answers every request with its own body, until SIGTERM.
pub(crate) async fn serve_echo(listen: SocketAddr) -> Result<(), Failure> {
    let failed = |error| Failure::Io { doing: format!("serving on {listen}"), error };
    let mut stop = signal(SignalKind::terminate()).map_err(failed)?;
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    writeln!(std::io::stdout(), "bench listening on http://{address}").map_err(failed)?;
    tokio::select! {
        () = accept(listener) => {}
        _ = stop.recv() => {}
    }
    Ok(())
}

async fn accept(listener: TcpListener) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    }
}

async fn echo(stream: TcpStream) {
    let service = service_fn(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.map(|body| body.to_bytes());
        let body: Full<Bytes> = Full::new(body.unwrap_or_default());
        Ok::<_, Infallible>(Response::new(body))
    });
    if stream.set_nodelay(true).is_ok() {
        // A connection that breaks is the generator's to count.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}
