//! The contract: the OpenAPI document and the table of errors, made from the declarations that requests are decoded by
//! and the types that answers are written from.
//!
//! A request that follows the document is never answered 400: what can't be told from the request alone is 404, 409 or
//! 422.

mod answers;
mod document;
mod errors;
mod examples;
mod operation;
mod problems;
mod requests;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::{JSON, Reply, bytes};

pub use errors::errors_page;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document::document);
static WRITTEN: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(DOCUMENT.to_string()));

/// The OpenAPI 3.1 document, as `/openapi.json` serves it.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}

pub(crate) fn served() -> Reply {
    bytes(200, JSON, WRITTEN.clone())
}
