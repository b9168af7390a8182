-- ledger.db: the append-only table of events and what stands beside it.
-- The triggers hold for every connection, whatever its pragmas: REPLACE deletes a row without
-- firing DELETE triggers unless recursive_triggers is on, so each BEFORE INSERT trigger refuses it.

CREATE TABLE ledger (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL CHECK (length(id) = 16),
    incarnation INTEGER NOT NULL CHECK (incarnation >= 1),
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
    lowest_reader_version INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_partition (
    partition INTEGER PRIMARY KEY,
    head INTEGER NOT NULL CHECK (head >= 0)
) STRICT;

CREATE TABLE event (
    partition INTEGER NOT NULL
        REFERENCES ledger_partition (partition) DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL CHECK (position >= 1),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    traceparent TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (partition, position),
    UNIQUE (partition, payment_id, version)
) STRICT;

CREATE TABLE event_text (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    salt BLOB CHECK (length(salt) = 16),
    text TEXT,
    PRIMARY KEY (partition, payment_id, version, name)
) STRICT, WITHOUT ROWID;

-- Positions and versions are gapless, and nothing stands there yet. (An INSERT that names no rowid
-- has -1 here, which no row has.) What an append runs into rolls its whole transaction back: to abort
-- one statement alone, SQLite would have to copy every page that the statement changes.
CREATE TRIGGER event_is_the_next BEFORE INSERT ON event
WHEN NEW.version <> 1 + coalesce((
        SELECT max(version) FROM event
        WHERE partition = NEW.partition AND payment_id = NEW.payment_id), 0)
    OR NEW.position <> 1 + coalesce((
        SELECT max(position) FROM event WHERE partition = NEW.partition), 0)
    OR EXISTS (SELECT 1 FROM event WHERE rowid = NEW.rowid)
BEGIN
    SELECT CASE
        WHEN NEW.version = 1 + coalesce((
            SELECT max(version) FROM event
            WHERE partition = NEW.partition AND payment_id = NEW.payment_id), 0)
        THEN RAISE(ROLLBACK, 'the ledger is append-only: an event takes its partition''s next position')
        ELSE RAISE(ROLLBACK, 'the ledger is append-only: an event takes its payment''s next version')
    END;
END;

CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an event is never updated');
END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an event is never deleted');
END;

CREATE TRIGGER event_text_is_never_replaced BEFORE INSERT ON event_text
WHEN EXISTS (
    SELECT 1 FROM event_text
    WHERE partition = NEW.partition AND payment_id = NEW.payment_id
        AND version = NEW.version AND name = NEW.name)
BEGIN
    SELECT RAISE(ROLLBACK, 'a text is written once, with its event');
END;

CREATE TRIGGER event_text_is_never_deleted BEFORE DELETE ON event_text
BEGIN
    SELECT RAISE(ABORT, 'a text is erased by setting it to null, never deleted');
END;

CREATE TRIGGER event_text_is_only_erased BEFORE UPDATE ON event_text
WHEN NEW.text IS NOT NULL OR NEW.salt IS NOT NULL
    OR NEW.partition <> OLD.partition OR NEW.payment_id <> OLD.payment_id
    OR NEW.version <> OLD.version OR NEW.name <> OLD.name
BEGIN
    SELECT RAISE(ABORT, 'a text is erased by setting it to null, never changed');
END;

CREATE TRIGGER ledger_partition_is_never_added BEFORE INSERT ON ledger_partition
WHEN NEW.head <> 0
    OR EXISTS (SELECT 1 FROM ledger_partition WHERE partition = NEW.partition)
    OR (SELECT count(*) FROM ledger_partition) >= (SELECT partitions FROM ledger)
BEGIN
    SELECT RAISE(ABORT, 'the number of partitions is fixed when the ledger is created');
END;

CREATE TRIGGER ledger_partition_is_never_deleted BEFORE DELETE ON ledger_partition
BEGIN
    SELECT RAISE(ABORT, 'the number of partitions is fixed when the ledger is created');
END;

CREATE TRIGGER ledger_partition_only_grows BEFORE UPDATE ON ledger_partition
WHEN NEW.head <= OLD.head OR NEW.partition <> OLD.partition
    OR NEW.head IS NOT (SELECT max(position) FROM event WHERE partition = NEW.partition)
BEGIN
    SELECT RAISE(ROLLBACK, 'the head of a partition only grows, to its last event');
END;

CREATE TRIGGER ledger_is_created_once BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger)
BEGIN
    SELECT RAISE(ABORT, 'a ledger is created once');
END;

CREATE TRIGGER ledger_is_never_deleted BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'a ledger is created once');
END;

CREATE TRIGGER ledger_keeps_its_identity BEFORE UPDATE ON ledger
WHEN NEW.only <> OLD.only OR NEW.id <> OLD.id OR NEW.partitions <> OLD.partitions
    OR NEW.incarnation < OLD.incarnation
    OR NEW.lowest_reader_version < OLD.lowest_reader_version
BEGIN
    SELECT RAISE(ABORT, 'a ledger keeps its id and partitions, and its incarnation only grows');
END;
