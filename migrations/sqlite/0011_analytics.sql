-- Views for analysts, with names and columns that stay: docs/sql.md describes them. Ids and times are texts
-- here, times as RFC 3339 in UTC; amounts are minor units. On Postgres the same stand in the schema
-- daybook_analytics.

CREATE VIEW payments AS
SELECT
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, status, currency, amount, amount_authorized, amount_captured, amount_refunded,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000000.0, 'unixepoch') AS updated_at,
    version
FROM (SELECT *, hex(payment_id) AS id FROM payment);

CREATE VIEW payment_texts AS
SELECT
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    name, value,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000000.0, 'unixepoch') AS created_at
FROM (SELECT *, hex(payment_id) AS id FROM payment_text);

CREATE VIEW operations AS
SELECT
    lower(substr(own, 1, 8) || '-' || substr(own, 9, 4) || '-' || substr(own, 13, 4) || '-'
        || substr(own, 17, 4) || '-' || substr(own, 21)) AS operation_id,
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, verb, status, currency, amount, amount_settled, late,
    strftime('%Y-%m-%dT%H:%M:%fZ', requested_at / 1000000.0, 'unixepoch') AS requested_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', completed_at / 1000000.0, 'unixepoch') AS completed_at,
    acquirer_transaction_id, response_code
FROM (SELECT *, hex(operation_id) AS own, hex(payment_id) AS id FROM operation);

CREATE VIEW refunds AS
SELECT
    lower(substr(own, 1, 8) || '-' || substr(own, 9, 4) || '-' || substr(own, 13, 4) || '-'
        || substr(own, 17, 4) || '-' || substr(own, 21)) AS operation_id,
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, status, currency, amount,
    strftime('%Y-%m-%dT%H:%M:%fZ', requested_at / 1000000.0, 'unixepoch') AS requested_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', completed_at / 1000000.0, 'unixepoch') AS completed_at,
    acquirer_transaction_id, response_code
FROM (SELECT *, hex(operation_id) AS own, hex(payment_id) AS id FROM refund);

CREATE VIEW settlements AS
SELECT
    merchant_id, currency, date,
    sum(capture_count) AS capture_count, sum(refund_count) AS refund_count,
    sum(gross_amount) AS gross_amount, sum(refund_amount) AS refund_amount,
    sum(fee_amount) AS fee_amount,
    sum(gross_amount) - sum(refund_amount) - sum(fee_amount) AS net_amount
FROM settlement GROUP BY merchant_id, date, currency;

CREATE VIEW settlement_lines AS
SELECT
    lower(substr(own, 1, 8) || '-' || substr(own, 9, 4) || '-' || substr(own, 13, 4) || '-'
        || substr(own, 17, 4) || '-' || substr(own, 21)) AS operation_id,
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, kind, currency, amount, fee, date,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000.0, 'unixepoch') AS at
FROM (SELECT *, hex(operation_id) AS own, hex(payment_id) AS id FROM settlement_line);

CREATE VIEW balances AS
SELECT
    merchant_id, currency, account, sum(debits) AS debits, sum(credits) AS credits,
    CASE account WHEN 'acquirer_receivable' THEN sum(debits) - sum(credits)
        ELSE sum(credits) - sum(debits) END AS balance
FROM balance GROUP BY merchant_id, currency, account;

CREATE VIEW journal AS
SELECT
    lower(substr(own, 1, 8) || '-' || substr(own, 9, 4) || '-' || substr(own, 13, 4) || '-'
        || substr(own, 17, 4) || '-' || substr(own, 21)) AS operation_id,
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, currency, account, side, amount, date,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000.0, 'unixepoch') AS at,
    partition, position, line
FROM (SELECT *, hex(operation_id) AS own, hex(payment_id) AS id FROM posting);

CREATE VIEW progress AS
SELECT view, partition, position FROM view_cursor;
