-- Payments that are set aside, one row for each view: an event of theirs can't be processed, and none of
-- their events from from_position on is in that view. The cause is that of the event at position.
CREATE TABLE parked (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    view TEXT NOT NULL,
    from_position INTEGER NOT NULL CHECK (from_position >= 1),
    position INTEGER NOT NULL CHECK (position >= 1),
    cause TEXT NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (partition, payment_id, view)
) STRICT, WITHOUT ROWID;
