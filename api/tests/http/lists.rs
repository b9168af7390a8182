//! Lists over stand-in views.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::ViewLag;
use daybook_engine::clock::Date;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::money::Currency;
use daybook_projections::ViewError;
use daybook_projections::views::*;
use serde_json::json;

use crate::fixture::{Served, serve, serve_with};
use crate::stand_in::Script;

const LISTS: [&str; 6] = [
    "/api/v1/payments",
    "/api/v1/settlements",
    "/api/v1/settlements/lines",
    "/api/v1/refunds",
    "/api/v1/balances",
    "/api/v1/operations",
];

#[derive(Default)]
struct StandIn {
    asked: Mutex<Vec<(&'static str, PageQuery)>>,
    lines_of: Mutex<Vec<(Option<Currency>, Option<Date>)>>,
    error: Option<ViewError>,
}

impl StandIn {
    fn page<T>(&self, list: &'static str, query: &PageQuery) -> Result<Page<T>, ViewError> {
        self.asked.lock().unwrap().push((list, query.clone()));
        let positions = vec![(Partition::new(0), 7), (Partition::new(11), 9)];
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(Page { items: Vec::new(), next: Some("next".to_owned()), positions }),
        }
    }
}

#[async_trait]
impl ViewQueries for StandIn {
    async fn payments(&self, query: &PageQuery) -> Result<Page<ListedPayment>, ViewError> {
        self.page(LISTS[0], query)
    }

    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError> {
        self.page(LISTS[1], query)
    }

    async fn settlement_lines(
        &self,
        query: &PageQuery,
        currency: Option<Currency>,
        date: Option<Date>,
    ) -> Result<Page<SettlementLineBody>, ViewError> {
        self.lines_of.lock().unwrap().push((currency, date));
        self.page(LISTS[2], query)
    }

    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError> {
        self.page(LISTS[3], query)
    }

    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError> {
        self.page(LISTS[4], query)
    }

    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationBody>, ViewError> {
        self.page(LISTS[5], query)
    }
}

struct Behind(Duration);

#[async_trait]
impl ViewLag for Behind {
    async fn lag(&self, positions: &[(Partition, u64)]) -> Option<Duration> {
        assert_eq!(positions, [(Partition::new(0), 7), (Partition::new(11), 9)]);
        Some(self.0)
    }
}

async fn serve_views(error: Option<ViewError>) -> (Served, Arc<StandIn>) {
    let views = Arc::new(StandIn { error, ..StandIn::default() });
    let served = serve_with(Script::Approve, |api| {
        api.views = Some(Arc::<StandIn>::clone(&views));
        api.view_lag = Some(Arc::new(Behind(Duration::from_millis(1_500))));
    });
    (served.await, views)
}

#[tokio::test]
async fn every_list_asks_its_own_view_and_says_how_far_it_is() {
    let (served, views) = serve_views(None).await;
    for path in LISTS {
        let answer = served.get(&format!("{path}?merchantId=shop-1&limit=3&cursor=abc")).await;
        let expected = json!({
            "items": [],
            "nextCursor": "next",
            "asOf": {"positions": {"0": 7, "11": 9}, "lagSeconds": 1.5},
        });
        assert_eq!((answer.status, answer.json()), (200, expected), "{path}");
        let (list, query) = views.asked.lock().unwrap().last().cloned().unwrap();
        assert_eq!((list, query.limit, query.after.as_deref()), (path, 3, Some("abc")));
        assert_eq!(query.merchant_id.unwrap().as_str(), "shop-1");
    }
}

#[tokio::test]
async fn bad_parameters_are_refused_before_the_view_is_asked() {
    let (served, views) = serve_views(None).await;
    for (query, code, field) in [
        ("limit=0", "PARAMETER_INVALID", "limit"),
        ("limit=201", "PARAMETER_INVALID", "limit"),
        ("limit=ten", "PARAMETER_INVALID", "limit"),
        ("merchantId=", "MERCHANT_ID_INVALID", "merchantId"),
        ("merchant=shop", "UNKNOWN_PARAMETER", "merchant"),
        ("limit=1&limit=2", "PARAMETER_INVALID", "limit"),
    ] {
        let answer = served.get(&format!("/api/v1/refunds?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
        assert_eq!(answer.json()["field"], field, "{query}");
    }
    assert!(views.asked.lock().unwrap().is_empty());
}

fn unavailable() -> ViewError {
    ViewError::Store(StoreError::Unavailable { store: "views", cause: "secret path".to_owned() })
}

#[tokio::test]
async fn settlement_lines_are_picked_by_currency_and_day() {
    let (served, views) = serve_views(None).await;
    let path = LISTS[2];
    served.get(&format!("{path}?currency=EUR&date=2026-11-23")).await;
    let asked = views.lines_of.lock().unwrap().pop().unwrap();
    assert_eq!(asked, (Currency::parse("EUR").ok(), "2026-11-23".parse().ok()));
    for (query, code) in [
        ("currency=XXX", "CURRENCY_UNKNOWN"),
        ("date=yesterday", "PARAMETER_INVALID"),
        ("colour=red", "UNKNOWN_PARAMETER"),
    ] {
        let answer = served.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
    }
    let elsewhere = served.get(&format!("{}?date=2026-11-23", LISTS[3])).await;
    assert_eq!(elsewhere.code(), "UNKNOWN_PARAMETER");
}

#[tokio::test]
async fn views_that_cannot_answer_say_why() {
    let (served, _) = serve_views(Some(ViewError::BadCursor)).await;
    let answer = served.get("/api/v1/refunds?cursor=x").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "CURSOR_INVALID"));

    let (served, _) = serve_views(Some(unavailable())).await;
    let answer = served.get("/api/v1/refunds").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "VIEWS_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!answer.body.contains("secret"), "{answer:?}");

    let served = serve(Script::Approve).await;
    let answer = served.get("/api/v1/refunds").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "VIEWS_NOT_SERVED"));
}
