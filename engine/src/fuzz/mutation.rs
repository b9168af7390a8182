//! Inputs near those of a corpus: pieces cut out, doubled, exchanged between inputs, and bytes, digits
//! and words changed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What decoders tend to trip over.
const WORDS: [&[u8]; 28] = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"-0",
    b"1.5",
    b"1e3",
    b"65536",
    b"4294967296",
    b"1000000000000",
    b"1000000000001",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\"\"",
    b"{}",
    b"[]",
    b"\xff",
    b"\0",
    b"%",
    b"%00",
    b"\xc3\xa9",
    b"9999-12-31T23:59:60Z",
    b"+00:00",
    b"EUR",
    b"JPY",
];
/// The longest input that is made.
const BYTES_MAX: usize = 16 * 1024;

pub(super) struct Mutation<'a> {
    random: StdRng,
    inputs: &'a [&'a [u8]],
}

impl<'a> Mutation<'a> {
    /// `inputs` must not be empty.
    pub(super) fn new(seed: u64, inputs: &'a [&'a [u8]]) -> Self {
        Self { random: StdRng::seed_from_u64(seed), inputs }
    }

    pub(super) fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.any_input().to_vec();
        for _ in 0..self.random.random_range(1..=4) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn any_input(&mut self) -> &'a [u8] {
        let index = self.random.random_range(0..self.inputs.len());
        self.inputs[index]
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.piece_of(input);
        match self.random.random_range(0..8) {
            0 => self.change_byte(input),
            1 => drop(input.drain(from..to)),
            2 => {
                let doubled = input[from..to].to_vec();
                input.splice(to..to, doubled);
            }
            3 => {
                let other = self.any_input();
                let (start, end) = self.piece_of(other);
                input.splice(from..to, other[start..end].iter().copied());
            }
            4 => self.change_digit(input),
            5 => {
                let word = WORDS[self.random.random_range(0..WORDS.len())];
                input.splice(from..from, word.iter().copied());
            }
            6 => self.change_value(input),
            _ => input.truncate(to),
        }
    }

    /// Short ones more often than long ones.
    fn piece_of(&mut self, input: &[u8]) -> (usize, usize) {
        let from = self.random.random_range(0..=input.len());
        let longest = 1_usize << self.random.random_range(0..8_u32);
        let length = self.random.random_range(0..=longest);
        (from, from.saturating_add(length).min(input.len()))
    }

    fn change_byte(&mut self, input: &mut [u8]) {
        if !input.is_empty() {
            let at = self.random.random_range(0..input.len());
            input[at] = match self.random.random_range(0..3) {
                0 => input[at] ^ 1 << self.random.random_range(0..8_u32),
                1 => self.random.random_range(b' '..=b'~'),
                _ => self.random.random_range(0..=u8::MAX),
            };
        }
    }

    fn change_digit(&mut self, input: &mut [u8]) {
        let digits: Vec<usize> =
            (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
        if !digits.is_empty() {
            let at = digits[self.random.random_range(0..digits.len())];
            input[at] = self.random.random_range(b'0'..=b'9');
        }
    }

    /// Puts a word into the place of what stands between two marks of a text format.
    fn change_value(&mut self, input: &mut Vec<u8>) {
        let is_mark = |at: &usize| b":,[]{}\"&= \n".contains(&input[*at]);
        let marks: Vec<usize> = (0..input.len()).filter(is_mark).collect();
        let Some(last) = marks.len().checked_sub(1).filter(|last| *last > 0) else { return };
        let mark = self.random.random_range(0..last);
        let (from, to) = (marks[mark].saturating_add(1), marks[mark.saturating_add(1)]);
        let word = WORDS[self.random.random_range(0..WORDS.len())];
        input.splice(from..to, word.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_another_makes_others() {
        let inputs: [&[u8]; 2] = [br#"{"amount":1000}"#, b"limit=5&cursor=ab"];
        let made = |seed| {
            let mut mutation = Mutation::new(seed, &inputs);
            (0..50).map(|_| mutation.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }
}
