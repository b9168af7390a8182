//! A line to Postgres that is cut at a COMMIT.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never sees it.
    BeforeCommit,
    /// The server has committed and answered, and the answer is lost.
    AfterCommit,
}

/// A port of this machine through which the server can be reached, without TLS.
pub(crate) struct CutLine {
    port: u16,
    armed: Arc<Mutex<Option<Cut>>>,
}

/// A simple query: its kind, its length in four bytes, its text and a zero.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl CutLine {
    pub(crate) async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed: Arc<Mutex<Option<Cut>>> = Arc::default();
        let arms = armed.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
                tokio::spawn(pass(client, server, arms.clone()));
            }
        });
        Self { port, armed }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next COMMIT on any connection is the last thing that it does.
    pub(crate) fn cut_at_next_commit(&self, cut: Cut) {
        *self.armed.lock().unwrap() = Some(cut);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.armed.lock().unwrap().is_none()
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, armed: Arc<Mutex<Option<Cut>>>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let is_commit = asked[..length].ends_with(COMMIT);
                let cut = if is_commit { armed.lock().unwrap().take() } else { None };
                if cut == Some(Cut::BeforeCommit) || server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                if cut == Some(Cut::AfterCommit) {
                    let answer = server.read(&mut answered).await;
                    assert!(answer.is_ok_and(|length| length > 0), "the server answers a COMMIT");
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
