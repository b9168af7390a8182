//! What can't be a request is refused with its own code, and leaves nothing behind.

use bytes::Bytes;
use hyper::Method;

use crate::client::{Answer, send_bytes, send_raw};
use crate::harness::Daybook;
use crate::store::Store;

const PAYMENTS: &str = "/api/v1/payments";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const UNKNOWN: &str = "7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";

/// A good authorization whose field is spelled otherwise, or left out where the text is empty.
fn with(field: &str, spelled: &str) -> String {
    let fields = [
        ("merchantId", r#""shop-1""#),
        ("amount", "1000"),
        ("currency", r#""EUR""#),
        ("idempotencyKey", r#""k1""#),
    ];
    let own = fields.map(|(name, good)| (name, if name == field { spelled } else { good }));
    let is_new = fields.iter().all(|(name, _)| *name != field);
    let more = is_new.then_some((field, spelled));
    let members: Vec<_> = own
        .into_iter()
        .chain(more)
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name:?}: {text}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

/// Bodies of an authorization, and the code that each is refused with as 400.
fn bodies() -> Vec<(Vec<u8>, &'static str)> {
    let quoted = |text: &str| format!("{text:?}");
    let long_merchant = quoted(&"m".repeat(33));
    let long_key = quoted(&"k".repeat(65));
    let fields = [
        ("currency", r#""ABC""#, "CURRENCY_UNKNOWN"),
        ("currency", r#""XXX""#, "CURRENCY_UNKNOWN"),
        ("currency", r#""eur""#, "CURRENCY_UNKNOWN"),
        ("currency", "978", "CURRENCY_UNKNOWN"),
        ("currency", "", "MISSING_FIELD"),
        ("amount", "0", "AMOUNT_INVALID"),
        ("amount", "-1", "AMOUNT_INVALID"),
        ("amount", "1.5", "AMOUNT_INVALID"),
        ("amount", "1e-3", "AMOUNT_INVALID"),
        ("amount", r#""10""#, "AMOUNT_INVALID"),
        ("amount", "null", "AMOUNT_INVALID"),
        ("amount", "", "MISSING_FIELD"),
        ("amount", "1000000000001", "AMOUNT_INVALID"),
        ("amount", "18446744073709551617", "AMOUNT_INVALID"),
        ("merchantId", r#""""#, "MERCHANT_ID_INVALID"),
        ("merchantId", &long_merchant, "MERCHANT_ID_INVALID"),
        ("merchantId", r#""shop\u0007""#, "MERCHANT_ID_INVALID"),
        ("merchantId", r#""schön""#, "MERCHANT_ID_INVALID"),
        ("merchantId", "", "MISSING_FIELD"),
        ("idempotencyKey", &long_key, "IDEMPOTENCY_KEY_INVALID"),
        ("idempotencyKey", r#""""#, "IDEMPOTENCY_KEY_INVALID"),
        ("idempotencyKey", "", "IDEMPOTENCY_KEY_REQUIRED"),
        ("captureMethod", r#""sometimes""#, "FIELD_INVALID"),
        ("colour", r#""red""#, "UNKNOWN_FIELD"),
    ];
    let by_field =
        fields.iter().map(|(field, spelled, code)| (with(field, spelled).into_bytes(), *code));
    let good = with("", "");
    let mut not_utf8 = with("reference", r#""?""#).into_bytes();
    let at = not_utf8.iter().position(|byte| *byte == b'?').unwrap();
    not_utf8[at] = 0xff;
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let whole = [
        (Vec::new(), "MALFORMED_JSON"),
        (good.trim_end_matches('}').into(), "MALFORMED_JSON"),
        (format!("{good}{good}").into(), "MALFORMED_JSON"),
        (with("amount", "1000, \"amount\": 1000").into(), "DUPLICATE_FIELD"),
        (format!("[{good}]").into(), "BODY_NOT_OBJECT"),
        (with("metadata", &deep).into(), "JSON_TOO_DEEP"),
        (not_utf8, "BODY_NOT_UTF8"),
    ];
    by_field.chain(whole).collect()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.text_field("code").as_str()),
        (status, code),
        "{what}: {}",
        answer.text
    );
    assert!(!answer.text_field("message").is_empty(), "{what}: {}", answer.text);
}

pub(crate) async fn bad_input_is_refused_precisely(store: Store) {
    let daybook = Daybook::start(store, &[]).await;
    for (body, code) in bodies() {
        let what: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        let sent =
            send_bytes(&daybook.address, Method::POST, PAYMENTS, JSON, Bytes::from(body)).await;
        refused(&sent.unwrap(), 400, code, &what);
    }
    content_is_checked(&daybook).await;
    size_is_checked(&daybook).await;
    routes_are_checked(&daybook).await;
    let found = daybook.verify().await;
    assert!(found.starts_with("0 payments, 0 operations open"), "{found}");
    assert!(found.contains("\n0 events "), "{found}");
    let list = daybook.get(PAYMENTS).await.expect(200);
    assert_eq!(list.field("items"), serde_json::json!([]), "{}", list.text);
    // The same request is taken once it is right: none of the refusals used its key.
    let body = Bytes::from(with("", ""));
    let good = send_bytes(&daybook.address, Method::POST, PAYMENTS, JSON, body).await.unwrap();
    assert_eq!(good.expect(201).header("idempotency-replayed"), "");
}

async fn content_is_checked(daybook: &Daybook) {
    let tables: [&[(&str, &str)]; 4] = [
        &[],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=iso-8859-1")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
    ];
    for headers in tables {
        let body = Bytes::from(with("", ""));
        let sent = send_bytes(&daybook.address, Method::POST, PAYMENTS, headers, body).await;
        refused(&sent.unwrap(), 415, "UNSUPPORTED_MEDIA_TYPE", &format!("{headers:?}"));
    }
}

async fn size_is_checked(daybook: &Daybook) {
    let padded = |bytes: usize| {
        let body = with("", "");
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let body = Bytes::from(padded(160 * 1024 + 1));
    let sent = send_bytes(&daybook.address, Method::POST, PAYMENTS, JSON, body).await.unwrap();
    refused(&sent, 413, "BODY_TOO_LARGE", "160 KiB and a byte");
    let head = format!(
        "POST {PAYMENTS} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/json\r\n",
        daybook.address
    );
    // Announced alone: the answer doesn't wait for the bytes.
    let announced = format!("{head}content-length: 10000000\r\n\r\n{{");
    let answer = send_raw(&daybook.address, announced.as_bytes()).await;
    refused(&answer, 413, "BODY_TOO_LARGE", "content-length: 10000000");
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    for _ in 0..21 {
        chunked.push_str(&format!("{:x}\r\n{}\r\n", 8192, " ".repeat(8192)));
    }
    chunked.push_str("0\r\n\r\n");
    let answer = send_raw(&daybook.address, chunked.as_bytes()).await;
    refused(&answer, 413, "BODY_TOO_LARGE", "chunks of 168 KiB");
    // At the bound a body is read whole: this one is refused for what it says.
    let body = Bytes::from(padded(160 * 1024).replace("1000", "   0"));
    let sent = send_bytes(&daybook.address, Method::POST, PAYMENTS, JSON, body).await.unwrap();
    refused(&sent, 400, "AMOUNT_INVALID", "160 KiB");
}

async fn routes_are_checked(daybook: &Daybook) {
    for id in [UNKNOWN, "nonsense", "7f6d8f0e5a528c1e9d3b0123456789ab"] {
        let path = format!("{PAYMENTS}/{id}");
        refused(&daybook.get(&path).await, 404, "PAYMENT_NOT_FOUND", &path);
        for verb in ["captures", "voids", "refunds", "cancellations"] {
            let path = format!("{path}/{verb}");
            let answer = daybook.post(&path, serde_json::json!({})).await;
            refused(&answer, 404, "PAYMENT_NOT_FOUND", &path);
        }
    }
    let table = [
        (Method::PUT, PAYMENTS.to_owned(), "GET, HEAD, POST, OPTIONS"),
        (Method::DELETE, format!("{PAYMENTS}/{UNKNOWN}"), "GET, HEAD, OPTIONS"),
        (Method::GET, format!("{PAYMENTS}/{UNKNOWN}/captures"), "POST, OPTIONS"),
        (Method::POST, "/healthz".to_owned(), "GET, HEAD, OPTIONS"),
    ];
    for (method, path, allowed) in table {
        let answer = daybook.send(method.clone(), &path, &[], None).await.unwrap();
        refused(&answer, 405, "METHOD_NOT_ALLOWED", &format!("{method} {path}"));
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    for path in ["/", "/api/v2/payments", "/api/v1/payments/", "/API/v1/payments"] {
        refused(&daybook.get(path).await, 404, "ROUTE_NOT_FOUND", path);
    }
}
