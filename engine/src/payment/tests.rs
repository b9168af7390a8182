mod bounds;
mod history;
mod idempotency;
mod outcome;
mod rejection;
mod status;
