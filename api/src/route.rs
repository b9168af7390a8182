//! The routes: one table, from which the router and the contract are made.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use daybook_engine::ids::PaymentId;
use hyper::Method;

/// One route; what it does stands in [`ROUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Authorize,
    Capture,
    Void,
    Refund,
    Cancel,
    AuthorizeBatch,
    Payment,
    Events,
    Lookup,
    Payments,
    Settlements,
    SettlementLines,
    Refunds,
    Balances,
    Operations,
    Journal,
    OlderAuthorize,
    OlderCapture,
    OlderRefund,
    Health,
    Readiness,
    Metrics,
    Contract,
    Docs,
}

/// A route's method; GET is served for HEAD too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Get,
    Post,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub route: Route,
    pub method: Access,
    /// `{id}` stands for a payment id.
    pub path: &'static str,
    pub summary: &'static str,
}

use Access::{Get, Post};

/// Every route, in the order of [`Route`].
#[rustfmt::skip]
pub static ROUTES: [Entry; 24] = [
    entry(Route::Authorize,       Post, "/api/v1/payments", "Authorize a payment, or authorize and capture it: a sale"),
    entry(Route::Capture,         Post, "/api/v1/payments/{id}/captures", "Capture a payment, whole or in part"),
    entry(Route::Void,            Post, "/api/v1/payments/{id}/voids", "Void what is left of an authorization"),
    entry(Route::Refund,          Post, "/api/v1/payments/{id}/refunds", "Refund a payment, whole or in part"),
    entry(Route::Cancel,          Post, "/api/v1/payments/{id}/cancellations", "Give back all that a payment holds: void it, refund it, or both"),
    entry(Route::AuthorizeBatch,  Post, "/api/v1/payments/batch", "Authorize up to 100 payments, each with its own result"),
    entry(Route::Payment,         Get,  "/api/v1/payments/{id}", "A payment as the ledger has it now"),
    entry(Route::Events,          Get,  "/api/v1/payments/{id}/events", "A payment's events in the order of their versions"),
    entry(Route::Lookup,          Get,  "/api/v1/payments/lookup", "The payment that a merchant's idempotency key created"),
    entry(Route::Payments,        Get,  "/api/v1/payments", "Payments, page by page"),
    entry(Route::Settlements,     Get,  "/api/v1/settlements", "Totals by merchant, currency and settlement day"),
    entry(Route::SettlementLines, Get,  "/api/v1/settlements/lines", "The captures and refunds that settlements consist of"),
    entry(Route::Refunds,         Get,  "/api/v1/refunds", "Refunds, page by page"),
    entry(Route::Balances,        Get,  "/api/v1/balances", "Balances by merchant, currency and account"),
    entry(Route::Operations,      Get,  "/api/v1/operations", "Operations, page by page"),
    entry(Route::Journal,         Get,  "/api/v1/journal", "Postings: the lines of every journal entry, page by page"),
    entry(Route::OlderAuthorize,  Post, "/api/payments/authorize", "Authorize a payment; every success is 200"),
    entry(Route::OlderCapture,    Post, "/api/payments/capture/{id}", "Capture all that is left; every success is 200"),
    entry(Route::OlderRefund,     Post, "/api/payments/refund/{id}", "Refund all that is left; every success is 200"),
    entry(Route::Health,          Get,  "/healthz", "Whether the process runs"),
    entry(Route::Readiness,       Get,  "/readyz", "Whether the process can serve, probe by probe"),
    entry(Route::Metrics,         Get,  "/metrics", "Metrics in the OpenMetrics text format"),
    entry(Route::Contract,        Get,  "/openapi.json", "This contract, as OpenAPI 3.1"),
    entry(Route::Docs,            Get,  "/docs", "This contract, to be read and tried out"),
];

const fn entry(route: Route, method: Access, path: &'static str, summary: &'static str) -> Entry {
    Entry { route, method, path, summary }
}

impl Route {
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    #[must_use]
    pub fn entry(self) -> &'static Entry {
        &ROUTES[self.index()]
    }
}

impl Access {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Get => "GET",
            Post => "POST",
        }
    }
}

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// With the path's `{id}`, where it has one that can be a payment's.
    Route(Route, Option<PaymentId>),
    /// OPTIONS: the methods of this path.
    Options(&'static str),
    WrongMethod(&'static str),
    Nothing,
}

pub(crate) fn find(method: &Method, path: &str) -> Found {
    let Ok(matched) = ROUTER.at(path) else { return Found::Nothing };
    let route = match *method {
        Method::GET | Method::HEAD => matched.value.get,
        Method::POST => matched.value.post,
        Method::OPTIONS => return Found::Options(matched.value.allow()),
        _ => None,
    };
    match route {
        Some(route) => Found::Route(route, matched.params.get("id").and_then(payment_id)),
        None => Found::WrongMethod(matched.value.allow()),
    }
}

/// A payment id as the API writes it, in any case.
fn payment_id(text: &str) -> Option<PaymentId> {
    let is_hyphenated = text.len() == 36;
    is_hyphenated.then(|| text.parse().ok()).flatten()
}

/// What one path serves.
#[derive(Clone, Copy, Default)]
struct Methods {
    get: Option<Route>,
    post: Option<Route>,
}

impl Methods {
    /// The `Allow` header.
    const fn allow(self) -> &'static str {
        match (self.get, self.post) {
            (Some(_), Some(_)) => "GET, HEAD, POST, OPTIONS",
            (Some(_), None) => "GET, HEAD, OPTIONS",
            (None, _) => "POST, OPTIONS",
        }
    }
}

static ROUTER: LazyLock<matchit::Router<Methods>> = LazyLock::new(|| {
    let mut router = matchit::Router::new();
    let mut by_path = BTreeMap::<_, Methods>::new();
    for entry in &ROUTES {
        let methods = by_path.entry(entry.path).or_default();
        match entry.method {
            Get => methods.get = Some(entry.route),
            Post => methods.post = Some(entry.route),
        }
    }
    for (path, methods) in by_path {
        router.insert(path, methods).expect("the table's paths don't conflict");
    }
    router
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_stands_at_its_routes_place_and_is_found_again() {
        for (index, entry) in ROUTES.iter().enumerate() {
            assert_eq!(entry.route.index(), index, "{entry:?}");
            let text = "7f6d8f0e-5a52-8c1e-9d3b-0123456789ab";
            let path = entry.path.replace("{id}", text);
            let id = entry.path.contains("{id}").then(|| text.parse().unwrap());
            let method: Method = entry.method.name().parse().unwrap();
            assert_eq!(find(&method, &path), Found::Route(entry.route, id), "{entry:?}");
        }
    }

    #[test]
    fn an_id_is_a_uuid_as_the_api_writes_it() {
        let at = |id: &str| find(&Method::GET, &format!("/api/v1/payments/{id}"));
        let upper = "7F6D8F0E-5A52-8C1E-9D3B-0123456789AB";
        assert_eq!(at(upper), Found::Route(Route::Payment, upper.parse().ok()));
        let simple = upper.replace('-', "");
        for bad in ["x", &simple, &format!("{{{upper}}}"), &upper.replace('A', "G")] {
            assert_eq!(at(bad), Found::Route(Route::Payment, None), "{bad}");
        }
    }

    #[test]
    fn a_path_that_serves_two_methods_says_so() {
        let find = |method, path| find(&method, path);
        let both = "GET, HEAD, POST, OPTIONS";
        assert_eq!(find(Method::PUT, "/api/v1/payments"), Found::WrongMethod(both));
        assert_eq!(find(Method::OPTIONS, "/api/v1/payments"), Found::Options(both));
        assert_eq!(find(Method::GET, "/api/v1/payments/"), Found::Nothing);
        assert_eq!(find(Method::GET, "/API/v1/payments"), Found::Nothing);
    }
}
