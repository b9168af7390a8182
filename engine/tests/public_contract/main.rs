//! What clients, consumers and auditors rely on, held against golden files that never change.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../golden/file.rs"]
mod file;
mod manifest;
mod older_versions;
mod record;
mod representation;
#[path = "../golden/samples.rs"]
mod samples;
