//! The relay on Kafka itself, which `deploy/services` brings.

#[path = "../relay/book.rs"]
#[expect(dead_code, reason = "not every book is read here")]
mod book;
mod mock;
mod outages;
mod raw;
mod stage;
mod tampering;
mod topics;
