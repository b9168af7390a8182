//! Checks of whatever a client may send, for the fuzz targets in `fuzz/` and the tests that replay their
//! corpora ([`daybook_engine::fuzz`]).

mod body;
mod query;
mod request;

pub use body::body;
pub use query::query;
pub use request::request;

use daybook_engine::fuzz::Target;

/// What the API reads from outside.
pub const TARGETS: [Target; 3] = [
    Target { name: "request", check: request },
    Target { name: "body", check: body },
    Target { name: "query", check: query },
];
