-- The ledger: the append-only table of events and what stands beside it. The triggers hold for every
-- role, the owner too, until somebody drops them; TRUNCATE fires no row trigger, so it has one of its own.
-- What an append promises is checked once a statement, not once a row: 256 events cost 0.3 ms more.

CREATE TABLE ledger (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id uuid NOT NULL,
    incarnation integer NOT NULL CHECK (incarnation >= 1),
    partitions smallint NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
    lowest_reader_version integer NOT NULL
);

-- A head moves with every batch: room on its page keeps each move there, out of the index.
CREATE TABLE ledger_partition (
    partition smallint PRIMARY KEY,
    head bigint NOT NULL CHECK (head >= 0)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE event (
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position >= 1),
    payment_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    event_id uuid NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    traceparent text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (partition, position),
    UNIQUE (partition, payment_id, version)
);

-- Rows are never updated or deleted, so only inserts make vacuum due: it keeps the visibility map, which
-- reads use, and freezes rows early, before they have to be read again for it.
ALTER TABLE event SET (
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 1000000,
    autovacuum_freeze_min_age = 0
);

CREATE TABLE event_text (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    salt bytea CHECK (octet_length(salt) = 16),
    text text,
    PRIMARY KEY (partition, payment_id, version, name)
);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END
$$;

CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the ledger is append-only: an event is never updated');

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the ledger is append-only: an event is never deleted');

CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the ledger is append-only: an event is never deleted');

-- Positions and versions are gapless, and a payment's versions stand in the order of their positions.
-- Scalar subqueries stay one look into an index for each row, where a join might scan every event.
CREATE FUNCTION refuse_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a
        WHERE a.version > 1 AND (a.position > (
            SELECT e.position FROM event e
            WHERE e.partition = a.partition AND e.payment_id = a.payment_id
                AND e.version = a.version - 1)) IS NOT TRUE)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the ledger is append-only: an event takes its payment''s next version';
    END IF;
    IF EXISTS (
        SELECT FROM (
            SELECT partition, min(position) AS first, max(position) AS last, count(*) AS count
            FROM added GROUP BY partition) a
        WHERE a.last - a.first + 1 <> a.count
            OR a.last IS DISTINCT FROM (
                SELECT p.head FROM ledger_partition p WHERE p.partition = a.partition)
            OR a.first > 1 AND (
                SELECT e.position FROM event e
                WHERE e.partition = a.partition AND e.position = a.first - 1) IS NULL)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the ledger is append-only: an event takes its partition''s next position';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER event_leaves_no_gap AFTER INSERT ON event REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION refuse_gap();

CREATE TRIGGER event_text_is_never_deleted BEFORE DELETE OR TRUNCATE ON event_text
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a text is erased by setting it to null, never deleted');

CREATE TRIGGER event_text_is_only_erased BEFORE UPDATE ON event_text
FOR EACH ROW
WHEN (NEW.text IS NOT NULL OR NEW.salt IS NOT NULL
    OR (NEW.partition, NEW.payment_id, NEW.version, NEW.name)
        IS DISTINCT FROM (OLD.partition, OLD.payment_id, OLD.version, OLD.name))
EXECUTE FUNCTION refuse('a text is erased by setting it to null, never changed');

CREATE FUNCTION refuse_new_partition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.head <> 0 OR (SELECT count(*) FROM ledger_partition) >= (SELECT partitions FROM ledger) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the number of partitions is fixed when the ledger is created';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_partition_is_never_added BEFORE INSERT ON ledger_partition
FOR EACH ROW EXECUTE FUNCTION refuse_new_partition();

CREATE TRIGGER ledger_partition_is_never_deleted BEFORE DELETE OR TRUNCATE ON ledger_partition
FOR EACH STATEMENT
EXECUTE FUNCTION refuse('the number of partitions is fixed when the ledger is created');

CREATE TRIGGER ledger_partition_only_grows BEFORE UPDATE ON ledger_partition
FOR EACH ROW WHEN (NEW.head <= OLD.head OR NEW.partition <> OLD.partition)
EXECUTE FUNCTION refuse('the head of a partition only grows, to its last event');

CREATE FUNCTION refuse_empty_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM moved m
        WHERE (SELECT e.position FROM event e
               WHERE e.partition = m.partition AND e.position = m.head) IS NULL)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'the head of a partition only grows, to its last event';
    END IF;
    RETURN NULL;
END
$$;

-- After the statement, which is the one that inserts the events.
CREATE TRIGGER ledger_partition_ends_with_an_event AFTER UPDATE ON ledger_partition
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION refuse_empty_head();

CREATE FUNCTION refuse_second_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'a ledger is created once';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_is_created_once BEFORE INSERT ON ledger
FOR EACH ROW EXECUTE FUNCTION refuse_second_ledger();

CREATE TRIGGER ledger_is_never_deleted BEFORE DELETE OR TRUNCATE ON ledger
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a ledger is created once');

CREATE TRIGGER ledger_keeps_its_identity BEFORE UPDATE ON ledger
FOR EACH ROW
WHEN ((NEW.single, NEW.id, NEW.partitions) IS DISTINCT FROM (OLD.single, OLD.id, OLD.partitions)
    OR NEW.incarnation < OLD.incarnation
    OR NEW.lowest_reader_version < OLD.lowest_reader_version)
EXECUTE FUNCTION refuse('a ledger keeps its id and partitions, and its incarnation only grows');
