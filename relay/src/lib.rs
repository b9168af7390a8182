//! The relay: the ledger outbox, streamed to Kafka.
