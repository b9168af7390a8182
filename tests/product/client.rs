//! HTTP as a client speaks it: whole requests by hyper, and raw bytes for what hyper would not send.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::PATIENCE;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text))
    }

    /// A field of the body, by JSON pointer without the leading slash.
    pub(crate) fn field(&self, pointer: &str) -> Value {
        self.json().pointer(&format!("/{pointer}")).cloned().unwrap_or(Value::Null)
    }

    pub(crate) fn text_field(&self, pointer: &str) -> String {
        match self.field(pointer) {
            Value::String(text) => text,
            other => panic!("{pointer} is {other} in {} {}", self.status, self.text),
        }
    }

    /// A header's text; empty where it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// One request on a connection of its own; a body is JSON unless a header says otherwise.
pub(crate) async fn send(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> anyhow::Result<Answer> {
    let is_typed = headers.iter().any(|(name, _)| *name == "content-type");
    let mut headers = headers.to_vec();
    if body.is_some() && !is_typed {
        headers.push(("content-type", "application/json"));
    }
    send_bytes(address, method, path, &headers, Bytes::from(body.unwrap_or_default())).await
}

/// As [`send`], with these headers and no others.
pub(crate) async fn send_bytes(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body))?).await?;
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    connection.abort();
    Ok(Answer { status: parts.status, headers: parts.headers, text })
}

/// Bytes as they are; the request should ask for `Connection: close`. The answer's headers are not
/// kept.
pub(crate) async fn send_raw(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let ended = read.expect("the server did not close");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no whole answer, {ended:?}: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {head:?}"));
    Answer { status, headers: HeaderMap::new(), text: body.to_owned() }
}

/// Counts by status, for messages.
pub(crate) fn tally(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    tally
}
