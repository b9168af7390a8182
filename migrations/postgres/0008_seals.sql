-- Seals (docs/seals.md), and where each incarnation of the ledger began.

CREATE TABLE seal (
    partition smallint NOT NULL,
    number bigint NOT NULL CHECK (number >= 1),
    position bigint NOT NULL CHECK (position >= 1),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    incarnation integer NOT NULL CHECK (incarnation >= 1),
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (partition, number)
);

-- What stood in the ledger that was restored when an incarnation began: behind it, what another
-- incarnation had is void.
CREATE TABLE incarnation (
    incarnation integer NOT NULL CHECK (incarnation >= 2),
    partition smallint NOT NULL,
    begun_after bigint NOT NULL CHECK (begun_after >= 0),
    adopted_at timestamptz NOT NULL,
    PRIMARY KEY (incarnation, partition)
);

CREATE FUNCTION refuse_seal_out_of_turn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last seal;
BEGIN
    SELECT * INTO last FROM seal
    WHERE partition = NEW.partition ORDER BY number DESC LIMIT 1;
    IF NEW.number <> 1 + coalesce(last.number, 0)
        OR NEW.position <= coalesce(last.position, 0)
        OR NEW.position > coalesce((
            SELECT head FROM ledger_partition WHERE partition = NEW.partition), 0)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'seals are append-only: a seal takes its partition''s next number';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER seal_is_the_next BEFORE INSERT ON seal
FOR EACH ROW EXECUTE FUNCTION refuse_seal_out_of_turn();

CREATE TRIGGER seal_is_never_updated BEFORE UPDATE ON seal
FOR EACH STATEMENT EXECUTE FUNCTION refuse('seals are append-only: a seal is never updated');

CREATE TRIGGER seal_is_never_deleted BEFORE DELETE OR TRUNCATE ON seal
FOR EACH STATEMENT EXECUTE FUNCTION refuse('seals are append-only: a seal is never deleted');

CREATE FUNCTION refuse_incarnation_out_of_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.incarnation <> 1 + coalesce((SELECT incarnation FROM ledger), 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'an incarnation is recorded once, when a ledger is adopted';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER incarnation_is_the_next BEFORE INSERT ON incarnation
FOR EACH ROW EXECUTE FUNCTION refuse_incarnation_out_of_turn();

CREATE TRIGGER incarnation_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON incarnation
FOR EACH STATEMENT
EXECUTE FUNCTION refuse('an incarnation is recorded once, when a ledger is adopted');
