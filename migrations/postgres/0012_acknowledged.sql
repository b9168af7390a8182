-- That people have seen what the acquirer said after an operation's outcome, by the version of the event
-- that says it.
CREATE TABLE acknowledgement (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    said_by text NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (partition, payment_id, version)
);

CREATE TRIGGER acknowledgement_is_never_updated BEFORE UPDATE ON acknowledgement
FOR EACH STATEMENT EXECUTE FUNCTION refuse('acknowledgements are append-only: one is never updated');

CREATE TRIGGER acknowledgement_is_never_deleted BEFORE DELETE OR TRUNCATE ON acknowledgement
FOR EACH STATEMENT EXECUTE FUNCTION refuse('acknowledgements are append-only: one is never deleted');
