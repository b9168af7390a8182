//! Checks of what the views read from outside, for the fuzz targets in `fuzz/` and the tests that replay
//! their corpora ([`daybook_engine::fuzz`]).

mod views;

pub use crate::views::fuzz::cursor;
pub use views::views;

use daybook_engine::fuzz::Target;

/// What the projections read from outside.
pub const TARGETS: [Target; 2] =
    [Target { name: "cursor", check: cursor }, Target { name: "views", check: views }];
