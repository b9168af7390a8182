//! What happened, step by step: the same text for the same seed.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// A hash, to compare two runs by.
    Hash,
    /// Every line, and the hash.
    Lines,
}

#[derive(Debug)]
pub(crate) struct Trace {
    keep: Keep,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    hasher: blake3::Hasher,
    lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, kept: Mutex::default() }
    }

    /// Adds a line; it is made only where it is wanted.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if self.keep == Keep::Nothing {
            return;
        }
        let line = line();
        let mut kept = self.kept();
        kept.hasher.update(line.as_bytes());
        kept.hasher.update(b"\n");
        if self.keep == Keep::Lines {
            kept.lines.push(line);
        }
    }

    pub(crate) fn hash(&self) -> String {
        self.kept().hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.kept().lines.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
