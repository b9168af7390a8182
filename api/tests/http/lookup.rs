//! Finding a payment by merchant and key, over HTTP.

use crate::fixture::serve;
use crate::stand_in::Script;

const PATH: &str = "/api/v1/payments/lookup";

#[tokio::test]
async fn a_payment_is_found_by_the_merchant_and_key_that_created_it() {
    let served = serve(Script::Approve).await;
    let query = "merchantId=shop-1&idempotencyKey=k%2D1";
    let early = served.get(&format!("{PATH}?{query}")).await;
    assert_eq!((early.status, early.code()), (404, "PAYMENT_NOT_FOUND".to_owned()));
    let created = served.authorize().await;
    let found = served.get(&format!("{PATH}?{query}")).await;
    assert_eq!((found.status, &found.body), (200, &created.body));
    for other in ["merchantId=shop-2&idempotencyKey=k-1", "merchantId=shop-1&idempotencyKey=k-2"] {
        let missing = served.get(&format!("{PATH}?{other}")).await;
        assert_eq!((missing.status, missing.code()), (404, "PAYMENT_NOT_FOUND".to_owned()));
    }
}

#[tokio::test]
async fn a_lookup_needs_a_valid_merchant_and_key_and_nothing_else() {
    let served = serve(Script::Approve).await;
    for (query, code, field) in [
        ("", "PARAMETER_INVALID", "merchantId"),
        ("merchantId=shop-1", "PARAMETER_INVALID", "idempotencyKey"),
        ("idempotencyKey=k-1", "PARAMETER_INVALID", "merchantId"),
        ("merchantId=&idempotencyKey=k-1", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchantId=shop-1&idempotencyKey=", "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("merchantId=shop-1&idempotencyKey=%00", "IDEMPOTENCY_KEY_INVALID", "idempotencyKey"),
        ("merchantId=a&merchantId=b&idempotencyKey=k", "PARAMETER_INVALID", "merchantId"),
        ("merchantId=shop-1&idempotencyKey=k&x=1", "UNKNOWN_PARAMETER", "x"),
    ] {
        let answer = served.get(&format!("{PATH}?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
        assert_eq!(answer.json()["field"], field, "{query}");
    }
}
