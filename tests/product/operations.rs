//! What needs people is listed, and what they found out is recorded.

use serde_json::{Value, json};

use crate::flows::{authorization, authorized};
use crate::harness::{Daybook, IMPATIENT};
use crate::store::Store;

/// Whatever is open is flagged at once.
const FLAGGED: &str = "--flag-after-s=0";
/// A capture of this amount is cut, and with this schedule nobody asks what became of it.
const CUT: i64 = 999_000_020;
const FLAGS: &[&str] = &[
    "--acquirer-timeout-ms=400",
    "--acquirer-send-window-ms=4000",
    "--acquirer-processing-ms=600",
    "--inquiry-schedule-ms=3600000",
];

async fn run(daybook: &Daybook, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = daybook.command(command, arguments).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

async fn listed(daybook: &Daybook, arguments: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = [FLAGGED, "--json"].iter().chain(arguments).copied().collect();
    let output = daybook.command("operations list", &all).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A payment with a capture that is open and stays so; the ids of both.
async fn stuck(daybook: &Daybook) -> (String, String) {
    let id = authorized(daybook, "k1", 999_500_000).await;
    let path = format!("/api/v1/payments/{id}/captures");
    let body = json!({"amount": CUT, "idempotencyKey": "cut"});
    daybook.post_with(&path, &[("prefer", "wait=0")], body).await.expect(202);
    let unknown = |list: &Value| list["items"].to_string().contains("UNKNOWN");
    daybook.list_until("/api/v1/operations", unknown).await;
    let open = listed(daybook, &["--open"]).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((&open[0]["needsPeople"], &open[0]["verb"]), (&json!("open"), &json!("capture")));
    assert_eq!(open[0]["paymentId"], json!(id));
    (id, open[0]["operationId"].as_str().unwrap().to_owned())
}

pub(crate) async fn an_operation_that_stays_open_is_listed_and_resolved(store: Store) {
    let daybook = Daybook::start(store, FLAGS).await;
    let (payment, operation) = stuck(&daybook).await;
    assert_eq!(listed(&daybook, &["--late"]).await, Vec::<Value>::new());
    assert_eq!(listed(&daybook, &["--verb=refund"]).await, Vec::<Value>::new());
    assert_eq!(listed(&daybook, &["--merchant-id=shop-2"]).await, Vec::<Value>::new());
    let (code, said) = run(&daybook, "operations list", &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("0 open for too long"), "a day has not passed: {said}");

    let by = ["--by=ann", "--why=in the acquirer's file of the 25th", "--transaction-id=t-77"];
    let arguments = |more: &[&'static str]| -> Vec<&str> {
        [payment.as_str(), operation.as_str()].iter().chain(&by).chain(more).copied().collect()
    };
    let too_early = arguments(&["--outcome=succeeded"]);
    let (code, said) = run(&daybook, "operations resolve", &too_early).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the workers still find out"), "{said}");
    let too_much = arguments(&["--outcome=succeeded", FLAGGED, "--amount=999000021"]);
    let (code, said) = run(&daybook, "operations resolve", &too_much).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--amount 999000021"), "{said}");

    let part = arguments(&["--outcome=succeeded", FLAGGED, "--amount=500"]);
    let (code, said) = run(&daybook, "operations resolve", &part).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("payment.captured") && said.contains("is resolved"), "{said}");
    let captured = daybook.reaches(&payment, &["PARTIALLY_CAPTURED"]).await;
    assert_eq!(captured.field("amountCaptured"), 500, "{}", captured.text);
    let capture = captured.field("captures/0");
    assert_eq!(capture["responseCode"], "RESOLVED");
    let message = "resolved by ann: in the acquirer's file of the 25th";
    assert_eq!(
        (&capture["responseMessage"], &capture["acquirerTransactionId"]),
        (&json!(message), &json!("t-77"))
    );

    // The ledger is never contradicted.
    let again = arguments(&["--outcome=failed", FLAGGED]);
    let (code, said) = run(&daybook, "operations resolve", &again).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("SUCCEEDED: the ledger is never contradicted"), "{said}");
    daybook.verify_until(", the views 0 events behind").await;
    assert_eq!(listed(&daybook, &[]).await, Vec::<Value>::new());
}

pub(crate) async fn a_failure_that_people_found_out_frees_the_amount(store: Store) {
    let daybook = Daybook::start(store, FLAGS).await;
    let (payment, operation) = stuck(&daybook).await;
    let arguments =
        [&*payment, &*operation, "--outcome=failed", "--by=ann", "--why=never came", FLAGGED];
    let (code, said) = run(&daybook, "operations resolve", &arguments).await;
    assert_eq!(code, Some(0), "{said}");
    let failed = daybook.reaches(&payment, &["CAPTURE_FAILED"]).await;
    assert_eq!(failed.field("amountCapturePending"), 0, "{}", failed.text);
    // The same process's remembered state does not stand in the way of the next request.
    let body = json!({"amount": 700, "idempotencyKey": "again"});
    let path = format!("/api/v1/payments/{payment}/captures");
    let captured = daybook.post_with(&path, &[("prefer", "wait=30")], body).await.expect(200);
    assert_eq!(captured.field("amountCaptured"), 700, "{}", captured.text);
    for (wrong, why) in [
        (["nonsense", &*operation], "is no payment id"),
        ([&*payment, "nonsense"], "OPERATION must be"),
        ([&*payment, &*payment], "has no operation"),
        ([&*operation, &*operation], "there is no payment"),
    ] {
        let arguments: Vec<&str> = wrong.iter().chain(&arguments[2..]).copied().collect();
        let (code, said) = run(&daybook, "operations resolve", &arguments).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
    daybook.verify_until(", the views 0 events behind").await;
}

pub(crate) async fn a_contradiction_that_people_have_seen_is_listed_no_more(store: Store) {
    let daybook = Daybook::start(store, IMPATIENT).await;
    let mut body = authorization("k1", 1000);
    body["paymentMethod"] = json!({"token": "tok_capture_contradicting_answer"});
    let id = daybook.post("/api/v1/payments", body).await.expect(201).text_field("paymentId");
    let capture = json!({"amount": 700, "idempotencyKey": "c1"});
    daybook.post(&format!("/api/v1/payments/{id}/captures"), capture).await.expect(200);
    let contradicted = |list: &Value| list["items"].to_string().contains(r#""late":"approved""#);
    daybook.list_until("/api/v1/operations", contradicted).await;
    let late = listed(&daybook, &["--late"]).await;
    assert_eq!(late.len(), 1, "{late:?}");
    assert_eq!((&late[0]["paymentId"], &late[0]["acknowledged"]), (&json!(id), &Value::Null));
    let operation = late[0]["operationId"].as_str().unwrap();

    let seen = [&*id, operation, "--by=ann", "--why=the money is booked"];
    let (code, said) = run(&daybook, "operations acknowledge", &seen).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(listed(&daybook, &[]).await, Vec::<Value>::new());
    let kept = listed(&daybook, &["--acknowledged"]).await;
    assert_eq!(kept[0]["acknowledged"]["by"], "ann", "{kept:?}");
    assert_eq!(kept[0]["acknowledged"]["why"], "the money is booked", "{kept:?}");
    let (_, said) = run(&daybook, "operations list", &["--acknowledged"]).await;
    assert!(said.contains("; acknowledged by ann at 20"), "{said}");

    let again = [&*id, operation, "--by=bob", "--why=me too"];
    let (code, said) = run(&daybook, "operations acknowledge", &again).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("acknowledged by ann"), "the first stays: {said}");
    let authorization = daybook.payment(&id).await.text_field("authorization/operationId");
    let other = [&*id, &*authorization, "--by=bob", "--why=me too"];
    let (code, said) = run(&daybook, "operations acknowledge", &other).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("that the acquirer contradicted"), "{said}");
    daybook.verify().await;
}
