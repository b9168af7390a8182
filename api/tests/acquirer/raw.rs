//! An acquirer in plain bytes: it reads a whole request and then does as a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What follows a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// These bytes, and the end of the connection.
    Say(&'static str),
    /// Nothing, ever.
    KeepSilent,
}

pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _accepting: AbortOnDropHandle<()>,
}

impl Raw {
    pub(crate) async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = requests.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, then, counted.clone()));
            }
        });
        Self { address, requests, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// How many whole requests it has read.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, then: Then, requests: Arc<AtomicUsize>) {
    let mut read = Vec::new();
    while !is_whole(&read) {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => read.extend_from_slice(&chunk[..length]),
            _ => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    match then {
        Then::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
        Then::KeepSilent => std::future::pending().await,
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
