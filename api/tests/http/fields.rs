//! Every field, and what it refuses.

use crate::client::{post, request};
use crate::fixture::{AUTHORIZE, serve};
use crate::stand_in::Script;

/// Sends an authorization with one field changed; answers status, code, field and message.
async fn refused(name: &str, value: &str) -> (u16, String, String, String) {
    let mut body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(AUTHORIZE).unwrap();
    body.remove(name);
    let rest = serde_json::to_string(&body).unwrap();
    let body = format!("{{\"{name}\":{value},{}", &rest[1..]);
    let served = serve(Script::Approve).await;
    let answer = served.post("/api/v1/payments", &body).await;
    assert!(served.engine.authorizations.lock().unwrap().is_empty() || answer.status == 201);
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("detail"), text("message"), "{json}");
    (answer.status, text("code"), text("field"), text("message"))
}

#[tokio::test]
async fn every_wrong_amount_is_refused_with_its_own_message() {
    let table = [
        ("0", "must be at least 1 minor unit, not 0"),
        ("-1", "must not be negative"),
        ("-99999999999999999999", "must not be negative"),
        ("10.5", "without a fraction"),
        ("1.0000001", "without a fraction"),
        ("1e-3", "without a fraction"),
        ("-0", "must be at least 1 minor unit, not 0"),
        ("\"1000\"", "not a string"),
        ("null", "not null"),
        ("true", "but is a boolean"),
        ("[1]", "but is an array"),
        ("{}", "but is an object"),
        ("1000000000001", "must be at most 1000000000000 minor units"),
        ("9223372036854775807", "must be at most 1000000000000 minor units"),
        ("9223372036854775808", "must be at most 1000000000000 minor units"),
        ("1000000000000000000000000000000", "must be at most 1000000000000 minor units"),
    ];
    for (amount, message) in table {
        let (status, code, field, said) = refused("amount", amount).await;
        let found = (status, code.as_str(), field.as_str());
        assert_eq!(found, (400, "AMOUNT_INVALID", "amount"), "{amount}: {said}");
        assert!(said.contains(message), "{amount}: {said}");
    }
    assert_eq!(refused("amount", "1000000000000").await.0, 201, "the largest amount");
    assert_eq!(refused("amount", "1").await.0, 201, "the smallest amount");
    assert_eq!(refused("amount", "1000.0").await.0, 201, "a whole number, however it is written");
}

#[tokio::test]
async fn every_wrong_field_is_refused_and_named() {
    let long = |len: usize| format!("\"{}\"", "x".repeat(len));
    let pairs: Vec<_> = (0..21).map(|n| format!("\"{n}\":\"\"")).collect();
    let many = format!("{{{}}}", pairs.join(","));
    let table: &[(&str, &str, &str, &str)] = &[
        ("merchantId", "\"\"", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId", &long(33), "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId", "\"a\\u0007\"", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId", "\"é\"", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId", "7", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId", "null", "MISSING_FIELD", "merchantId"),
        ("currency", "\"EURO\"", "CURRENCY_UNKNOWN", "currency"),
        ("currency", "\"eur\"", "CURRENCY_UNKNOWN", "currency"),
        ("currency", "\"XXX\"", "CURRENCY_UNKNOWN", "currency"),
        ("currency", "\"XAU\"", "CURRENCY_UNKNOWN", "currency"),
        ("currency", "978", "CURRENCY_UNKNOWN", "currency"),
        ("currency", "null", "MISSING_FIELD", "currency"),
        ("idempotencyKey", "\"\"", "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("idempotencyKey", &long(65), "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("idempotencyKey", "\"a\\nb\"", "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("idempotencyKey", "{}", "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("idempotencyKey", "null", "IDEMPOTENCY_KEY_REQUIRED", "idempotencyKey"),
        ("captureMethod", "\"later\"", "FIELD_INVALID", "captureMethod"),
        ("captureMethod", "1", "FIELD_INVALID", "captureMethod"),
        ("paymentMethod", "\"tok\"", "FIELD_INVALID", "paymentMethod"),
        ("paymentMethod", "{}", "MISSING_FIELD", "paymentMethod.token"),
        ("paymentMethod", "{\"token\":\"\"}", "FIELD_INVALID", "paymentMethod.token"),
        ("paymentMethod", "{\"token\":1}", "FIELD_INVALID", "paymentMethod.token"),
        ("paymentMethod", "{\"token\":\"t\",\"x\":1}", "UNKNOWN_FIELD", "paymentMethod.x"),
        ("reference", "\"\"", "FIELD_INVALID", "reference"),
        ("reference", &long(129), "FIELD_INVALID", "reference"),
        ("reference", "\"a\\u0000\"", "FIELD_INVALID", "reference"),
        ("reference", "\"a\\u0085\"", "FIELD_INVALID", "reference"),
        ("metadata", "[]", "FIELD_INVALID", "metadata"),
        ("metadata", "{\"\":\"x\"}", "FIELD_INVALID", "metadata"),
        ("metadata", "{\"a\":1}", "FIELD_INVALID", "metadata.a"),
        ("metadata", "{\"a\":null}", "FIELD_INVALID", "metadata.a"),
        ("metadata", "{\"a\":\"\\t\"}", "FIELD_INVALID", "metadata.a"),
        ("metadata", &format!("{{\"a\":{}}}", long(501)), "FIELD_INVALID", "metadata.a"),
        ("metadata", &format!("{{{}:\"\"}}", long(41)), "FIELD_INVALID", "metadata"),
        ("metadata", &many, "FIELD_INVALID", "metadata"),
        ("amuont", "1", "UNKNOWN_FIELD", "amuont"),
        ("dryRun", "\"yes\"", "FIELD_INVALID", "dryRun"),
        ("dryRun", "1", "FIELD_INVALID", "dryRun"),
    ];
    for (name, value, code, field) in table {
        let (status, found, at, said) = refused(name, value).await;
        assert_eq!((status, found.as_str(), at.as_str()), (400, *code, *field), "{value}: {said}");
    }
    assert!(refused("amuont", "1").await.3.contains("merchantId, amount, currency"));
}

#[tokio::test]
async fn the_longest_texts_are_taken_whole() {
    let name = "é".repeat(40);
    let value = "ß".repeat(500);
    let reference = "漢".repeat(128);
    let body = format!(
        r#"{{"merchantId":"{m}","amount":1,"currency":"JPY","idempotencyKey":"{k}",
            "paymentMethod":{{"token":"{t}"}},"reference":"{reference}",
            "metadata":{{"z":"","{name}":"{value}"}},"captureMethod":null}}"#,
        m = "m".repeat(32),
        k = "k".repeat(64),
        t = "t".repeat(128),
    );
    let served = serve(Script::Approve).await;
    let answer = served.post("/api/v1/payments", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let asked = served.engine.authorizations.lock().unwrap()[0].clone();
    assert_eq!(asked.reference.as_deref(), Some(reference.as_str()));
    let sorted = format!(r#"{{"z":"","{name}":"{value}"}}"#);
    assert_eq!(asked.metadata.as_deref(), Some(sorted.as_str()));
}

#[tokio::test]
async fn the_key_comes_from_header_or_body_but_only_one() {
    let without = AUTHORIZE.replace(r#","idempotencyKey":"k-1""#, "");
    let long = format!("idempotency-key: {}\r\n", "k".repeat(65));
    let table = [
        (AUTHORIZE, "", 201, ""),
        (AUTHORIZE, "idempotency-key: k-1\r\n", 201, ""),
        (&without, "idempotency-key: k-1\r\n", 201, ""),
        (AUTHORIZE, "idempotency-key: k-2\r\n", 400, "IDEMPOTENCY_KEY_MISMATCH"),
        (&without, "idempotency-key: a\r\nidempotency-key: b\r\n", 400, "IDEMPOTENCY_KEY_MISMATCH"),
        (&without, "", 400, "IDEMPOTENCY_KEY_REQUIRED"),
        (&without, "idempotency-key:\r\n", 400, "IDEMPOTENCY_KEY_INVALID"),
        (&without, "idempotency-key: k\u{e9}\r\n", 400, "IDEMPOTENCY_KEY_INVALID"),
        (&without, &long, 400, "IDEMPOTENCY_KEY_INVALID"),
    ];
    for path in ["/api/v1/payments", "/api/payments/authorize"] {
        for (body, header, status, code) in table {
            let served = serve(Script::Approve).await;
            let answer = served.send(&post(path, header, body)).await;
            let expected = if path == "/api/v1/payments" || status != 201 { status } else { 200 };
            assert_eq!(answer.status, expected, "{path} {header} {body} {answer:?}");
            if status == 400 {
                assert_eq!(answer.code(), code, "{path} {header} {body}");
            } else {
                let asked = served.engine.authorizations.lock().unwrap()[0].clone();
                assert_eq!(asked.key.as_str(), "k-1");
            }
        }
    }
}

#[tokio::test]
async fn captures_voids_and_refunds_need_no_body_and_refuse_what_they_do_not_know() {
    let table = [
        ("/captures", "{\"amount\":0}", "AMOUNT_INVALID"),
        ("/captures", "{\"amount\":null}", "AMOUNT_INVALID"),
        ("/captures", "{\"final\":\"yes\"}", "FIELD_INVALID"),
        ("/captures", "{\"reason\":\"x\"}", "UNKNOWN_FIELD"),
        ("/captures", "{\"amount\":1}", "IDEMPOTENCY_KEY_REQUIRED"),
        ("/voids", "{\"amount\":1}", "UNKNOWN_FIELD"),
        ("/refunds", "{\"final\":true}", "UNKNOWN_FIELD"),
        ("/refunds", "{\"reason\":\"\"}", "FIELD_INVALID"),
        ("/refunds", "{\"amount\":1}", "IDEMPOTENCY_KEY_REQUIRED"),
        ("/cancellations", "{\"amount\":1}", "UNKNOWN_FIELD"),
        ("/cancellations", "{\"final\":true}", "UNKNOWN_FIELD"),
        ("/cancellations", "{\"reason\":\"\"}", "FIELD_INVALID"),
        ("/cancellations", "{\"reason\":1}", "FIELD_INVALID"),
        ("/cancellations", "{\"merchantId\":\"\"}", "MERCHANT_ID_INVALID"),
        ("/cancellations", "{\"idempotencyKey\":[]}", "IDEMPOTENCY_KEY_INVALID"),
        ("/cancellations", "[]", "BODY_NOT_OBJECT"),
        ("/captures", "{\"dryRun\":1}", "FIELD_INVALID"),
        ("/voids", "{\"dryRun\":\"true\"}", "FIELD_INVALID"),
        ("/refunds", "{\"dryRun\":{}}", "FIELD_INVALID"),
        ("/cancellations", "{\"dryRun\":[]}", "FIELD_INVALID"),
        ("/captures", "{\"dryrun\":true}", "UNKNOWN_FIELD"),
    ];
    let served = serve(Script::Approve).await;
    assert_eq!(served.authorize().await.status, 201);
    for (end, body, code) in table {
        let answer = served.post_to_payment(end, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{end} {body}");
        assert_eq!(answer.json()["paymentId"], crate::stand_in::PAYMENT_ID, "{answer:?}");
    }
    let path = format!("/api/v1/payments/{}/captures", crate::stand_in::PAYMENT_ID);
    let answer = served.send(&request("POST", &path, "", b"")).await;
    assert_eq!(answer.status, 200, "no body and no type: {answer:?}");
}

#[tokio::test]
async fn a_valid_traceparent_reaches_the_engine() {
    let served = serve(Script::Approve).await;
    let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (sent, kept) in [(valid, Some(valid)), ("00-nonsense", None)] {
        let header = format!("traceparent: {sent}\r\n");
        served.send(&post("/api/v1/payments", &header, AUTHORIZE)).await;
        let asked = served.engine.authorizations.lock().unwrap().last().cloned().unwrap();
        assert_eq!(asked.traceparent.as_deref(), kept, "{sent}");
    }
}
