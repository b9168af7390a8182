//! A served daybook: the real binary in a process of its own, on a port of its own.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

pub(crate) use crate::client::{Answer, send, tally};
use crate::store::{Book, Store};

/// How long anything is waited for before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that make acquirer recovery quick enough for a test. The send window is nearly the default's: a commit
/// that a busy disk delays beyond it is never sent, and its authorization declined.
pub(crate) const IMPATIENT: &[&str] = &[
    "--acquirer-timeout-ms=400",
    "--acquirer-send-window-ms=4000",
    "--acquirer-processing-ms=600",
    "--inquiry-schedule-ms=200,400,800",
];

/// One daybook process and its data.
pub(crate) struct Daybook {
    child: Option<Child>,
    /// Of the same book, where each role has its own.
    behind: Vec<Behind>,
    pub(crate) book: Arc<Book>,
    flags: Vec<String>,
    /// Of every command, behind the book's.
    also: Vec<String>,
    /// What must stay as long as it runs.
    keeps: Vec<Daybook>,
    /// Of the served process alone.
    environment: Vec<(String, String)>,
    data: tempfile::TempDir,
    pub(crate) address: String,
}

/// The process of one role beside the one that serves the API.
struct Behind {
    role: &'static str,
    child: Child,
    address: String,
}

/// The target folder is on the disk that is tested; a temporary folder may be memory.
pub(crate) fn folder() -> tempfile::TempDir {
    let made = tempfile::Builder::new().prefix("daybook-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    made.unwrap()
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_daybook"))
}

impl Daybook {
    /// Starts a daybook on an empty ledger.
    pub(crate) async fn start(store: Store, flags: &[&str]) -> Self {
        let data = folder();
        let book = Arc::new(Book::create(store, data.path(), flags).await);
        Self::start_in(book, data, flags).await
    }

    /// Starts another process on the same book, as only Postgres allows.
    pub(crate) async fn beside(&self, flags: &[&str]) -> Self {
        Self::start_on(self.book.clone(), flags).await
    }

    /// Starts a process on a book.
    pub(crate) async fn start_on(book: Arc<Book>, flags: &[&str]) -> Self {
        Self::start_in(book, folder(), flags).await
    }

    async fn start_in(book: Arc<Book>, data: tempfile::TempDir, flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut daybook = Self {
            child: None,
            behind: Vec::new(),
            book,
            flags,
            also: Vec::new(),
            keeps: Vec::new(),
            environment: Vec::new(),
            data,
            address: String::new(),
        };
        daybook.resume().await;
        daybook
    }

    /// One that does not run yet, on a book.
    pub(crate) fn stopped_on(book: Arc<Book>) -> Self {
        Self::stopped_in(book, folder())
    }

    /// One that does not run yet, on SQLite in its own folder, where nothing is yet.
    pub(crate) fn stopped_in_own_folder() -> Self {
        let data = folder();
        Self::stopped_in(Arc::new(Book::Embedded(data.path().to_owned())), data)
    }

    fn stopped_in(book: Arc<Book>, data: tempfile::TempDir) -> Self {
        Self {
            child: None,
            behind: Vec::new(),
            book,
            flags: Vec::new(),
            also: Vec::new(),
            keeps: Vec::new(),
            environment: Vec::new(),
            data,
            address: String::new(),
        }
    }

    /// Gives every command a flag more, and keeps what it refers to.
    pub(crate) fn also(&mut self, flag: &str, keeps: Self) {
        self.also.push(flag.to_owned());
        self.keeps.push(keeps);
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data.path().to_owned()
    }

    fn arguments(&self, command: &str) -> Vec<String> {
        let mut arguments: Vec<_> = command.split(' ').map(str::to_owned).collect();
        arguments.extend(self.book.flags());
        arguments.extend(self.also.iter().cloned());
        arguments
    }

    /// Runs `ledger adopt` as the owner of the ledger.
    pub(crate) async fn try_adopt(&self) -> Output {
        let command = ["ledger", "adopt"].map(str::to_owned);
        let arguments = command.into_iter().chain(self.book.owner_flags());
        let arguments = arguments.chain(self.also.iter().cloned());
        Command::new(binary()).args(arguments).output().await.unwrap()
    }

    /// As [`Daybook::try_adopt`], which must work; what it says.
    pub(crate) async fn adopt(&self) -> String {
        let output = self.try_adopt().await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "ledger adopt says:\n{said}\n{errors}");
        said
    }

    /// Serves from a restored data directory as if it was none.
    pub(crate) fn forget_that_it_was_restored(&self) {
        let _ = std::fs::remove_file(self.data_dir().join("restored"));
    }

    /// Starts the process again on the same data; where each role has its own, all of them.
    pub(crate) async fn resume(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let is_told = self.flags.iter().any(|flag| flag.starts_with("--role"));
        let behind = if is_told { &[] } else { self.book.roles_behind() };
        let first = (!behind.is_empty()).then_some("api");
        let first = tokio::spawn(spawned(self.serving(first)));
        let others =
            behind.iter().map(|role| (*role, tokio::spawn(spawned(self.serving(Some(role))))));
        let others: Vec<_> = others.collect();
        let (child, address) = first.await.unwrap();
        (self.child, self.address) = (Some(child), address);
        for (role, starting) in others {
            let (child, address) = starting.await.unwrap();
            self.behind.push(Behind { role, child, address });
        }
    }

    /// Starts the process of one role again, which was killed.
    pub(crate) async fn resume_role(&mut self, role: &'static str) {
        let (child, address) = spawned(self.serving(Some(role))).await;
        self.behind.push(Behind { role, child, address });
    }

    /// `serve`, ready to be started.
    fn serving(&self, role: Option<&str>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(self.arguments("serve"))
            .arg("--listen=127.0.0.1:0")
            .args(role.map(|role| format!("--role={role}")))
            .args(&self.flags)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log())
            .kill_on_drop(true);
        command
    }

    /// Starts the process again with other flags.
    pub(crate) async fn resume_with(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.resume().await;
    }

    /// As [`Daybook::resume_with`], with these variables in its environment.
    pub(crate) async fn resume_in(&mut self, environment: &[(&str, &str)], flags: &[&str]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.environment = environment.iter().map(owned).collect();
        self.resume_with(flags).await;
    }

    fn log_path(&self) -> PathBuf {
        self.data.path().join("stderr.log")
    }

    /// The served process's standard error, of every run one after the other.
    fn log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap()
    }

    /// What its processes have logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// Waits until one of its processes has logged this.
    pub(crate) async fn says(&self, wanted: &str) {
        let give_up = Instant::now() + PATIENCE;
        while !self.said().contains(wanted) {
            assert!(Instant::now() < give_up, "nothing says {wanted:?} in:\n{}", self.said());
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.unwrap();
        for mut behind in self.behind.drain(..) {
            behind.child.kill().await.unwrap();
        }
    }

    /// Ends the process of one role so.
    pub(crate) async fn kill_role(&mut self, role: &str) {
        let at = self.behind.iter().position(|behind| behind.role == role).expect("it runs");
        self.behind.swap_remove(at).child.kill().await.unwrap();
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let behind = self.behind.iter().filter_map(|behind| behind.child.id());
        let pids: Vec<_> =
            [self.pid()].into_iter().chain(behind).map(|pid| pid.to_string()).collect();
        let sent = Command::new("/bin/kill").arg(signal).args(pids).status().await.unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop and waits for its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM").await;
        self.ended().await
    }

    /// Waits for its exit code; those behind it must end well.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = |mut child: Child| async move {
            let status = tokio::time::timeout(PATIENCE, child.wait()).await;
            status.expect("daybook did not stop").unwrap().code()
        };
        let code = ended(self.child.take().expect("it runs")).await;
        for behind in self.behind.drain(..) {
            assert_eq!(ended(behind.child).await, Some(0), "{}", behind.role);
        }
        code
    }

    /// Where the process of a role listens.
    pub(crate) fn address_of(&self, role: &str) -> &str {
        let behind = self.behind.iter().find(|behind| behind.role == role);
        behind.map_or(&self.address, |behind| &behind.address)
    }

    /// Runs a command on the same data, beside the running process or without one.
    pub(crate) async fn command(&self, command: &str, arguments: &[&str]) -> Output {
        Command::new(binary()).args(self.arguments(command)).args(arguments).output().await.unwrap()
    }

    /// Starts a command and ends it so long after as a power cut would, wherever it is then.
    pub(crate) async fn killed_after(&self, command: &str, wait_ms: u64) {
        let arguments = self.arguments(command);
        let mut command = Command::new(binary());
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        sleep(Duration::from_millis(wait_ms)).await;
        child.kill().await.unwrap();
    }

    /// Runs the program with these arguments alone.
    pub(crate) async fn program(&self, arguments: &[&str]) -> Output {
        Command::new(binary()).args(arguments).output().await.unwrap()
    }

    /// Runs `verify` and expects it to find nothing wrong.
    pub(crate) async fn verify(&self) -> String {
        let output = self.command("verify", &[]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "verify says:\n{text}\n{errors}");
        text
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_post(path, &[], body).await.unwrap()
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        self.try_post(path, headers, body).await.unwrap()
    }

    /// As [`Daybook::post`], where the process may be gone.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, headers, Some(body.to_string())).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        send(&self.address, method, path, headers, body).await
    }

    /// A payment as the ledger has it.
    pub(crate) async fn payment(&self, id: &str) -> Answer {
        self.get(&format!("/api/v1/payments/{id}")).await
    }

    /// Waits until `verify` finds nothing wrong and says this as well.
    pub(crate) async fn verify_until(&self, wanted: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let text = self.verify().await;
            if text.contains(wanted) {
                return text;
            }
            assert!(Instant::now() < give_up, "verify never says {wanted:?}, but\n{text}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the topic has everything, where there is one.
    pub(crate) async fn outbox_is_empty(&self) {
        if !matches!(&*self.book, Book::Kafka(..)) {
            return;
        }
        let give_up = Instant::now() + PATIENCE;
        while self.metric("daybook_relay_outbox_events").await > 0 {
            assert!(Instant::now() < give_up, "the outbox does not get empty");
            sleep(Duration::from_millis(100)).await;
        }
        self.relay_verify().await;
    }

    /// What `relay verify` says, which must find no difference; nothing where there is no topic.
    pub(crate) async fn relay_verify(&self) -> String {
        if !matches!(&*self.book, Book::Kafka(..)) {
            return String::new();
        }
        let output = self.command("relay verify", &[]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "relay verify says:\n{text}\n{errors}");
        text
    }

    /// A counter of `/metrics`, of all processes together; 0 while it is absent.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let mut sum = 0;
        let behind = self.behind.iter().map(|behind| &behind.address);
        for address in [&self.address].into_iter().chain(behind) {
            let answer = send(address, Method::GET, "/metrics", &[], None).await.unwrap();
            let text = answer.expect(200).text;
            let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            sum += values.map(|value| value.parse::<u64>().unwrap()).next().unwrap_or(0);
        }
        sum
    }

    /// Waits until a counter of `/metrics` is at least this.
    pub(crate) async fn metric_reaches(&self, name: &str, wanted: u64) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let found = self.metric(name).await;
            if found >= wanted {
                return;
            }
            assert!(Instant::now() < give_up, "{name} stays {found}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the payment's status is one of these.
    pub(crate) async fn reaches(&self, id: &str, statuses: &[&str]) -> Answer {
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
    pub(crate) async fn list_until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
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
    pub(crate) async fn event_types(&self, id: &str) -> Vec<String> {
        let events = self.get(&format!("/api/v1/payments/{id}/events")).await.expect(200).json();
        let items = events.get("items").unwrap_or(&events).as_array().cloned().unwrap_or_default();
        let of =
            |event: &Value| event.get("type").and_then(Value::as_str).unwrap_or("?").to_owned();
        items.iter().map(of).map(|kind| kind.replace("payment.", "")).collect()
    }
}

/// Starts it; where it listens.
async fn spawned(mut command: Command) -> (Child, String) {
    let mut child = command.spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.expect("daybook did not say where it listens").unwrap();
    let line = line.unwrap_or_else(|| panic!("daybook ended at its start"));
    let address = line.strip_prefix("daybook listening on http://");
    let address = address.unwrap_or_else(|| panic!("unexpected: {line}")).to_owned();
    (child, address)
}

impl Drop for Daybook {
    /// Shows what the process last said, where that may explain a failure.
    fn drop(&mut self) {
        const LINES: usize = 40;
        if !std::thread::panicking() {
            return;
        }
        let said = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        let last = lines.len().saturating_sub(LINES);
        eprintln!("daybook's standard error, its last {} lines:", lines.len() - last);
        for line in &lines[last..] {
            eprintln!("  {line}");
        }
    }
}
