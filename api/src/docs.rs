//! The page that shows the contract: one document without anything from elsewhere.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use crate::answer::{Reply, bytes};

/// What stands in it may run and be shown; it may ask this server alone.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static PAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let page = include_str!("docs/page.html")
        .replace("/* page.css */", include_str!("docs/page.css"))
        .replace("/* page.js */", include_str!("docs/page.js"));
    Bytes::from(page)
});

pub(crate) fn page() -> Reply {
    let mut reply = bytes(200, HeaderValue::from_static("text/html; charset=utf-8"), PAGE.clone());
    reply.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    reply
}
