//! The oracle knows nothing of the engine, and no build of the product has the planted bugs.

use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_oracle_imports_nothing_but_the_standard_library_and_a_json_parser() {
    let mut files = vec![folder().join("src/oracle.rs")];
    let entries = fs::read_dir(folder().join("src/oracle")).unwrap();
    files.extend(entries.map(|entry| entry.unwrap().path()));
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        for (number, line) in text(&file).lines().enumerate() {
            let line = line.trim();
            let place = format!("{}:{}: {line}", file.display(), number + 1);
            assert!(!line.contains("daybook_"), "{place}");
            assert!(!line.contains("crate::"), "{place}");
            let from = line.strip_prefix("use ").or(line.strip_prefix("pub use "));
            let Some(from) = from else { continue };
            let allowed = ["std::", "serde_json::", "super::", "self::"];
            let is_own = [
                "answers::",
                "book::",
                "breach::",
                "calls::",
                "entry::",
                "rest::",
                "topic::",
                "views::",
            ];
            let mut known = allowed.iter().chain(&is_own);
            assert!(known.any(|known| from.starts_with(known)), "{place}");
        }
    }
}

/// A feature that one member of the workspace asks for is on in all that are built with it.
#[test]
fn no_build_of_the_product_has_the_planted_bugs() {
    let root = folder().join("..");
    let workspace = text(&root.join("Cargo.toml"));
    let of_members = workspace.lines().find(|line| line.starts_with("default-members")).unwrap();
    assert!(!of_members.contains("simulation"), "a plain `cargo build` builds it: {of_members}");
    for member in [".", "api", "bench", "engine", "projections", "relay"] {
        let manifest = text(&root.join(member).join("Cargo.toml"));
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let is_production =
                section == "[dependencies]" || section == "[workspace.dependencies]";
            let asks = line.contains("daybook-") && line.contains("\"testing\"");
            assert!(!(is_production && asks), "{member}: {section}: {line}");
        }
    }
}
