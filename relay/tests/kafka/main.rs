//! The relay on Kafka itself, which `deploy/services` brings.

#[path = "../relay/book.rs"]
mod book;
mod mock;
mod outages;
mod raw;
mod stage;
mod tampering;
mod topics;
