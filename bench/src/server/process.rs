//! A child process: started, watched, stopped.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::failure::Failure;

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// A child that prints `NAME listening on http://ADDR`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    name: &'static str,
    child: Child,
}

impl Process {
    pub(crate) async fn start(name: &'static str, mut command: Command) -> Result<Self, Failure> {
        let failed = |what: String| Failure::NotStarted { program: name.into(), what };
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| failed(format!("can't be started: {error}")))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("has no stdout".into()))?;
        // Its address is not known yet; from here on it is killed on every way out.
        let mut process = Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), name, child };
        let (sender, listening) = oneshot::channel();
        std::thread::spawn(move || watch(stdout, name, sender));
        process.address = match timeout(START_WITHIN, listening).await {
            Ok(Ok(address)) => address,
            Ok(Err(_)) => {
                let ended = process.ended().await?;
                let ended = ended.map_or("is still running".into(), |status| status.to_string());
                let line = format!("{name} listening on http://ADDR");
                return Err(failed(format!("closed its stdout without `{line}`: {ended}")));
            }
            Err(_) => return Err(failed(format!("was not listening within {START_WITHIN:?}"))),
        };
        Ok(process)
    }

    pub(super) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.terminate()?;
        match self.ended().await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(Failure::UncleanStop { program: self.name.into(), status: status.to_string() })
            }
            None => Err(Failure::NoStop { program: self.name.into(), within: STOP_WITHIN }),
        }
    }

    /// SIGTERM, by the shell's own `kill`: there is a shell everywhere, /bin/kill is not.
    fn terminate(&self) -> Result<(), Failure> {
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.pid()]).status();
        sent.map_err(|error| Failure::Io { doing: "sending SIGTERM".into(), error })?;
        Ok(())
    }

    async fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let until = Instant::now() + STOP_WITHIN;
        loop {
            let status = self.child.try_wait();
            let status = status.map_err(|error| Failure::Io {
                doing: format!("waiting for {}", self.name),
                error,
            })?;
            if status.is_some() || Instant::now() > until {
                return Ok(status);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all that the child prints, so that it never waits for a reader.
fn watch(stdout: ChildStdout, name: &str, listening: oneshot::Sender<SocketAddr>) {
    let mut listening = Some(listening);
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if let Some(address) = address_in(&line, name)
            && let Some(listening) = listening.take()
        {
            // The receiver may have given up; the rest is read all the same.
            let _ = listening.send(address);
        }
    }
}

fn address_in(line: &str, name: &str) -> Option<SocketAddr> {
    line.strip_prefix(name)?.strip_prefix(" listening on http://")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_address_stands_after_the_servers_own_name() {
        let address = Some("127.0.0.1:41".parse().unwrap());
        assert_eq!(address_in("daybook listening on http://127.0.0.1:41", "daybook"), address);
        assert_eq!(address_in("other listening on http://127.0.0.1:41", "daybook"), None);
        assert_eq!(address_in("daybook listening on http://nowhere", "daybook"), None);
    }

    #[tokio::test]
    async fn a_server_that_exits_with_0_at_sigterm_stopped_cleanly() {
        let script = "trap 'exit 0' TERM; echo noise; \
                      echo 'fake listening on http://127.0.0.1:9'; while :; do sleep 0.01; done";
        let process = Process::start("fake", shell(script)).await.unwrap();
        assert_eq!(process.address, "127.0.0.1:9".parse().unwrap());
        process.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_dies_of_sigterm_did_not_stop_cleanly() {
        let script = "echo 'fake listening on http://127.0.0.1:9'; exec sleep 60";
        let process = Process::start("fake", shell(script)).await.unwrap();
        let failure = process.stop().await.unwrap_err();
        assert!(matches!(failure, Failure::UncleanStop { .. }), "{failure}");
    }

    #[tokio::test]
    async fn a_server_that_never_listens_is_reported_with_its_exit_status() {
        let failure = Process::start("fake", shell("exit 7")).await.unwrap_err();
        assert!(failure.to_string().contains("exit status: 7"), "{failure}");
        assert_eq!(failure.exit_code(), 3);
    }
}
