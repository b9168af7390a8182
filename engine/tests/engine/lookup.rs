//! Finding a payment by the merchant and key that created it.

use daybook_engine::merchant::MerchantId;

use crate::stage::{LONG, Stage, authorize, authorized, body, capture, key};

#[tokio::test(start_paused = true)]
async fn a_payment_is_found_by_the_merchant_and_key_that_created_it_and_by_no_others() {
    let stage = Stage::new();
    let engine = stage.engine();
    let id = authorized(&engine, "order-1", 1000).await;
    engine.capture(capture(id, "capture-1", 100), LONG).await.unwrap();
    let merchant = |name| MerchantId::parse(name).unwrap();
    // One that has never seen the payment finds it too.
    for engine in [engine, stage.beside().engine()] {
        let found = engine.payment_created_by(&merchant("merchant-1"), &key("order-1")).await;
        let read = engine.payment(id).await.unwrap().unwrap();
        assert_eq!(found.unwrap().unwrap().snapshot, read.snapshot);
        for (merchant_id, name) in
            [("merchant-1", "order-2"), ("merchant-2", "order-1"), ("merchant-1", "capture-1")]
        {
            let found = engine.payment_created_by(&merchant(merchant_id), &key(name)).await;
            assert!(found.unwrap().is_none(), "{merchant_id} {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_found_while_it_has_no_outcome() {
    let stage = Stage::new();
    let engine = stage.engine();
    stage.acquirer.hold_calls();
    let pending = engine.authorize(authorize("order-1", 1000), std::time::Duration::ZERO).await;
    let merchant_id = MerchantId::parse("merchant-1").unwrap();
    let found = engine.payment_created_by(&merchant_id, &key("order-1")).await.unwrap().unwrap();
    let shown = serde_json::to_string(&found.rendering().body()).unwrap();
    assert_eq!(shown, body(&pending.unwrap()));
    stage.acquirer.release_calls();
}
