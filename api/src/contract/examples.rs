//! Examples of bodies; a test holds each against its schema.

use serde_json::{Value, json};

use crate::error::ProblemBody;
use crate::problem::Problem;
use crate::route::Route;

pub(super) const PAYMENT_ID: &str = "7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";
pub(super) const AUTHORIZED: &str = include_str!("examples/authorized.json");
pub(super) const OLDER: &str = include_str!("examples/older.json");
/// After half of it was captured, part of that refunded, and the rest voided.
pub(super) const PAYMENT: &str = include_str!("examples/payment.json");
pub(super) const SETTLEMENTS: &str = include_str!("examples/settlements.json");

/// What a client may send, each with what it does.
pub(super) const fn requests(route: Route) -> &'static [(&'static str, &'static str)] {
    match route {
        Route::Authorize => &[
            ("An authorization", AUTHORIZE),
            ("A sale", SALE),
            ("With texts", AUTHORIZE_WITH_TEXTS),
        ],
        Route::Capture => &[
            ("A part", r#"{"amount": 500, "idempotencyKey": "order-4711-parcel-1"}"#),
            ("All that is left", "{}"),
            (
                "The last part",
                r#"{"amount": 300, "final": true, "idempotencyKey": "order-4711-parcel-2"}"#,
            ),
        ],
        Route::Void => &[("All that is left", r#"{"idempotencyKey": "order-4711-cancelled"}"#)],
        Route::Refund => &[
            (
                "A part",
                r#"{"amount": 200, "reason": "one item came back", "idempotencyKey": "return-17"}"#,
            ),
            ("All that is left", r#"{"merchantId": "shop-1"}"#),
        ],
        Route::Cancel => &[
            ("An order that is called off", r#"{"idempotencyKey": "order-4711-called-off"}"#),
            ("What it would do", r#"{"dryRun": true}"#),
        ],
        Route::AuthorizeBatch => &[("Two authorizations", AUTHORIZE_BATCH)],
        Route::OlderAuthorize => &[("An authorization", AUTHORIZE)],
        Route::OlderCapture => &[("All that is left", r#"{"merchantId": "shop-1"}"#)],
        Route::OlderRefund => {
            &[("All that is left", r#"{"merchantId": "shop-1", "reason": "returned"}"#)]
        }
        _ => &[],
    }
}

const AUTHORIZE: &str = r#"{"merchantId": "shop-1", "amount": 1000, "currency": "EUR", "idempotencyKey": "order-4711"}"#;
const SALE: &str = r#"{"merchantId": "shop-1", "amount": 2500, "currency": "JPY", "idempotencyKey": "order-4712", "captureMethod": "automatic"}"#;
const AUTHORIZE_WITH_TEXTS: &str = r#"{"merchantId": "shop-1", "amount": 1000, "currency": "EUR", "idempotencyKey": "order-4713", "paymentMethod": {"token": "tok-visa"}, "reference": "order 4713", "metadata": {"basket": "b-9"}}"#;

const AUTHORIZE_BATCH: &str = r#"{"items": [{"merchantId": "shop-1", "amount": 1000, "currency": "EUR", "idempotencyKey": "order-4714"}, {"merchantId": "shop-2", "amount": 500, "currency": "JPY", "idempotencyKey": "order-4715"}]}"#;

/// The examples are the code's own and are read by every test, so one that is no JSON never gets far.
pub(super) fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

pub(super) fn problem(problem: &'static Problem) -> Value {
    json!(ProblemBody::of(problem, problem.title))
}
