//! The HTTP server: decodes a request, makes one call of the engine or the views, encodes the
//! answer. It decides nothing about money.
//!
//! The contract stands in tables: [`route::ROUTES`], what each route takes (`intake`) and answers (`contract`), and
//! [`problem::ALL`].

mod acquirer;
mod answer;
mod api;
mod batch;
mod body;
mod call;
pub mod contract;
mod csv;
mod decode;
mod docs;
mod download;
mod error;
mod exchange;
mod fields;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
mod headers;
mod intake;
mod json;
mod limits;
mod lists;
mod metrics;
mod payments;
mod platform;
pub mod problem;
pub mod query;
mod reads;
pub mod route;
mod server;
mod texts;
mod verbs;

pub use acquirer::AcquirerSite;
pub use api::{Api, Probe, ViewLag};
pub use limits::Limits;
pub use metrics::HttpMetrics;
pub use payments::Payments;
pub use server::{Drained, Server};
