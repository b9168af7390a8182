//! A served daybook: the real binary in a process of its own, on a port of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long anything is waited for before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where the ledger and the views of a test stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Embedded,
}

/// Settings that make acquirer recovery quick enough for a test.
pub const IMPATIENT: &[&str] = &[
    "--acquirer-timeout-ms=400",
    "--acquirer-send-window-ms=400",
    "--acquirer-processing-ms=600",
    "--inquiry-schedule-ms=200,400,800",
];

/// One daybook process and its data.
pub struct Daybook {
    store: Store,
    flags: Vec<String>,
    data: tempfile::TempDir,
    child: Option<Child>,
    pub address: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text))
    }

    /// A field of the body, by JSON pointer without the leading slash.
    pub fn field(&self, pointer: &str) -> Value {
        self.json().pointer(&format!("/{pointer}")).cloned().unwrap_or(Value::Null)
    }

    pub fn text_field(&self, pointer: &str) -> String {
        match self.field(pointer) {
            Value::String(text) => text,
            other => panic!("{pointer} is {other} in {} {}", self.status, self.text),
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_daybook"))
}

impl Daybook {
    /// Starts a daybook on an empty ledger.
    pub async fn start(store: Store, flags: &[&str]) -> Self {
        // The target folder is on the disk that is tested; a temporary folder may be memory.
        let data = tempfile::Builder::new()
            .prefix("daybook-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut daybook = Self { store, flags, data, child: None, address: String::new() };
        daybook.resume().await;
        daybook
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data.path().to_owned()
    }

    fn arguments(&self, command: &str) -> Vec<String> {
        let Store::Embedded = self.store;
        let data_dir = self.data.path().display();
        vec![command.to_owned(), format!("--data-dir={data_dir}")]
    }

    /// Starts the process again on the same data.
    pub async fn resume(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = Command::new(binary());
        command
            .args(self.arguments("serve"))
            .arg("--listen=127.0.0.1:0")
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        self.child = Some(self.spawned(command).await);
    }

    async fn spawned(&mut self, mut command: Command) -> Child {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("daybook did not say where it listens").unwrap();
        let line = line.unwrap_or_else(|| panic!("daybook ended at its start"));
        let address = line.strip_prefix("daybook listening on http://");
        self.address = address.unwrap_or_else(|| panic!("unexpected: {line}")).to_owned();
        child
    }

    /// Starts the process again with other flags.
    pub async fn resume_with(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.resume().await;
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.unwrap();
    }

    pub async fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("/bin/kill").args([signal, &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop and waits for its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM").await;
        self.ended().await
    }

    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await;
        status.expect("daybook did not stop").unwrap().code()
    }

    /// Runs a command on the same data, beside the running process or without one.
    pub async fn command(&self, command: &str, arguments: &[&str]) -> Output {
        Command::new(binary()).args(self.arguments(command)).args(arguments).output().await.unwrap()
    }

    /// Runs `verify` and expects it to find nothing wrong.
    pub async fn verify(&self) -> String {
        let output = self.command("verify", &[]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "verify says:\n{text}\n{errors}");
        text
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_post(path, &[], body).await.unwrap()
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        self.try_post(path, headers, body).await.unwrap()
    }

    /// As [`Daybook::post`], where the process may be gone.
    pub async fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, headers, Some(body.to_string())).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        send(&self.address, method, path, headers, body).await
    }

    /// A payment as the ledger has it.
    pub async fn payment(&self, id: &str) -> Answer {
        self.get(&format!("/api/v1/payments/{id}")).await
    }

    /// Waits until the payment's status is one of these.
    pub async fn reaches(&self, id: &str, statuses: &[&str]) -> Answer {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = self.payment(id).await.expect(200);
            let status = answer.text_field("status");
            if statuses.contains(&status.as_str()) {
                return answer;
            }
            assert!(Instant::now() < give_up, "{id} stays {status}: {}", answer.text);
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a list answers what is wanted.
    pub async fn list_until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let list = self.get(path).await.expect(200).json();
            if wanted(&list) {
                return list;
            }
            assert!(Instant::now() < give_up, "{path} stays {list}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The types of a payment's events, in order, without their common prefix.
    pub async fn event_types(&self, id: &str) -> Vec<String> {
        let events = self.get(&format!("/api/v1/payments/{id}/events")).await.expect(200).json();
        let items = events.get("items").unwrap_or(&events).as_array().cloned().unwrap_or_default();
        let of =
            |event: &Value| event.get("type").and_then(Value::as_str).unwrap_or("?").to_owned();
        items.iter().map(of).map(|kind| kind.replace("payment.", "")).collect()
    }
}

/// One request on a connection of its own.
pub async fn send(
    address: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", address);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    connection.abort();
    Ok(Answer { status: parts.status, headers: parts.headers, text })
}

/// Counts by status, for messages.
pub fn tally(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.status.as_u16()).or_default() += 1;
    }
    tally
}
