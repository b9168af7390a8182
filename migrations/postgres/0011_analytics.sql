-- Views for analysts, with names, columns and comments that stay: docs/sql.md describes them. They run with the
-- rights of their owner, so who may read them needs none on the tables; deploy/postgres/analyst_role.sql is a
-- role that may do nothing else. A column is added at the end, and never changed or taken away.

CREATE SCHEMA daybook_analytics;
COMMENT ON SCHEMA daybook_analytics IS 'Daybook for analysts: read-only views with names that stay';

CREATE VIEW daybook_analytics.payments AS
SELECT
    payment_id,
    merchant_id,
    status,
    currency,
    amount,
    amount_authorized,
    amount_captured,
    amount_refunded,
    created_at,
    updated_at,
    version
FROM payment;
COMMENT ON VIEW daybook_analytics.payments IS 'One row a payment, as far as the views have read the ledger.';
COMMENT ON COLUMN daybook_analytics.payments.payment_id IS 'The payment';
COMMENT ON COLUMN daybook_analytics.payments.merchant_id IS 'Whose payment it is';
COMMENT ON COLUMN daybook_analytics.payments.status IS 'As the API shows it, such as AUTHORIZED or PARTIALLY_REFUNDED';
COMMENT ON COLUMN daybook_analytics.payments.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.payments.amount IS 'What was asked for, in minor units';
COMMENT ON COLUMN daybook_analytics.payments.amount_authorized IS 'What the acquirer approved, in minor units';
COMMENT ON COLUMN daybook_analytics.payments.amount_captured IS 'What was captured, in minor units';
COMMENT ON COLUMN daybook_analytics.payments.amount_refunded IS 'What was given back, in minor units';
COMMENT ON COLUMN daybook_analytics.payments.created_at IS 'When it was requested';
COMMENT ON COLUMN daybook_analytics.payments.updated_at IS 'When its last event happened';
COMMENT ON COLUMN daybook_analytics.payments.version IS 'How many events it has';

CREATE VIEW daybook_analytics.payment_texts AS
SELECT
    payment_id,
    name,
    value,
    created_at
FROM payment_text;
COMMENT ON VIEW daybook_analytics.payment_texts IS 'What clients wrote about payments, a row for each text; without what was erased.';
COMMENT ON COLUMN daybook_analytics.payment_texts.payment_id IS 'The payment';
COMMENT ON COLUMN daybook_analytics.payment_texts.name IS 'reference, reason (of a refund), or metadata.NAME';
COMMENT ON COLUMN daybook_analytics.payment_texts.value IS 'The text';
COMMENT ON COLUMN daybook_analytics.payment_texts.created_at IS 'When it was written';

CREATE VIEW daybook_analytics.operations AS
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
    response_code
FROM operation;
COMMENT ON VIEW daybook_analytics.operations IS 'One row for each authorize, capture, void, refund and reverse.';
COMMENT ON COLUMN daybook_analytics.operations.operation_id IS 'The operation: the idempotency key that the acquirer gets';
COMMENT ON COLUMN daybook_analytics.operations.payment_id IS 'Its payment';
COMMENT ON COLUMN daybook_analytics.operations.merchant_id IS 'Whose payment it is';
COMMENT ON COLUMN daybook_analytics.operations.verb IS 'authorize, capture, void, refund or reverse';
COMMENT ON COLUMN daybook_analytics.operations.status IS 'PENDING, SUCCEEDED, FAILED or UNKNOWN';
COMMENT ON COLUMN daybook_analytics.operations.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.operations.amount IS 'What was asked for, in minor units';
COMMENT ON COLUMN daybook_analytics.operations.amount_settled IS 'What counts, in minor units: zero until it succeeds';
COMMENT ON COLUMN daybook_analytics.operations.late IS 'What the acquirer said after the outcome, contradicting it: people should look';
COMMENT ON COLUMN daybook_analytics.operations.requested_at IS 'When it was requested';
COMMENT ON COLUMN daybook_analytics.operations.completed_at IS 'When it had an outcome; null until then';
COMMENT ON COLUMN daybook_analytics.operations.acquirer_transaction_id IS 'The acquirers name for it';
COMMENT ON COLUMN daybook_analytics.operations.response_code IS 'What the acquirer answered';

CREATE VIEW daybook_analytics.refunds AS
SELECT
    operation_id,
    payment_id,
    merchant_id,
    status,
    currency,
    amount,
    requested_at,
    completed_at,
    acquirer_transaction_id,
    response_code
FROM refund;
COMMENT ON VIEW daybook_analytics.refunds IS 'One row a refund, from its request on.';
COMMENT ON COLUMN daybook_analytics.refunds.operation_id IS 'The refund';
COMMENT ON COLUMN daybook_analytics.refunds.payment_id IS 'Its payment';
COMMENT ON COLUMN daybook_analytics.refunds.merchant_id IS 'Whose payment it is';
COMMENT ON COLUMN daybook_analytics.refunds.status IS 'PENDING, SUCCEEDED, FAILED or UNKNOWN';
COMMENT ON COLUMN daybook_analytics.refunds.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.refunds.amount IS 'What was given back once it succeeded, until then what was asked for; in minor units';
COMMENT ON COLUMN daybook_analytics.refunds.requested_at IS 'When it was requested';
COMMENT ON COLUMN daybook_analytics.refunds.completed_at IS 'When it had an outcome; null until then';
COMMENT ON COLUMN daybook_analytics.refunds.acquirer_transaction_id IS 'The acquirers name for it';
COMMENT ON COLUMN daybook_analytics.refunds.response_code IS 'What the acquirer answered';

CREATE VIEW daybook_analytics.settlements AS
SELECT
    merchant_id,
    currency,
    date,
    sum(capture_count)::bigint AS capture_count,
    sum(refund_count)::bigint AS refund_count,
    sum(gross_amount)::bigint AS gross_amount,
    sum(refund_amount)::bigint AS refund_amount,
    sum(fee_amount)::bigint AS fee_amount,
    (sum(gross_amount) - sum(refund_amount) - sum(fee_amount))::bigint AS net_amount
FROM settlement GROUP BY merchant_id, date, currency;
COMMENT ON VIEW daybook_analytics.settlements IS 'What a merchant earned on a day in a currency; amounts in minor units.';
COMMENT ON COLUMN daybook_analytics.settlements.merchant_id IS 'Whose day it is';
COMMENT ON COLUMN daybook_analytics.settlements.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.settlements.date IS 'The settlement day';
COMMENT ON COLUMN daybook_analytics.settlements.capture_count IS 'Captures of the day';
COMMENT ON COLUMN daybook_analytics.settlements.refund_count IS 'Refunds of the day';
COMMENT ON COLUMN daybook_analytics.settlements.gross_amount IS 'Everything captured';
COMMENT ON COLUMN daybook_analytics.settlements.refund_amount IS 'Everything given back';
COMMENT ON COLUMN daybook_analytics.settlements.fee_amount IS 'Fees';
COMMENT ON COLUMN daybook_analytics.settlements.net_amount IS 'Gross less refunds and fees: negative on a day with more refunds than captures';

CREATE VIEW daybook_analytics.settlement_lines AS
SELECT
    operation_id,
    payment_id,
    merchant_id,
    kind,
    currency,
    amount,
    fee,
    date,
    at
FROM settlement_line;
COMMENT ON VIEW daybook_analytics.settlement_lines IS 'The captures and refunds that settlements consist of.';
COMMENT ON COLUMN daybook_analytics.settlement_lines.operation_id IS 'The capture or refund';
COMMENT ON COLUMN daybook_analytics.settlement_lines.payment_id IS 'Its payment';
COMMENT ON COLUMN daybook_analytics.settlement_lines.merchant_id IS 'Whose payment it is';
COMMENT ON COLUMN daybook_analytics.settlement_lines.kind IS 'capture or refund';
COMMENT ON COLUMN daybook_analytics.settlement_lines.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.settlement_lines.amount IS 'In minor units, never negative';
COMMENT ON COLUMN daybook_analytics.settlement_lines.fee IS 'In minor units';
COMMENT ON COLUMN daybook_analytics.settlement_lines.date IS 'The settlement day';
COMMENT ON COLUMN daybook_analytics.settlement_lines.at IS 'When it was posted';

CREATE VIEW daybook_analytics.balances AS
SELECT
    merchant_id,
    currency,
    account,
    sum(debits)::bigint AS debits,
    sum(credits)::bigint AS credits,
    (CASE account WHEN 'acquirer_receivable' THEN sum(debits) - sum(credits)
        ELSE sum(credits) - sum(debits) END)::bigint AS balance
FROM balance GROUP BY merchant_id, currency, account;
COMMENT ON VIEW daybook_analytics.balances IS 'Debits and credits of every account of a merchant, by currency; amounts in minor units.';
COMMENT ON COLUMN daybook_analytics.balances.merchant_id IS 'Whose account it is';
COMMENT ON COLUMN daybook_analytics.balances.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.balances.account IS 'acquirer_receivable, merchant_payable or fees';
COMMENT ON COLUMN daybook_analytics.balances.debits IS 'Everything debited';
COMMENT ON COLUMN daybook_analytics.balances.credits IS 'Everything credited';
COMMENT ON COLUMN daybook_analytics.balances.balance IS 'On the normal side of the account: positive is the usual';

CREATE VIEW daybook_analytics.journal AS
SELECT
    operation_id,
    payment_id,
    merchant_id,
    currency,
    account,
    side,
    amount,
    date,
    at,
    partition,
    position,
    line
FROM posting;
COMMENT ON VIEW daybook_analytics.journal IS 'Every posting: the lines of the double entry of each capture and refund.';
COMMENT ON COLUMN daybook_analytics.journal.operation_id IS 'The capture or refund';
COMMENT ON COLUMN daybook_analytics.journal.payment_id IS 'Its payment';
COMMENT ON COLUMN daybook_analytics.journal.merchant_id IS 'Whose payment it is';
COMMENT ON COLUMN daybook_analytics.journal.currency IS 'ISO 4217';
COMMENT ON COLUMN daybook_analytics.journal.account IS 'acquirer_receivable, merchant_payable or fees';
COMMENT ON COLUMN daybook_analytics.journal.side IS 'debit or credit';
COMMENT ON COLUMN daybook_analytics.journal.amount IS 'In minor units, never zero';
COMMENT ON COLUMN daybook_analytics.journal.date IS 'The settlement day';
COMMENT ON COLUMN daybook_analytics.journal.at IS 'When it was posted';
COMMENT ON COLUMN daybook_analytics.journal.partition IS 'The partition of the event in the ledger';
COMMENT ON COLUMN daybook_analytics.journal.position IS 'The position of the event in its partition';
COMMENT ON COLUMN daybook_analytics.journal.line IS 'The place in the entry, from 1 on';

CREATE VIEW daybook_analytics.progress AS
SELECT
    view,
    partition,
    position
FROM view_cursor;
COMMENT ON VIEW daybook_analytics.progress IS 'How far each view has read each partition of the ledger.';
COMMENT ON COLUMN daybook_analytics.progress.view IS 'payments, settlements, refunds, balances, operations, journal or texts';
COMMENT ON COLUMN daybook_analytics.progress.partition IS 'The partition';
COMMENT ON COLUMN daybook_analytics.progress.position IS 'The last position that is in the view';
