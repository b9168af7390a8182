-- views.db: five folds of the ledger and how far each has got. All of it can be rebuilt from nothing.
-- Ids are 16-byte blobs, times microseconds since 1970 UTC, amounts minor units. Totals are kept per
-- partition and summed on read. A sum that leaves 64 bits becomes a REAL, which STRICT refuses.

CREATE TABLE view_cursor (
    view TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    event_id BLOB CHECK (length(event_id) = 16),
    PRIMARY KEY (view, partition),
    CHECK ((position = 0) = (event_id IS NULL))
) STRICT, WITHOUT ROWID;

-- Not WITHOUT ROWID: ids are random, and only a short index entry should land on a random page.
CREATE TABLE payment (
    partition INTEGER NOT NULL,
    payment_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    merchant_id TEXT NOT NULL,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    amount_authorized INTEGER NOT NULL,
    amount_captured INTEGER NOT NULL,
    amount_refunded INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state <> ''),
    PRIMARY KEY (partition, payment_id)
) STRICT;

CREATE INDEX payment_newest ON payment (created_at, payment_id);
CREATE INDEX payment_of_merchant ON payment (merchant_id, created_at, payment_id);

-- Operation ids are UUIDv7, so their order is the order of time.
CREATE TABLE operation (
    partition INTEGER NOT NULL,
    operation_id BLOB NOT NULL,
    payment_id BLOB NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    verb TEXT NOT NULL,
    amount INTEGER NOT NULL,
    amount_settled INTEGER NOT NULL,
    status TEXT NOT NULL,
    late TEXT,
    idempotency_key TEXT,
    requested_at INTEGER NOT NULL,
    completed_at INTEGER,
    acquirer_transaction_id TEXT,
    response_code TEXT,
    PRIMARY KEY (partition, operation_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX operation_newest ON operation (operation_id);
CREATE INDEX operation_of_merchant ON operation (merchant_id, operation_id);

CREATE TABLE refund (
    partition INTEGER NOT NULL,
    operation_id BLOB NOT NULL,
    payment_id BLOB NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    completed_at INTEGER,
    acquirer_transaction_id TEXT,
    response_code TEXT,
    PRIMARY KEY (partition, operation_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX refund_newest ON refund (operation_id);
CREATE INDEX refund_of_merchant ON refund (merchant_id, operation_id);

CREATE TABLE settlement (
    partition INTEGER NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    date TEXT NOT NULL,
    capture_count INTEGER NOT NULL,
    refund_count INTEGER NOT NULL,
    gross_amount INTEGER NOT NULL,
    refund_amount INTEGER NOT NULL,
    fee_amount INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, date, currency, partition)
) STRICT, WITHOUT ROWID;

CREATE INDEX settlement_newest ON settlement (date, merchant_id, currency);

CREATE TABLE settlement_line (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    payment_id BLOB NOT NULL,
    operation_id BLOB NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    date TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    PRIMARY KEY (partition, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX settlement_line_newest ON settlement_line (date, at, partition, position);
CREATE INDEX settlement_line_of_merchant
    ON settlement_line (merchant_id, date, at, partition, position);

CREATE TABLE balance (
    partition INTEGER NOT NULL,
    merchant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    account TEXT NOT NULL,
    debits INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, currency, account, partition)
) STRICT, WITHOUT ROWID;
