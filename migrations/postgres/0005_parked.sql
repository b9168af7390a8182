-- Payments that are set aside, one row for each view: an event of theirs can't be processed, and none of
-- their events from from_position on is in that view. The cause is that of the event at position.
CREATE TABLE parked (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    view text NOT NULL,
    from_position bigint NOT NULL CHECK (from_position >= 1),
    position bigint NOT NULL CHECK (position >= 1),
    cause text NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (partition, payment_id, view)
);
