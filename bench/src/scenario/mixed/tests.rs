//! The whole scenario against a small payment server, sound and with one fault at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::{Method, Response};
use serde_json::json;

use super::*;
use crate::fake::{self, Asked};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    DuplicateHasSecondEffect,
    CapturesBeyondAuthorized,
    ForgetsACapture,
    ReplaysAnotherBody,
    RefusesWhatFits,
    CountsARefundTwice,
    RefusesARefundThatFits,
}

#[derive(Debug, Default)]
struct FakePayment {
    amount: u64,
    captures: Vec<u64>,
    refunds: Vec<u64>,
    voided: bool,
    events: Vec<&'static str>,
    answers: HashMap<String, (u16, String)>,
}

impl FakePayment {
    fn captured(&self) -> u64 {
        self.captures.iter().sum()
    }

    fn refunded(&self) -> u64 {
        self.refunds.iter().sum()
    }

    fn capturable(&self) -> u64 {
        if self.voided { 0 } else { self.amount.saturating_sub(self.captured()) }
    }

    fn body(&self, id: &str) -> Value {
        let operations = |amounts: &[u64]| -> Vec<Value> {
            amounts.iter().map(|a| json!({"amount": a, "status": "SUCCEEDED"})).collect()
        };
        let voids: &[u64] = if self.voided { &[0] } else { &[] };
        json!({
            "paymentId": id, "status": "ANY", "amountAuthorized": self.amount,
            "amountCapturable": self.capturable(), "amountCaptured": self.captured(),
            "amountRefunded": self.refunded(), "captures": operations(&self.captures),
            "refunds": operations(&self.refunds), "voids": operations(voids),
        })
    }

    fn events(&self) -> Value {
        let events: Vec<_> =
            self.events.iter().map(|kind| json!({"type": format!("payment.{kind}")})).collect();
        json!({"items": events})
    }

    /// Applies a command, or names why not.
    fn act(&mut self, verb: &str, amount: u64, fault: Fault) -> Result<(), &'static str> {
        match verb {
            "captures" => {
                if fault == Fault::RefusesWhatFits && amount == self.amount {
                    return Err("CAPTURE_EXCEEDS_AUTHORIZED");
                }
                if amount > self.capturable() && fault != Fault::CapturesBeyondAuthorized {
                    return Err("CAPTURE_EXCEEDS_AUTHORIZED");
                }
                self.captures.push(amount);
                self.events.extend(["capture_requested", "captured"]);
            }
            "refunds" => {
                if fault == Fault::RefusesARefundThatFits && amount == self.amount {
                    return Err("REFUND_EXCEEDS_CAPTURED");
                }
                if self.captured() < self.refunded() + amount {
                    return Err("REFUND_EXCEEDS_CAPTURED");
                }
                self.refunds.push(amount);
                self.events.extend(["refund_requested", "refunded"]);
                if fault == Fault::CountsARefundTwice {
                    self.refunds.push(amount);
                }
            }
            _ if self.voided => return Err("PAYMENT_VOIDED"),
            _ => {
                self.voided = true;
                self.events.extend(["void_requested", "voided"]);
            }
        }
        Ok(())
    }
}

fn answer(payments: &mut HashMap<String, FakePayment>, asked: &Asked, fault: Fault) -> Reply {
    let path: Vec<_> = asked.path.split('/').skip(4).collect();
    if asked.method == Method::GET {
        let payment = &payments[path[0]];
        let body = if path.len() > 1 { payment.events() } else { payment.body(path[0]) };
        return (200, body.to_string());
    }
    let command = asked.json();
    let key = command["idempotencyKey"].as_str().expect("a key").to_owned();
    let (id, verb) = match path.as_slice() {
        [] => (format!("id-{key}"), "authorize"),
        [id, verb] => ((*id).to_owned(), *verb),
        _ => panic!("{asked:?}"),
    };
    let amount = command["amount"].as_u64().unwrap_or(0);
    let payment = payments.entry(id.clone()).or_default();
    if let Some((status, body)) = payment.answers.get(&key) {
        match fault {
            Fault::DuplicateHasSecondEffect => payment.events.push("authorized"),
            Fault::ReplaysAnotherBody => return (*status, format!("{body} ")),
            _ => {}
        }
        return (*status, body.clone());
    }
    let status = if verb == "authorize" {
        payment.amount = amount;
        payment.events.extend(["authorization_requested", "authorized"]);
        201
    } else {
        if let Err(code) = payment.act(verb, amount, fault) {
            return (409, json!({"status": 409, "code": code}).to_string());
        }
        200
    };
    let body = payment.body(&id).to_string();
    payment.answers.insert(key, (status, body.clone()));
    if fault == Fault::ForgetsACapture && verb == "captures" && amount == payment.amount {
        payment.captures.retain(|captured| *captured != amount);
    }
    (status, body)
}

type Reply = (u16, String);

/// Two servers of one state. Every seventh request is refused first, so that clients have to repeat.
async fn servers(fault: Fault) -> [SocketAddr; 2] {
    let payments = Arc::new(Mutex::new(HashMap::new()));
    let asked_so_far = Arc::new(AtomicU64::new(0));
    let serve = || {
        let (payments, asked_so_far) = (payments.clone(), asked_so_far.clone());
        fake::serve(move |asked: Asked| -> Response<Full<Bytes>> {
            if asked_so_far.fetch_add(1, Ordering::Relaxed) % 7 == 3 {
                let mut refusal = fake::json(503, r#"{"status":503,"code":"QUEUE_FULL"}"#);
                refusal.headers_mut().insert("retry-after", "0".parse().expect("a header value"));
                return refusal;
            }
            let (status, body) =
                answer(&mut payments.lock().expect("no test panics inside"), &asked, fault);
            fake::json(status, body)
        })
    };
    [serve().await, serve().await]
}

async fn differences(fault: Fault) -> Vec<String> {
    let plan = Plan { requests: 1_000, in_flight: 64, seed: 11 };
    run(servers(fault).await[0], &plan).await.differences
}

async fn differences_of_rivals(fault: Fault) -> Vec<String> {
    let plan = Plan { requests: 2_000, in_flight: 32, seed: 11 };
    run_rivals(servers(fault).await, &plan).await.differences
}

#[tokio::test]
async fn a_sound_server_that_sometimes_refuses_shows_no_difference() {
    assert_eq!(differences(Fault::None).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_sound_servers_of_one_ledger_show_no_difference() {
    assert_eq!(differences_of_rivals(Fault::None).await, Vec::<String>::new());
}

/// With what sentence each is found.
const FOUND: [(Fault, &str); 7] = [
    (Fault::DuplicateHasSecondEffect, "events authorized or declined where 1 belong"),
    (Fault::CapturesBeyondAuthorized, "exceeds amountAuthorized"),
    (Fault::ForgetsACapture, "captures told to clients"),
    (Fault::ReplaysAnotherBody, "differ from its first"),
    (Fault::RefusesWhatFits, "was refused"),
    (Fault::CountsARefundTwice, "shows its effect twice"),
    (Fault::RefusesARefundThatFits, "was refused"),
];

fn assert_named(found: &[String], fault: Fault, sentence: &str) {
    assert!(found.iter().any(|found| found.contains(sentence)), "{fault:?}: {found:#?}");
}

#[tokio::test]
async fn every_fault_is_found_and_named() {
    for (fault, sentence) in FOUND {
        assert_named(&differences(fault).await, fault, sentence);
    }
}

#[tokio::test]
async fn every_fault_is_found_between_two_servers_too() {
    for (fault, sentence) in FOUND {
        assert_named(&differences_of_rivals(fault).await, fault, sentence);
    }
}
