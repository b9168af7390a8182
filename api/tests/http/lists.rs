//! Lists over stand-in views.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daybook_api::ViewLag;
use daybook_engine::ids::Partition;
use daybook_engine::ledger::StoreError;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::OperationStatus;
use daybook_projections::ViewError;
use daybook_projections::views::list::Domain;
use daybook_projections::views::row::Cell;
use daybook_projections::views::*;
use serde_json::json;

use crate::client::{raw, request};
use crate::fixture::{Served, serve, serve_with};
use crate::stand_in::{PAYMENT_ID, Script};

const LISTS: [&str; 7] = [
    "/api/v1/payments",
    "/api/v1/settlements",
    "/api/v1/settlements/lines",
    "/api/v1/refunds",
    "/api/v1/balances",
    "/api/v1/operations",
    "/api/v1/journal",
];

#[derive(Default)]
pub(crate) struct StandIn {
    asked: Mutex<Vec<(&'static str, PageQuery)>>,
    error: Option<ViewError>,
    /// How far the views are, in steps of one each time they are asked.
    position: Mutex<u64>,
    /// How many pages of refunds there are, of two each; the one after them fails.
    pages: usize,
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
    async fn positions(&self, _: &PageQuery) -> Result<Vec<(Partition, u64)>, ViewError> {
        let mut position = self.position.lock().unwrap();
        *position += 1;
        Ok(vec![(Partition::new(3), *position)])
    }

    async fn payments(&self, query: &PageQuery) -> Result<Page<ListedPayment>, ViewError> {
        self.page(LISTS[0], query)
    }

    async fn settlements(&self, query: &PageQuery) -> Result<Page<SettlementBody>, ViewError> {
        self.page(LISTS[1], query)
    }

    async fn settlement_lines(
        &self,
        query: &PageQuery,
    ) -> Result<Page<SettlementLineBody>, ViewError> {
        self.page(LISTS[2], query)
    }

    async fn refunds(&self, query: &PageQuery) -> Result<Page<RefundBody>, ViewError> {
        let page = self.page(LISTS[3], query)?;
        if self.pages == 0 {
            return Ok(page);
        }
        let number: usize = query.after.as_deref().map_or(0, |after| after.parse().unwrap());
        if number == self.pages {
            return Err(unavailable());
        }
        let items = vec![refund("=1+1"), refund("a \"b\"")];
        Ok(Page { items, next: Some((number + 1).to_string()), ..page })
    }

    async fn balances(&self, query: &PageQuery) -> Result<Page<BalanceBody>, ViewError> {
        self.page(LISTS[4], query)
    }

    async fn operations(&self, query: &PageQuery) -> Result<Page<OperationBody>, ViewError> {
        self.page(LISTS[5], query)
    }

    async fn journal(&self, query: &PageQuery) -> Result<Page<PostingBody>, ViewError> {
        self.page(LISTS[6], query)
    }
}

fn refund(response_code: &str) -> RefundBody {
    RefundBody {
        operation_id: PAYMENT_ID.parse().unwrap(),
        payment_id: PAYMENT_ID.parse().unwrap(),
        merchant_id: MerchantId::parse("shop,1").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        amount: Amount::new(300).unwrap(),
        status: OperationStatus::Succeeded,
        requested_at: "2026-11-23T10:00:00Z".parse().unwrap(),
        completed_at: None,
        acquirer_transaction_id: None,
        response_code: Some(response_code.into()),
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

pub(crate) async fn serve_views(error: Option<ViewError>) -> (Served, Arc<StandIn>) {
    serve_stand_in(StandIn { error, ..StandIn::default() }).await
}

async fn serve_stand_in(views: StandIn) -> (Served, Arc<StandIn>) {
    let views = Arc::new(views);
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
        let merchant = query.list.filters.iter().find(|filter| filter.name == "merchantId");
        let mut expected = PageQuery::of(query.list);
        expected.filter(merchant.unwrap(), Cell::text("shop-1"));
        (expected.after, expected.limit) = (Some("abc".to_owned()), 3);
        assert_eq!(query, expected, "{path}");
    }
}

#[tokio::test]
async fn every_parameter_that_a_list_declares_is_taken_and_no_other() {
    let (served, views) = serve_views(None).await;
    for path in LISTS {
        served.get(path).await;
        let list = views.asked.lock().unwrap().last().unwrap().1.list;
        for filter in list.filters {
            let value = match filter.domain {
                Domain::Merchant => "shop-1",
                Domain::Currency => "EUR",
                Domain::Amount | Domain::Count => "5",
                Domain::Sum => "-5",
                Domain::Time => "2026-11-23T10:00:00Z",
                Domain::Day => "2026-11-23",
                Domain::Id => PAYMENT_ID,
                closed => closed.names()[0],
            };
            let answer = served.get(&format!("{path}?{}={value}", filter.name)).await;
            assert_eq!(answer.status, 200, "{path} {}: {answer:?}", filter.name);
        }
        for sort in list.sorts() {
            let answer = served.get(&format!("{path}?sort={sort}")).await;
            assert_eq!(answer.status, 200, "{path} {sort}: {answer:?}");
        }
        for text in ["reference=x", "metadata.colour=red"] {
            let answer = served.get(&format!("{path}?{text}")).await;
            assert_eq!(answer.status == 200, list.has_texts, "{path} {text}: {answer:?}");
        }
        let refused = served.get(&format!("{path}?colour=red")).await;
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("merchantId") && detail.contains("minPosition"), "{detail}");
    }
}

#[tokio::test]
async fn a_whole_list_comes_as_csv_page_after_page() {
    let (served, _) = serve_stand_in(StandIn { pages: 1, ..StandIn::default() }).await;
    // The page after the first fails, so the transfer is cut before its last chunk.
    let request = format!("GET {} HTTP/1.1\r\nhost: x\r\naccept: text/csv\r\n\r\n", LISTS[3]);
    let raw = raw(served.addr, request.as_bytes()).await;
    assert!(raw.starts_with("HTTP/1.1 200"), "{raw}");
    assert!(raw.contains("content-type: text/csv; charset=utf-8; header=present\r\n"), "{raw}");
    assert!(raw.contains("filename=\"refunds.csv\""), "{raw}");
    assert!(raw.contains("daybook-as-of: 0:7,11:9\r\n"), "{raw}");
    let line = format!(
        "{PAYMENT_ID},{PAYMENT_ID},\"shop,1\",EUR,300,SUCCEEDED,2026-11-23T10:00:00.000Z,,,"
    );
    assert!(
        raw.contains(&format!("responseCode\r\n{line}'=1+1\r\n{line}\"a \"\"b\"\"\"\r\n")),
        "{raw}"
    );
    assert!(!raw.ends_with("0\r\n\r\n"), "cut: {raw}");

    let answer = served.send(&asking(&format!("{}?limit=2", LISTS[3]), "text/csv")).await;
    assert_eq!((answer.status, answer.header("daybook-next-cursor")), (200, Some("1")));
    assert_eq!(answer.body.lines().count(), 3, "{answer:?}");
}

#[tokio::test]
async fn a_form_that_no_list_has_is_refused() {
    let (served, _) = serve_views(None).await;
    let answer = served.send(&asking(LISTS[3], "application/xml")).await;
    assert_eq!((answer.status, answer.code().as_str()), (406, "NOT_ACCEPTABLE"));
    assert_eq!(served.send(&asking(LISTS[3], "*/*")).await.json()["nextCursor"], "next");
}

#[tokio::test]
async fn a_list_waits_until_its_view_has_got_to_a_position() {
    let (served, views) = serve_views(None).await;
    let answer = served.get(&format!("{}?minPosition=3:5", LISTS[0])).await;
    assert_eq!((answer.status, *views.position.lock().unwrap()), (200, 5), "{answer:?}");
    let late = format!("{}?minPosition=3:999999", LISTS[0]);
    let answer = served.send(&request("GET", &late, "prefer: wait=0\r\n", b"")).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "VIEWS_BEHIND"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("1"));
    for (bad, status) in [("3", 400), ("x:1", 400), ("4:1", 422)] {
        let answer = served.get(&format!("{}?minPosition={bad}", LISTS[0])).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (status, Some("minPosition")));
    }
}

fn asking(path: &str, accept: &str) -> Vec<u8> {
    request("GET", path, &format!("accept: {accept}\r\n"), b"")
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

pub(crate) fn unavailable() -> ViewError {
    ViewError::Store(StoreError::Unavailable { store: "views", cause: "secret path".to_owned() })
}

#[tokio::test]
async fn views_that_cannot_answer_say_why() {
    let (served, _) = serve_views(Some(ViewError::BadCursor)).await;
    let answer = served.get("/api/v1/refunds?cursor=x").await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "CURSOR_INVALID"));

    let (served, _) = serve_views(Some(unavailable())).await;
    let answer = served.get("/api/v1/refunds").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "VIEWS_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!answer.body.contains("secret"), "{answer:?}");

    let served = serve(Script::Approve).await;
    let answer = served.get("/api/v1/refunds").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "VIEWS_NOT_SERVED"));
}
