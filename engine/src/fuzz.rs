//! Checks of whatever comes from outside: any bytes are either taken or refused, never a panic, and
//! what is taken keeps its promises.
//!
//! The fuzz targets in `fuzz/` call these; so do the ordinary tests, which replay every target's corpus
//! and mutations of it, so that neither needs a nightly compiler.

mod answer;
mod corpus;
mod event;
mod history;
mod mutation;
mod record;
mod seal;

pub use answer::answer;
pub use corpus::Corpus;
pub use event::event;
pub use history::{events_in, history};
pub use record::record;
pub use seal::seal;

/// One kind of input, and what must hold for any of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its corpus stands in `fuzz/corpus/NAME`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub check: fn(&[u8]),
}

/// What the engine reads from outside.
pub const TARGETS: [Target; 5] = [
    Target { name: "event", check: event },
    Target { name: "history", check: history },
    Target { name: "answer", check: answer },
    Target { name: "record", check: record },
    Target { name: "seal", check: seal },
];
