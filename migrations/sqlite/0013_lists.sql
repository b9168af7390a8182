-- A payment's settlement lines are found by it, and by its texts; and every list has an index for its order by
-- amount.
CREATE INDEX settlement_line_of_payment ON settlement_line (payment_id);

CREATE INDEX payment_by_amount ON payment (amount, payment_id);
CREATE INDEX operation_by_amount ON operation (amount, operation_id);
CREATE INDEX refund_by_amount ON refund (amount, operation_id);
CREATE INDEX settlement_line_by_amount ON settlement_line (amount, partition, position);
CREATE INDEX posting_by_amount ON posting (amount, partition, position, line);
