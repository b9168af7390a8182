//! A client that repeats what it may repeat, until there is an outcome or its patience ends.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use crate::client::{Answer, Connection};
use crate::tally::SharedTally;

const PATIENCE: Duration = Duration::from_secs(120);
/// Before a repeat that no Retry-After puts off.
const SOON: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(super) enum Call {
    Get { path: Uri },
    Post { path: Uri, body: Bytes },
}

#[derive(Clone, Debug)]
pub(super) enum Ending {
    Answered(Answer),
    GaveUp(String),
    /// There was no payment to ask for.
    NotSent,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(f, "answered {} {}", answer.status, answer.label()),
            Self::GaveUp(why) => f.write_str(why),
            Self::NotSent => f.write_str("not sent: its authorization gave no payment id"),
        }
    }
}

/// Repeats a request without an outcome under the same key, and counts every answer.
pub(super) async fn ending(
    connection: &mut Connection,
    call: &Call,
    step: &'static str,
    rng: &mut StdRng,
    tally: &SharedTally,
) -> Ending {
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = match call {
            Call::Get { path } => connection.get(path).await,
            Call::Post { path, body } => connection.post(path, body.clone()).await,
        };
        tally.record(step, asked.elapsed(), &answer);
        let (pause, why) = match answer {
            Ok(answer) if !asks_for_a_repeat(&answer) => return Ending::Answered(answer),
            Ok(answer) => (
                answer.retry_after.unwrap_or(SOON),
                format!("{} {}", answer.status, answer.label()),
            ),
            Err(error) => (SOON, error.to_string()),
        };
        if begun.elapsed() + pause > PATIENCE {
            return Ending::GaveUp(format!("no outcome within {PATIENCE:?}, at last: {why}"));
        }
        sleep(jittered(pause, rng)).await;
    }
}

/// Pending, overloaded, or in the way of an open operation.
const fn asks_for_a_repeat(answer: &Answer) -> bool {
    match answer.status {
        202 | 429 | 503 => true,
        409 => answer.retry_after.is_some(),
        _ => false,
    }
}

/// Never sooner than asked, and up to half as long again: repeats must not come in waves.
fn jittered(pause: Duration, rng: &mut StdRng) -> Duration {
    let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    pause + Duration::from_millis(rng.random_range(0..=millis / 2 + 20))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use rand::SeedableRng as _;

    use super::*;
    use crate::fake::{self, json};

    fn call() -> Call {
        Call::Post { path: Uri::from_static("/api/v1/payments"), body: Bytes::from_static(b"{}") }
    }

    #[tokio::test]
    async fn a_refused_request_is_repeated_no_sooner_than_retry_after() {
        let asked = AtomicU32::new(0);
        let server = fake::serve(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => {
                let mut response = json(503, r#"{"code":"QUEUE_FULL"}"#);
                response.headers_mut().insert("retry-after", "1".parse().unwrap());
                response
            }
            1 => json(202, r#"{"status":"AUTHORIZING"}"#),
            _ => json(201, r#"{"status":"AUTHORIZED"}"#),
        });
        let mut connection = Connection::new(server.await);
        let (tally, begun) = (SharedTally::new(), Instant::now());
        let mut rng = StdRng::seed_from_u64(1);
        let ending = ending(&mut connection, &call(), "authorize", &mut rng, &tally).await;
        let Ending::Answered(answer) = ending else { panic!("{ending:?}") };
        assert_eq!(answer.status, 201);
        assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(tally.lock().answered_total(), 3);
    }

    #[test]
    fn a_conflict_is_final_unless_it_says_when_to_try_again() {
        let answer = |status, retry_after| Answer { status, retry_after, body: Bytes::new() };
        let cases = [
            (answer(409, None), false),
            (answer(409, Some(SOON)), true),
            (answer(429, None), true),
            (answer(503, None), true),
            (answer(202, None), true),
            (answer(200, None), false),
            (answer(500, Some(SOON)), false),
        ];
        for (answer, repeated) in cases {
            assert_eq!(asks_for_a_repeat(&answer), repeated, "{answer:?}");
        }
    }

    #[test]
    fn jitter_only_adds_and_is_bounded() {
        let mut rng = StdRng::seed_from_u64(5);
        let pause = Duration::from_secs(1);
        let jittered: Vec<_> = (0..100).map(|_| jittered(pause, &mut rng)).collect();
        let (least, most) = (jittered.iter().min().unwrap(), jittered.iter().max().unwrap());
        assert!(*least >= pause && *most <= Duration::from_millis(1_520), "{least:?} {most:?}");
        assert!(least < most);
    }
}
