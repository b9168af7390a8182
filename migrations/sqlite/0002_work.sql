-- work.db: claims, due rows and cursors of workers, a fold of the ledger. Times are microseconds
-- since 1970-01-01 UTC, ids 16 bytes.

CREATE TABLE work_cursor (
    partition INTEGER PRIMARY KEY,
    position INTEGER NOT NULL CHECK (position >= 0),
    event_id BLOB CHECK (length(event_id) = 16),
    CHECK ((position = 0) = (event_id IS NULL))
) STRICT;

-- One row for each open operation; the rows of one payment stand together, in version order.
CREATE TABLE work_item (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    operation_id BLOB NOT NULL CHECK (length(operation_id) = 16),
    verb TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    opened_at INTEGER NOT NULL,
    flagged INTEGER NOT NULL CHECK (flagged IN (0, 1)),
    PRIMARY KEY (partition, payment_id, version)
) STRICT, WITHOUT ROWID;

-- The time leads, so that a claim reads what is due longest and stops at its limit, however much
-- is waiting in however many partitions.
CREATE INDEX work_item_due ON work_item (due_at, partition);

-- One row for each payment that a worker acts on; it may be taken over once `until` has passed.
CREATE TABLE claim (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    operation_id BLOB NOT NULL CHECK (length(operation_id) = 16),
    token BLOB NOT NULL CHECK (length(token) = 16),
    until INTEGER NOT NULL,
    PRIMARY KEY (partition, payment_id)
) STRICT, WITHOUT ROWID;

-- One row for each authorization that will run out: written in order of time, read from the front.
CREATE TABLE expiry (
    due_at INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    PRIMARY KEY (due_at, partition, payment_id)
) STRICT, WITHOUT ROWID;

-- Expiries that an open capture or void refused: due again at that operation's outcome.
CREATE TABLE expiry_waiting (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    PRIMARY KEY (partition, payment_id)
) STRICT, WITHOUT ROWID;
