//! One keep-alive HTTP/1 connection, as light as it can be beside the server it measures.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const ANSWER_LEN_MAX: usize = 4 << 20;

/// A connection that opens itself again after it broke or was closed by the server.
#[derive(Debug)]
pub(crate) struct Connection {
    server: SocketAddr,
    headers: HeaderMap,
    sender: Option<SendRequest<Full<Bytes>>>,
    opened: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// No answer came; whether the server acted on the request is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum SendError {
    #[error("connection refused")]
    Connect,
    #[error("connection broke")]
    Broke,
    #[error("no answer within 30 s")]
    Silent,
}

impl Connection {
    /// Opens at the first request.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&server.to_string());
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(HOST, host.expect("a socket address is a valid header value"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { server, headers, sender: None, opened: 0 }
    }

    /// How often it had to be opened again.
    pub(crate) const fn reconnects(&self) -> u64 {
        self.opened.saturating_sub(1)
    }

    pub(crate) async fn post(&mut self, path: &Uri, json: Bytes) -> Result<Answer, SendError> {
        self.send(Method::POST, path, json).await
    }

    pub(crate) async fn get(&mut self, path: &Uri) -> Result<Answer, SendError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &Uri, body: Bytes) -> Result<Answer, SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = timeout(ANSWER_WITHIN, self.exchange(request)).await;
        let answer = answer.unwrap_or(Err(SendError::Silent));
        if answer.is_err() {
            // A late answer on this connection would be taken for the next request's.
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, SendError> {
        let response = self.opened().await?.send_request(request).await;
        let (head, body) = response.map_err(|_| SendError::Broke).map(Response::into_parts)?;
        let body = read(body).await?;
        let retry_after = head.headers.get(RETRY_AFTER).and_then(seconds);
        Ok(Answer { status: head.status.as_u16(), retry_after, body })
    }

    async fn opened(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, SendError> {
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.sender = Some(open(self.server).await?);
            self.opened += 1;
        }
        self.sender.as_mut().ok_or(SendError::Connect)
    }
}

async fn open(server: SocketAddr) -> Result<SendRequest<Full<Bytes>>, SendError> {
    let stream = TcpStream::connect(server).await.map_err(|_| SendError::Connect)?;
    stream.set_nodelay(true).map_err(|_| SendError::Connect)?;
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| SendError::Connect)?;
    // It ends with its sender, which hears of every error too.
    tokio::spawn(connection);
    Ok(sender)
}

async fn read(body: Incoming) -> Result<Bytes, SendError> {
    let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
    Ok(body.map_err(|_| SendError::Broke)?.to_bytes())
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::fake::{self, json};

    #[tokio::test]
    async fn a_refusal_carries_its_retry_after() {
        let server = fake::serve(|_| {
            let mut response = json(503, r#"{"code":"QUEUE_FULL"}"#);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            response
        });
        let answer = Connection::new(server.await).get(&Uri::from_static("/")).await.unwrap();
        assert_eq!((answer.status, answer.retry_after), (503, Some(Duration::from_secs(2))));
    }

    #[tokio::test]
    async fn a_connection_closed_by_the_server_is_opened_again_and_counted() {
        let asked = AtomicUsize::new(0);
        let server = fake::serve(move |_| {
            let mut response = json(200, "{}");
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(hyper::header::CONNECTION, close);
            }
            response
        });
        let mut connection = Connection::new(server.await);
        for _ in 0..3 {
            let answer = connection.post(&Uri::from_static("/"), Bytes::from_static(b"{}")).await;
            assert_eq!(answer.unwrap().status, 200);
        }
        assert_eq!(connection.reconnects(), 1);
    }

    #[tokio::test]
    async fn a_port_nobody_listens_on_is_an_error_and_not_a_panic() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let answer = Connection::new(address).get(&Uri::from_static("/")).await;
        assert_eq!(answer.unwrap_err(), SendError::Connect);
    }
}
