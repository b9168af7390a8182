-- Five folds of the ledger and how far each has got, in the ledger's database or in another. All of it can
-- be rebuilt from nothing. Amounts are minor units. Totals are kept per partition and summed on read.

CREATE TABLE view_cursor (
    view text NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    event_id uuid,
    PRIMARY KEY (view, partition),
    CHECK ((position = 0) = (event_id IS NULL))
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE payment (
    partition smallint NOT NULL,
    payment_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    amount_authorized bigint NOT NULL,
    amount_captured bigint NOT NULL,
    amount_refunded bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state <> ''),
    PRIMARY KEY (partition, payment_id)
);

CREATE INDEX payment_newest ON payment (created_at, payment_id);
CREATE INDEX payment_of_merchant ON payment (merchant_id, created_at, payment_id);

-- Operation ids are UUIDv7, so their order is the order of time.
CREATE TABLE operation (
    partition smallint NOT NULL,
    operation_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    verb text NOT NULL,
    amount bigint NOT NULL,
    amount_settled bigint NOT NULL,
    status text NOT NULL,
    late text,
    idempotency_key text,
    requested_at timestamptz NOT NULL,
    completed_at timestamptz,
    acquirer_transaction_id text,
    response_code text,
    PRIMARY KEY (partition, operation_id)
);

CREATE UNIQUE INDEX operation_newest ON operation (operation_id);
CREATE INDEX operation_of_merchant ON operation (merchant_id, operation_id);

CREATE TABLE refund (
    partition smallint NOT NULL,
    operation_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    status text NOT NULL,
    requested_at timestamptz NOT NULL,
    completed_at timestamptz,
    acquirer_transaction_id text,
    response_code text,
    PRIMARY KEY (partition, operation_id)
);

CREATE UNIQUE INDEX refund_newest ON refund (operation_id);
CREATE INDEX refund_of_merchant ON refund (merchant_id, operation_id);

CREATE TABLE settlement (
    partition smallint NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    date date NOT NULL,
    capture_count bigint NOT NULL,
    refund_count bigint NOT NULL,
    gross_amount bigint NOT NULL,
    refund_amount bigint NOT NULL,
    fee_amount bigint NOT NULL,
    PRIMARY KEY (merchant_id, date, currency, partition)
);

CREATE INDEX settlement_newest ON settlement (date, merchant_id, currency);

CREATE TABLE settlement_line (
    partition smallint NOT NULL,
    position bigint NOT NULL,
    payment_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    date date NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    PRIMARY KEY (partition, position)
);

CREATE INDEX settlement_line_newest ON settlement_line (date, at, partition, position);
CREATE INDEX settlement_line_of_merchant
    ON settlement_line (merchant_id, date, at, partition, position);

CREATE TABLE balance (
    partition smallint NOT NULL,
    merchant_id text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    PRIMARY KEY (merchant_id, currency, account, partition)
);

-- A cell as an SQL literal, spelled as `verify` spells what it expects.
CREATE FUNCTION literal(cell bigint) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce(cell::text, 'NULL');
CREATE FUNCTION literal(cell text) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce('''' || replace(cell, '''', '''''') || '''', 'NULL');
CREATE FUNCTION literal(cell uuid) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce('X''' || upper(replace(cell::text, '-', '')) || '''', 'NULL');
CREATE FUNCTION literal(cell date) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce('''' || to_char(cell, 'YYYY-MM-DD') || '''', 'NULL');
CREATE FUNCTION literal(cell timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN coalesce((extract(epoch FROM cell) * 1000000)::bigint::text, 'NULL');
