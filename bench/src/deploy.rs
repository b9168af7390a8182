//! The servers that `deploy/services` runs.

use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Starts one where it doesn't run; the lines `NAME=VALUE` that say where it is.
pub(crate) fn up(service: &str) -> Result<String, Failure> {
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/services"));
    script.args(["up", service]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = script.output();
    let output = output.map_err(|error| Failure::Services(format!("can't be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::Services(format!("ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
