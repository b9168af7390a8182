//! Golden files are added and never edited: `golden/manifest.b3` has the BLAKE3 hash of each, as
//! `b3sum` prints it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// From the workspace's root.
const FOLDERS: [&str; 2] = ["api/tests/golden", "engine/tests/golden"];
const MANIFEST: &str = "engine/tests/golden/manifest.b3";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Hashes by path.
type Hashes = BTreeMap<String, String>;

fn listed() -> Hashes {
    let text = std::fs::read_to_string(root().join(MANIFEST)).unwrap_or_default();
    let line = |line: &str| line.split_once("  ").map(|(hash, path)| (path.into(), hash.into()));
    text.lines().map(|text| line(text).unwrap_or_else(|| panic!("{MANIFEST}: {text}"))).collect()
}

/// What is public: the code and the tables of tests beside it are not.
fn is_golden(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json" || ending == "txt")
}

fn found() -> Hashes {
    let mut found = Hashes::new();
    let mut folders: Vec<_> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_golden(&path) {
                let hash = blake3::hash(&std::fs::read(&path).unwrap());
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, hash.to_hex().to_string());
            }
        }
    }
    found
}

#[test]
fn no_golden_file_was_edited_or_deleted_since_it_was_added() {
    let found = found();
    for (path, hash) in listed() {
        assert_eq!(
            found.get(&path),
            Some(&hash),
            "{path} is a promise to those who read it: put it back, and add a file for a new version"
        );
    }
}

#[test]
fn every_golden_file_stands_in_the_manifest() {
    let listed = listed();
    let missing: Vec<_> = found().into_keys().filter(|path| !listed.contains_key(path)).collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "run `cargo test -p daybook-engine --test public_contract -- --ignored write_missing_lines`"
    );
}

/// Run on purpose, after golden files were added; no line that stands there changes.
#[test]
#[ignore = "writes the manifest's lines that are missing"]
fn write_missing_lines() {
    let mut hashes = found();
    hashes.extend(listed());
    let lines: String = hashes.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
    std::fs::write(root().join(MANIFEST), lines).unwrap();
}
