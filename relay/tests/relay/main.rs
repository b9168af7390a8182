//! The relay on a broker in memory: a paused clock, failures at every step, the same for each seed.

mod book;
mod breaker;
mod cursors;
mod failures;
mod leases;
mod records;
mod rewinding;
mod seals;
mod stage;
mod topics;
mod verifying;
