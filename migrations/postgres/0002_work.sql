-- Claims, due rows, cursors and leases of workers: but for the leases, a fold of the ledger. Every
-- transaction that changes work rows first locks its partitions' cursor rows, in ascending order and in a
-- statement of its own: what follows sees all that was committed before, of two processes one waits for
-- the other, and neither for ever.

CREATE TABLE work_cursor (
    partition smallint PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0),
    event_id uuid,
    CHECK ((position = 0) = (event_id IS NULL))
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- One row for each open operation; the rows of one payment stand together, in version order.
CREATE TABLE work_item (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    operation_id uuid NOT NULL,
    verb text NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL CHECK (attempts >= 0),
    opened_at timestamptz NOT NULL,
    flagged boolean NOT NULL,
    PRIMARY KEY (partition, payment_id, version)
);

-- The time leads, so that a claim reads what is due longest and stops at its limit, however much is
-- waiting in however many partitions.
CREATE INDEX work_item_due ON work_item (due_at, partition);

-- One row for each payment that a worker acts on; it may be taken over once `until` has passed.
CREATE TABLE claim (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    token uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (partition, payment_id)
);

-- One row for each authorization that will run out: written in order of time, read from the front.
CREATE TABLE expiry (
    due_at timestamptz NOT NULL,
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    PRIMARY KEY (due_at, partition, payment_id)
);

-- Expiries that an open capture or void refused: due again at that operation's outcome.
CREATE TABLE expiry_waiting (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    PRIMARY KEY (partition, payment_id)
);

-- The processes of a role that are alive: each says so again and again.
CREATE TABLE lease_holder (
    role text NOT NULL,
    holder uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (role, holder)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Who holds each partition, for as long as that process is alive: a row changes only where its partition
-- passes on. Every transaction on a role's leases first locks its row of partition 0. A lease avoids double
-- work; what keeps it right where two hold one all the same are the claims and the cursors' compare-and-set.
CREATE TABLE lease (
    role text NOT NULL,
    partition smallint NOT NULL,
    holder uuid,
    PRIMARY KEY (role, partition)
);

-- These tables turn over: dead rows go before they slow the front of the queue down.
ALTER TABLE work_item SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE claim SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- The largest of them, of which only the front is read: its vacuum walks all of its index.
ALTER TABLE expiry SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
