//! A line between a store and its server that a test can cut, or make lose what the server says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What happens when a client sends the bytes that a fault waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut before they reach the server.
    CutBefore,
    /// They reach the server, and nothing that it says from then on comes back.
    LoseAnswer,
    /// They reach the server, and its answer is the end of the connection.
    CutAtAnswer,
}

/// Forwards every connection to a server, in plain bytes: the client must not use TLS.
pub(crate) struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    _accepting: AbortOnDropHandle<()>,
}

struct Line {
    upstream: SocketAddr,
    armed: Mutex<Option<(Fault, Vec<u8>)>>,
    /// New connections are accepted, and nothing is said on them.
    is_silent: AtomicBool,
    connections: AtomicUsize,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(Line {
            upstream,
            armed: Mutex::default(),
            is_silent: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            cuts: watch::Sender::default(),
        });
        let accepting = tokio::spawn(accept(listener, line.clone()));
        Self { address, line, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// A proxy before the server of a Postgres URL, and the URL that leads through it.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let proxy = Self::to(address.parse().unwrap()).await;
        let through = format!("{before}@{}/{database}", proxy.address);
        (proxy, through)
    }

    /// Arms a fault for the next time that a client sends these bytes.
    pub(crate) fn arm(&self, fault: Fault, bytes: &str) {
        *self.line.armed() = Some((fault, bytes.as_bytes().to_vec()));
    }

    /// Whether the armed fault has still to come.
    pub(crate) fn is_armed(&self) -> bool {
        self.line.armed().is_some()
    }

    /// Cuts every connection that there is.
    pub(crate) fn cut(&self) {
        self.line.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on the server seems to be there, and says nothing to who connects.
    pub(crate) fn fall_silent(&self) {
        self.line.is_silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn speak_again(&self) {
        self.line.is_silent.store(false, Ordering::SeqCst);
    }

    /// How many connections were made, silent ones included.
    pub(crate) fn connections(&self) -> usize {
        self.line.connections.load(Ordering::SeqCst)
    }
}

impl Line {
    fn armed(&self) -> std::sync::MutexGuard<'_, Option<(Fault, Vec<u8>)>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The armed fault, where its bytes stand in these and were not whole before the last `new`.
    fn fault_in(&self, bytes: &[u8], new: usize) -> Option<Fault> {
        let mut armed = self.armed();
        let (fault, wanted) = armed.as_ref()?;
        let seen = bytes.len() - new;
        let bytes = &bytes[seen.saturating_sub(wanted.len() - 1)..];
        let is_there = bytes.windows(wanted.len()).any(|window| window == wanted);
        let fault = is_there.then_some(*fault);
        if is_there {
            *armed = None;
        }
        fault
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    // They end with the proxy.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        line.connections.fetch_add(1, Ordering::SeqCst);
        let (line, mut cuts) = (line.clone(), line.cuts.subscribe());
        connections.spawn(async move {
            tokio::select! {
                _ = cuts.changed() => {}
                () = carry(client, &line) => {}
            }
        });
    }
}

async fn carry(client: TcpStream, line: &Line) {
    if line.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let Ok(server) = TcpStream::connect(line.upstream).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let fault = Mutex::new(None);
    tokio::select! {
        () = ask(from_client, to_server, line, &fault) => {}
        () = answer(from_server, to_client, &fault) => {}
    }
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    line: &Line,
    met: &Mutex<Option<Fault>>,
) {
    // What was sent last, because the bytes that a fault waits for may come in two pieces.
    let mut tail = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..length]);
        match line.fault_in(&tail, length) {
            Some(Fault::CutBefore) => return,
            Some(fault) => *met.lock().unwrap() = Some(fault),
            None => {}
        }
        tail.drain(..tail.len().saturating_sub(256));
        if server.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, met: &Mutex<Option<Fault>>) {
    let fault = || *met.lock().unwrap();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut chunk).await {
        match fault() {
            Some(Fault::CutAtAnswer) => return,
            Some(_) => continue,
            None => {}
        }
        if client.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
    if fault() == Some(Fault::LoseAnswer) {
        // The end of the connection would be an answer too.
        std::future::pending::<()>().await;
    }
}
