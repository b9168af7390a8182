-- ledger.db: seals (docs/seals.md), and where each incarnation of the ledger began.

CREATE TABLE seal (
    partition INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    position INTEGER NOT NULL CHECK (position >= 1),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    incarnation INTEGER NOT NULL CHECK (incarnation >= 1),
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (partition, number)
) STRICT, WITHOUT ROWID;

-- What stood in the ledger that was restored when an incarnation began: behind it, what another
-- incarnation had is void.
CREATE TABLE incarnation (
    incarnation INTEGER NOT NULL CHECK (incarnation >= 2),
    partition INTEGER NOT NULL,
    begun_after INTEGER NOT NULL CHECK (begun_after >= 0),
    adopted_at INTEGER NOT NULL,
    PRIMARY KEY (incarnation, partition)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER seal_is_the_next BEFORE INSERT ON seal
WHEN NEW.number <> 1 + coalesce((SELECT max(number) FROM seal WHERE partition = NEW.partition), 0)
    OR NEW.position <= coalesce((
        SELECT position FROM seal WHERE partition = NEW.partition ORDER BY number DESC LIMIT 1), 0)
    OR NEW.position > coalesce((
        SELECT head FROM ledger_partition WHERE partition = NEW.partition), 0)
BEGIN
    SELECT RAISE(ABORT, 'seals are append-only: a seal takes its partition''s next number');
END;

CREATE TRIGGER seal_is_never_updated BEFORE UPDATE ON seal
BEGIN
    SELECT RAISE(ABORT, 'seals are append-only: a seal is never updated');
END;

CREATE TRIGGER seal_is_never_deleted BEFORE DELETE ON seal
BEGIN
    SELECT RAISE(ABORT, 'seals are append-only: a seal is never deleted');
END;

CREATE TRIGGER incarnation_is_the_next BEFORE INSERT ON incarnation
WHEN NEW.incarnation <> 1 + coalesce((SELECT incarnation FROM ledger), 0)
    OR EXISTS (
        SELECT 1 FROM incarnation
        WHERE incarnation = NEW.incarnation AND partition = NEW.partition)
BEGIN
    SELECT RAISE(ABORT, 'an incarnation is recorded once, when a ledger is adopted');
END;

CREATE TRIGGER incarnation_is_never_updated BEFORE UPDATE ON incarnation
BEGIN
    SELECT RAISE(ABORT, 'an incarnation is recorded once, when a ledger is adopted');
END;

CREATE TRIGGER incarnation_is_never_deleted BEFORE DELETE ON incarnation
BEGIN
    SELECT RAISE(ABORT, 'an incarnation is recorded once, when a ledger is adopted');
END;
