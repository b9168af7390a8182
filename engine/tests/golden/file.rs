//! One golden file of this crate.

use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Fails where the text is not what the file says, byte for byte.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let golden = std::fs::read_to_string(path(name)).unwrap_or_else(|error| {
        panic!("{name}: {error}; add it with `cargo test -- --ignored write_missing_golden_files`")
    });
    for (number, (found, golden)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(found, golden, "{name} line {}", number + 1);
    }
    assert_eq!(text, golden, "{name}");
}

/// Never overwrites one.
pub(crate) fn write_missing(name: &str, text: &str) {
    let path = path(name);
    if !path.exists() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}
