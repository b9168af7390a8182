//! Everything at once: each request has its one effect, whatever is refused and repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::flows::{authorization, authorized};
use crate::harness::{Answer, Daybook, PATIENCE, tally};
use crate::store::Store;

const SEED: u64 = 20_261_124;
const IN_FLIGHT: usize = 200;
const DUPLICATES: usize = 100;
const CAPTURES: usize = 60;
/// Payments of each way to go; with the requests above they make 1,000.
const EACH: usize = 93;
const MORE_AUTHORIZATIONS: usize = 3;

/// What one client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Duplicate,
    CompetingCapture,
    Authorize,
    Void,
    PartialRefund,
    Refund,
}

impl Way {
    const fn status(self) -> &'static str {
        match self {
            Self::Duplicate | Self::CompetingCapture | Self::Authorize => "AUTHORIZED",
            Self::Void => "VOIDED",
            Self::PartialRefund => "PARTIALLY_REFUNDED",
            Self::Refund => "REFUNDED",
        }
    }

    /// The verbs after the authorization, in order.
    const fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Duplicate | Self::CompetingCapture | Self::Authorize => &[],
            Self::Void => &["void"],
            Self::PartialRefund | Self::Refund => &["capture", "refund"],
        }
    }
}

struct Clients {
    daybook: Daybook,
    in_flight: Semaphore,
    /// The payment that captures compete for.
    contested: String,
}

impl Clients {
    /// Sends until the answer is no 429 or 503, and waits as long as each of these says.
    async fn send(&self, path: &str, body: &Value) -> Answer {
        let headers = [("prefer", "wait=30")];
        let give_up = Instant::now() + PATIENCE;
        loop {
            let permit = self.in_flight.acquire().await.unwrap();
            let answer = self.daybook.post_with(path, &headers, body.clone()).await;
            drop(permit);
            if answer.status != 429 && answer.status != 503 {
                return answer;
            }
            assert!(Instant::now() < give_up, "{path} stays refused: {}", answer.text);
            let after: u64 = answer.header("retry-after").parse().unwrap();
            sleep(Duration::from_secs(after)).await;
        }
    }

    /// The last answer of a client's way.
    async fn go(&self, way: Way, number: usize) -> Answer {
        let payments = "/api/v1/payments";
        let key = format!("n{number}");
        match way {
            Way::Duplicate => return self.send(payments, &authorization("same", 1000)).await,
            Way::CompetingCapture => {
                let path = format!("{payments}/{}/captures", self.contested);
                let body = json!({"amount": 70, "idempotencyKey": key});
                return self.send(&path, &body).await;
            }
            Way::Authorize | Way::Void | Way::PartialRefund | Way::Refund => {}
        }
        let answer = self.send(payments, &authorization(&key, 1000)).await.expect(201);
        let path = format!("{payments}/{}", answer.text_field("paymentId"));
        let part = json!({"amount": 400, "idempotencyKey": format!("{key}-r")});
        let (captures, refunds) = (format!("{path}/captures"), format!("{path}/refunds"));
        match way {
            Way::Void => self.send(&format!("{path}/voids"), &json!({})).await.expect(200),
            Way::PartialRefund | Way::Refund => {
                self.send(&captures, &json!({})).await.expect(200);
                let body = if way == Way::Refund { json!({}) } else { part };
                self.send(&refunds, &body).await.expect(200)
            }
            Way::Authorize | Way::Duplicate | Way::CompetingCapture => answer,
        }
    }
}

fn plan() -> Vec<Way> {
    let counts = [
        (Way::Duplicate, DUPLICATES),
        (Way::CompetingCapture, CAPTURES),
        (Way::Authorize, EACH + MORE_AUTHORIZATIONS),
        (Way::Void, EACH),
        (Way::PartialRefund, EACH),
        (Way::Refund, EACH),
    ];
    let mut plan: Vec<_> =
        counts.iter().flat_map(|(way, count)| std::iter::repeat_n(*way, *count)).collect();
    let is_flow = |way: &&Way| !matches!(way, Way::Duplicate | Way::CompetingCapture);
    let flows = plan.iter().filter(is_flow).map(|way| 1 + way.verbs().len()).sum::<usize>();
    assert_eq!(DUPLICATES + CAPTURES + flows, 1000);
    plan.shuffle(&mut StdRng::seed_from_u64(SEED));
    plan
}

pub(crate) async fn mixed_traffic_has_one_effect_each(store: Store) {
    // Small enough for refusals at the bound, which clients repeat.
    let flags = ["--queue-max=100", "--simulator-latency-ms=0..20", "--fee-bps=290"];
    let daybook = Daybook::start(store, &flags).await;
    let contested = authorized(&daybook, "contested", 1000).await;
    let clients = Arc::new(Clients { daybook, in_flight: Semaphore::new(IN_FLIGHT), contested });
    let mut running = Vec::new();
    for (number, way) in plan().into_iter().enumerate() {
        let clients = clients.clone();
        running.push((way, tokio::spawn(async move { clients.go(way, number).await })));
    }
    let mut answers = BTreeMap::<Way, Vec<Answer>>::new();
    for (way, client) in running {
        answers.entry(way).or_default().push(client.await.unwrap());
    }
    let daybook = &clients.daybook;
    let captures = tally(&answers.remove(&Way::CompetingCapture).unwrap());
    assert_eq!(captures.into_iter().collect::<Vec<_>>(), [(200, 14), (409, 46)], "seed {SEED}");
    let contested = daybook.payment(&clients.contested).await;
    assert_eq!(contested.field("amountCaptured"), 980, "{}", contested.text);
    let same = answers.get(&Way::Duplicate).unwrap();
    let texts: BTreeSet<_> = same.iter().map(|answer| &answer.text).collect();
    assert_eq!(texts.len(), 1, "seed {SEED}: {texts:#?}");
    let is_original = |answer: &&Answer| answer.header("idempotency-replayed").is_empty();
    assert_eq!(same.iter().filter(is_original).count(), 1, "seed {SEED}");
    let mut ids = BTreeSet::from([clients.contested.clone()]);
    for (way, answers) in &answers {
        for answer in answers {
            let id = answer.text_field("paymentId");
            one_effect(daybook, *way, &id).await;
            ids.insert(id);
        }
    }
    let found = daybook.verify_until(" 0 operations open").await;
    assert!(found.starts_with(&format!("{} payments, ", ids.len())), "{found}");
    assert_eq!(ids.len(), 1 + 1 + 4 * EACH + MORE_AUTHORIZATIONS, "seed {SEED}");
}

/// Each verb of the way stands in the payment once, with its outcome.
async fn one_effect(daybook: &Daybook, way: Way, id: &str) {
    let payment = daybook.payment(id).await.expect(200);
    assert_eq!(payment.field("status"), way.status(), "{way:?}, seed {SEED}: {}", payment.text);
    let mut expected = vec!["authorization_requested", "authorized"];
    for verb in way.verbs() {
        expected.extend(match *verb {
            "void" => ["void_requested", "voided"],
            "capture" => ["capture_requested", "captured"],
            _ => ["refund_requested", "refunded"],
        });
    }
    assert_eq!(daybook.event_types(id).await, expected, "{way:?}, seed {SEED}");
}
