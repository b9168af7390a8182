-- The journal and the texts as views of their own, and indexes for the orders and filters of the lists. While
-- it runs the views stand still where they are; payments don't wait for it.

CREATE TABLE posting (
    partition smallint NOT NULL,
    position bigint NOT NULL,
    line smallint NOT NULL CHECK (line >= 1),
    payment_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    side text NOT NULL,
    amount bigint NOT NULL,
    date date NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (partition, position, line)
);

CREATE INDEX posting_newest ON posting (date, at, partition, position, line);
CREATE INDEX posting_of_merchant ON posting (merchant_id, date, at, partition, position, line);
CREATE INDEX posting_of_payment ON posting (payment_id);

-- What clients wrote about payments: name is reference, reason, or metadata.NAME.
CREATE TABLE payment_text (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    version integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (partition, payment_id, version, name)
);

-- Longer values are not searched for: an index has no room for them.
CREATE INDEX payment_text_value ON payment_text (name, value, created_at, payment_id)
    WHERE length(value) <= 500;

-- Texts that must not come in any more, whatever a projector has read before: name is that of the whole text.
CREATE TABLE erased_text (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    PRIMARY KEY (partition, payment_id, name)
);

CREATE TABLE daybook_rebuild.posting (LIKE posting INCLUDING ALL);
CREATE TABLE daybook_rebuild.payment_text (LIKE payment_text INCLUDING ALL);
CREATE TABLE daybook_rebuild.erased_text (LIKE erased_text INCLUDING ALL);

-- Both begin at the start; a build that doesn't know them lets them stand there.
INSERT INTO view_cursor (view, partition, position)
SELECT new.view, cursor.partition, 0
FROM (VALUES ('journal'), ('texts')) AS new (view)
CROSS JOIN (SELECT DISTINCT partition FROM view_cursor) AS cursor;
INSERT INTO daybook_rebuild.view_cursor (view, partition, position)
SELECT new.view, cursor.partition, 0
FROM (VALUES ('journal'), ('texts')) AS new (view)
CROSS JOIN (SELECT DISTINCT partition FROM daybook_rebuild.view_cursor) AS cursor;

-- One index for each order that stands for itself, one for a merchant's, and those that a single payment's rows
-- are found by: every row of a projector's batch pays for each of them. An order by amount sorts what the
-- filters leave.
CREATE INDEX payment_updated ON payment (updated_at, payment_id);

CREATE INDEX operation_requested ON operation (requested_at, operation_id);
CREATE INDEX operation_of_merchant_requested ON operation (merchant_id, requested_at, operation_id);
CREATE INDEX operation_of_payment ON operation (payment_id);
DROP INDEX operation_of_merchant;

CREATE INDEX refund_requested ON refund (requested_at, operation_id);
CREATE INDEX refund_of_merchant_requested ON refund (merchant_id, requested_at, operation_id);
CREATE INDEX refund_of_payment ON refund (payment_id);
DROP INDEX refund_of_merchant;

-- What is not finished is rare among what is: found at once, and most rows never stand here.
CREATE INDEX payment_unfinished ON payment (status, created_at, payment_id)
    WHERE status IN ('AUTHORIZING', 'VOID_REQUESTED', 'CAPTURE_REQUESTED', 'REFUND_REQUESTED',
                     'CAPTURE_FAILED', 'REFUND_FAILED');
CREATE INDEX operation_unfinished ON operation (status, requested_at, operation_id)
    WHERE status IN ('PENDING', 'UNKNOWN', 'FAILED');
CREATE INDEX refund_unfinished ON refund (status, requested_at, operation_id)
    WHERE status IN ('PENDING', 'UNKNOWN', 'FAILED');
