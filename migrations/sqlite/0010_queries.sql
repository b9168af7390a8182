-- The journal and the texts as views of their own, and indexes for the orders and filters of the lists.

CREATE TABLE posting (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL CHECK (line >= 1),
    payment_id BLOB NOT NULL,
    operation_id BLOB NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    account TEXT NOT NULL,
    side TEXT NOT NULL,
    amount INTEGER NOT NULL,
    date TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (partition, position, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX posting_newest ON posting (date, at, partition, position, line);
CREATE INDEX posting_of_merchant ON posting (merchant_id, date, at, partition, position, line);
CREATE INDEX posting_of_payment ON posting (payment_id);

-- What clients wrote about payments: name is reference, reason, or metadata.NAME.
CREATE TABLE payment_text (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (partition, payment_id, version, name)
) STRICT, WITHOUT ROWID;

-- Longer values are not searched for.
CREATE INDEX payment_text_value ON payment_text (name, value, created_at, payment_id)
    WHERE length(value) <= 500;

-- Texts that must not come in any more, whatever a projector has read before: name is that of the whole text.
CREATE TABLE erased_text (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (partition, payment_id, name)
) STRICT, WITHOUT ROWID;

-- Both begin at the start; a build that doesn't know them lets them stand there.
INSERT INTO view_cursor (view, partition, position)
SELECT new.view, cursor.partition, 0
FROM (SELECT 'journal' AS view UNION ALL SELECT 'texts') AS new
CROSS JOIN (SELECT DISTINCT partition FROM view_cursor) AS cursor;

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
