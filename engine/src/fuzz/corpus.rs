//! The committed inputs of a target, replayed as they are and mutated.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use super::Target;
use super::mutation::Mutation;

/// A target's inputs, by name.
#[derive(Debug)]
pub struct Corpus {
    target: Target,
    inputs: Vec<(PathBuf, Vec<u8>)>,
}

impl Corpus {
    /// Reads `fuzz/corpus/TARGET` of the workspace whose member stands in `member`.
    ///
    /// # Panics
    /// Where there is no input to replay.
    #[must_use]
    pub fn read(target: Target, member: &str) -> Self {
        let folder = Path::new(member).join("../fuzz/corpus").join(target.name);
        let files = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{} can't be read: {error}", folder.display()));
        let mut inputs: Vec<_> = files
            .map(|file| {
                let path = file.expect("the folder is listed").path();
                let bytes = std::fs::read(&path).expect("an input is read");
                (path, bytes)
            })
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{} is empty", folder.display());
        Self { target, inputs }
    }

    /// Checks every input as it stands.
    ///
    /// # Panics
    /// As the target does.
    pub fn replay(&self) {
        for (path, input) in &self.inputs {
            check(&self.target, &path.display().to_string(), input);
        }
    }

    /// Checks `count` mutations of the inputs; the same seed makes the same ones.
    ///
    /// # Panics
    /// As the target does.
    pub fn mutate(&self, seed: u64, count: u32) {
        let inputs: Vec<&[u8]> = self.inputs.iter().map(|(_, input)| input.as_slice()).collect();
        let mut mutation = Mutation::new(seed, &inputs);
        for number in 0..count {
            let input = mutation.next_input();
            check(&self.target, &format!("mutation {number} of seed {seed}"), &input);
        }
    }
}

/// Says which input a panic belongs to.
fn check(target: &Target, name: &str, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.check)(input))) {
        eprintln!("target {} fails on {name}:\n{}", target.name, input.escape_ascii());
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a length and believes it.
    fn believes_a_length(input: &[u8]) {
        let length = input.first().map_or(0, |digit| usize::from(digit.saturating_sub(b'0')));
        if input.starts_with(b"2") || input.starts_with(b"3") {
            assert!(input.len() > length, "{length} bytes are missing");
        }
    }

    #[test]
    fn a_bug_that_no_input_of_the_corpus_shows_is_found_by_mutating_it() {
        let target = Target { name: "length", check: believes_a_length };
        let inputs = vec![(PathBuf::from("two"), b"2ab".to_vec())];
        let corpus = Corpus { target, inputs };
        corpus.replay();
        let found = catch_unwind(AssertUnwindSafe(|| corpus.mutate(1, 2_000)));
        assert!(found.is_err(), "a length that is too large was never tried");
    }
}
