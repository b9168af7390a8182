//! What the server counts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper::Method;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::route::{ROUTES, Route};

/// Seconds; dense where group commit answers, wide enough for `Prefer: wait`.
const BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 10.0,
    30.0,
];

type RequestLabels = [(&'static str, &'static str); 3];

/// Cheap to clone: the same counters.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    /// One for each of [`ROUTES`], in that order.
    durations: Vec<Histogram>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) refused_connections: Counter,
}

impl HttpMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", Family::clone(&requests));
        let by_route =
            Family::<[(&'static str, &'static str); 2], Histogram, _>::new_with_constructor(
                (|| Histogram::new(BUCKETS)) as fn() -> Histogram,
            );
        let durations = ROUTES.iter().map(|entry| {
            let labels = [("route", entry.path), ("method", entry.method.name())];
            by_route.get_or_create_owned(&labels)
        });
        let durations = durations.collect();
        registry.register(
            "http_request_duration_seconds",
            "From a request's head to its answer",
            by_route,
        );
        let in_flight = Gauge::default();
        registry.register(
            "http_requests_in_flight",
            "Requests being answered now",
            in_flight.clone(),
        );
        let connections = Gauge::default();
        registry.register("http_connections", "Open connections", connections.clone());
        let refused_connections = Counter::default();
        registry.register(
            "http_connections_refused",
            "Connections refused at the bound",
            refused_connections.clone(),
        );
        Self { requests, durations, in_flight, connections, refused_connections }
    }

    pub(crate) fn answered(
        &self,
        route: Option<Route>,
        method: &Method,
        status: u16,
        duration: Duration,
    ) {
        let path = route.map_or("unmatched", |route| route.entry().path);
        let labels =
            [("route", path), ("method", method_label(method)), ("status", status_label(status))];
        self.requests.get_or_create(&labels).inc();
        if let Some(histogram) = route.and_then(|route| self.durations.get(route.index())) {
            histogram.observe(duration.as_secs_f64());
        }
    }
}

/// Bounded, whatever clients send.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

fn status_label(status: u16) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        400 => "400",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        413 => "413",
        415 => "415",
        422 => "422",
        CLIENT_LEFT => "499",
        500 => "500",
        503 => "503",
        _ => "other",
    }
}

/// The status under which a request is counted whose client left before the answer.
pub(crate) const CLIENT_LEFT: u16 = 499;
