-- A payment's settlement lines are found by it, and by its texts; and every list has an index for its order by
-- amount. While it runs the views stand still where they are; payments don't wait for it.
CREATE INDEX settlement_line_of_payment ON settlement_line (payment_id);

CREATE INDEX payment_by_amount ON payment (amount, payment_id);
CREATE INDEX operation_by_amount ON operation (amount, operation_id);
CREATE INDEX refund_by_amount ON refund (amount, operation_id);
CREATE INDEX settlement_line_by_amount ON settlement_line (amount, partition, position);
CREATE INDEX posting_by_amount ON posting (amount, partition, position, line);

-- For analysts: the key that the client gave an operation.
CREATE OR REPLACE VIEW daybook_analytics.operations AS
SELECT
    operation_id,
    payment_id,
    merchant_id,
    verb,
    status,
    currency,
    amount,
    amount_settled,
    late,
    requested_at,
    completed_at,
    acquirer_transaction_id,
    response_code,
    idempotency_key
FROM operation;
COMMENT ON COLUMN daybook_analytics.operations.idempotency_key IS 'The key that the client gave it; null where it gave none, and for what the engine began by itself';
