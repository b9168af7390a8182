//! The line to a server over TCP. The driver leaves Nagle's algorithm on, and has no way to turn it off:
//! the last part of a statement that fills more than one segment then waits for the server's delayed
//! acknowledgement of the first, 40 ms on Linux (measured: 1,650 authorizations a second instead of
//! 14,000). So the driver speaks to a socket of this process, which carries everything on without delay.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Bytes carried at a time: a batch in a few pieces.
const PIECE: usize = 128 * 1024;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Carries connections to one server, until it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    folder: TempDir,
    carrier: Arc<Carrier>,
    _listening: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Carrier {
    host: String,
    port: u16,
    connect_timeout: Duration,
    /// Why the server could not be reached the last time; `None` while it can.
    trouble: Mutex<Option<String>>,
}

impl Line {
    /// Opens the near end in a folder that only this user can enter, under the name that Postgres's
    /// clients look for.
    pub(super) fn open(host: &str, port: u16, connect_timeout: Duration) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("daybook-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}")))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let carrier = Arc::new(Carrier { host, port, connect_timeout, trouble: Mutex::default() });
        let listening = tokio::spawn(carrier.clone().listen(listener));
        Ok(Self { folder, carrier, _listening: AbortOnDropHandle::new(listening) })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Why the server can't be reached, where it can't.
    pub(super) fn trouble(&self) -> Option<String> {
        self.carrier.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Carrier {
    async fn listen(self: Arc<Self>, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((near, _)) => {
                    tokio::spawn(self.clone().carry(near));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to Postgres could not be taken up");
                    sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    /// Carries one connection to its end; one that can't be made ends at once.
    async fn carry(self: Arc<Self>, mut near: UnixStream) {
        let reached = self.reach().await;
        let trouble = reached.as_ref().err().map(ToString::to_string);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        if let Ok(mut far) = reached {
            // Either end's error ends both, which is how the driver learns of it.
            let _ = copy_bidirectional_with_sizes(&mut near, &mut far, PIECE, PIECE).await;
        }
    }

    async fn reach(&self) -> io::Result<TcpStream> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let far = timeout(self.connect_timeout, connecting).await.map_err(io::Error::from)??;
        far.set_nodelay(true)?;
        Ok(far)
    }
}
