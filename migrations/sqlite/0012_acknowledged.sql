-- ledger.db: that people have seen what the acquirer said after an operation's outcome, by the version of
-- the event that says it.
CREATE TABLE acknowledgement (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    said_by TEXT NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (partition, payment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER acknowledgement_is_given_once BEFORE INSERT ON acknowledgement
WHEN EXISTS (
    SELECT 1 FROM acknowledgement
    WHERE partition = NEW.partition AND payment_id = NEW.payment_id AND version = NEW.version)
BEGIN
    SELECT RAISE(ABORT, 'acknowledgements are append-only: one is given once');
END;

CREATE TRIGGER acknowledgement_is_never_updated BEFORE UPDATE ON acknowledgement
BEGIN
    SELECT RAISE(ABORT, 'acknowledgements are append-only: one is never updated');
END;

CREATE TRIGGER acknowledgement_is_never_deleted BEFORE DELETE ON acknowledgement
BEGIN
    SELECT RAISE(ABORT, 'acknowledgements are append-only: one is never deleted');
END;
