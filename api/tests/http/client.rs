//! A client that writes bytes and reads answers: nothing is mended on the way.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Names in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}")).to_owned()
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.unwrap(), received: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Writes within a bound; an error once the server has closed.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let written = timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written.expect("the server neither reads nor closes")
    }

    /// The next answer; panics where none comes.
    pub(crate) async fn read(&mut self) -> Response {
        self.read_answer_to("GET").await
    }

    pub(crate) async fn read_answer_to(&mut self, method: &str) -> Response {
        let head_end = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.receive().await, "closed before an answer: {:?}", self.text());
        };
        let head = String::from_utf8(self.received.drain(..head_end).collect()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut response = Response { status, headers, body: String::new() };
        let len = match (method, response.header("content-length")) {
            ("HEAD", _) | (_, None) => 0,
            (_, Some(len)) => len.parse().unwrap(),
        };
        while self.received.len() < len {
            assert!(self.receive().await, "closed within an answer: {response:?}");
        }
        response.body = String::from_utf8(self.received.drain(..len).collect()).unwrap();
        response
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        !self.receive().await && self.received.is_empty()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// False at the end of the connection.
    async fn receive(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
        read.expect("the server neither answers nor closes").unwrap_or(0) > 0
    }
}

/// A request with a JSON body.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    request("POST", path, &format!("content-type: application/json\r\n{headers}"), body.as_bytes())
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: daybook\r\n\r\n").into_bytes()
}

/// `headers` are whole lines.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: daybook\r\ncontent-length: {len}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// All that comes back until the connection ends, as it stands on the wire.
pub(crate) async fn raw(addr: SocketAddr, request: &[u8]) -> String {
    let mut client = Client::connect(addr).await;
    client.write(request).await;
    while client.receive().await {}
    client.text()
}

/// One request over a connection of its own.
pub(crate) async fn send(addr: SocketAddr, request: &[u8]) -> Response {
    let mut client = Client::connect(addr).await;
    client.write(request).await;
    client.read().await
}
