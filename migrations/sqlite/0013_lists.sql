-- A payment's settlement lines are found by it, and by its texts; and every list has an index for its order by
-- amount.
CREATE INDEX settlement_line_of_payment ON settlement_line (payment_id);

CREATE INDEX payment_by_amount ON payment (amount, payment_id);
CREATE INDEX operation_by_amount ON operation (amount, operation_id);
CREATE INDEX refund_by_amount ON refund (amount, operation_id);
CREATE INDEX settlement_line_by_amount ON settlement_line (amount, partition, position);
CREATE INDEX posting_by_amount ON posting (amount, partition, position, line);

-- For analysts: the key that the client gave an operation.
DROP VIEW operations;
CREATE VIEW operations AS
SELECT
    lower(substr(own, 1, 8) || '-' || substr(own, 9, 4) || '-' || substr(own, 13, 4) || '-'
        || substr(own, 17, 4) || '-' || substr(own, 21)) AS operation_id,
    lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-'
        || substr(id, 17, 4) || '-' || substr(id, 21)) AS payment_id,
    merchant_id, verb, status, currency, amount, amount_settled, late,
    strftime('%Y-%m-%dT%H:%M:%fZ', requested_at / 1000000.0, 'unixepoch') AS requested_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', completed_at / 1000000.0, 'unixepoch') AS completed_at,
    acquirer_transaction_id, response_code, idempotency_key
FROM (SELECT *, hex(operation_id) AS own, hex(payment_id) AS id FROM operation);
