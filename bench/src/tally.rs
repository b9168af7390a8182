//! What came back: latencies, and answers by step, status and label.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Deserialize;

use crate::client::{Answer, SendError};

/// Latencies in microseconds, to three digits, up to two minutes.
const LATENCY_MAX_US: u64 = 120_000_000;

#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) latencies: Histogram<u64>,
    answers: Vec<Counted>,
    pub(crate) errors: BTreeMap<SendError, u64>,
}

/// How often one kind of answer came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Counted {
    pub(crate) step: &'static str,
    pub(crate) status: u16,
    pub(crate) label: String,
    pub(crate) count: u64,
}

/// A tally that the connections of one run share.
#[derive(Clone, Debug)]
pub(crate) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Tally::new())))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().expect("nothing panics while it holds the tally")
    }

    /// Counts what one request came to.
    pub(crate) fn record(
        &self,
        step: &'static str,
        latency: Duration,
        answer: &Result<Answer, SendError>,
    ) {
        match answer {
            Ok(answer) => {
                self.lock().answered(step, latency, answer.status, &answer.label());
            }
            Err(error) => self.lock().failed(*error),
        }
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Self {
            latencies: latencies.expect("the bounds are in order and the digits at most five"),
            answers: Vec::new(),
            errors: BTreeMap::new(),
        }
    }

    pub(crate) fn answered(
        &mut self,
        step: &'static str,
        latency: Duration,
        status: u16,
        label: &str,
    ) {
        self.latencies.saturating_record(micros(latency));
        // A handful of kinds: a scan costs less than a hash, and nothing is allocated.
        let known = self
            .answers
            .iter_mut()
            .find(|known| known.status == status && known.step == step && known.label == label);
        match known {
            Some(known) => known.count += 1,
            None => self.answers.push(Counted { step, status, label: label.into(), count: 1 }),
        }
    }

    pub(crate) fn failed(&mut self, error: SendError) {
        *self.errors.entry(error).or_default() += 1;
    }

    /// All kinds of answers, in order.
    pub(crate) fn answers(&self) -> Vec<Counted> {
        let mut answers = self.answers.clone();
        answers.sort();
        answers
    }

    pub(crate) fn answered_total(&self) -> u64 {
        self.answers.iter().map(|counted| counted.count).sum()
    }

    /// Those with an outcome: 202 leaves it open, and a refusal costs a server next to nothing.
    pub(crate) fn concluded_total(&self) -> u64 {
        let concluded = self.answers.iter().filter(|counted| matches!(counted.status, 200 | 201));
        concluded.map(|counted| counted.count).sum()
    }

    pub(crate) fn failed_total(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct Success<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

impl Answer {
    /// A payment's `status`, or a problem's `code`; `-` where the body names none.
    pub(crate) fn label(&self) -> Cow<'_, str> {
        let named = if self.status < 300 {
            serde_json::from_slice::<Success<'_>>(&self.body).ok().and_then(|body| body.status)
        } else {
            serde_json::from_slice::<Problem<'_>>(&self.body).ok().and_then(|body| body.code)
        };
        named.unwrap_or(Cow::Borrowed("-"))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { status, retry_after: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_payment_is_labelled_by_status_and_a_problem_by_code() {
        let cases = [
            (answer(201, r#"{"paymentId":"x","status":"AUTHORIZED"}"#), "AUTHORIZED"),
            (answer(503, r#"{"status":503,"code":"QUEUE_FULL"}"#), "QUEUE_FULL"),
            (answer(200, r#"{"echo":true}"#), "-"),
            (answer(502, "<html>"), "-"),
        ];
        for (answer, expected) in cases {
            assert_eq!(answer.label(), expected, "{answer:?}");
        }
    }

    #[test]
    fn answers_are_counted_by_step_status_and_label() {
        let mut tally = Tally::new();
        for (step, status, label) in
            [("b", 200, "X"), ("a", 409, "Y"), ("b", 200, "X"), ("b", 202, "Z")]
        {
            tally.answered(step, Duration::from_millis(1), status, label);
        }
        tally.failed(SendError::Broke);
        let counted: Vec<_> = tally
            .answers()
            .into_iter()
            .map(|counted| (counted.step, counted.status, counted.label, counted.count))
            .collect();
        assert_eq!(
            counted,
            [("a", 409, "Y".into(), 1), ("b", 200, "X".into(), 2), ("b", 202, "Z".into(), 1)]
        );
        assert_eq!((tally.answered_total(), tally.failed_total()), (4, 1));
        assert_eq!(tally.concluded_total(), 2);
    }
}
