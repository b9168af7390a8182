mod bounds;
mod cancel;
mod history;
mod idempotency;
mod outcome;
mod rejection;
mod status;
