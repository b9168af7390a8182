//! The lists' rows as lines: the fields that their JSON has, but for those that are lists themselves.

use daybook_engine::payment::PaymentBody;
use daybook_projections::views::{
    BalanceBody, OperationBody, PostingBody, RefundBody, SettlementBody, SettlementLineBody,
};

use super::{Cell, Record};

impl Record for PaymentBody {
    const COLUMNS: &'static [&'static str] = &[
        "paymentId",
        "merchantId",
        "status",
        "currency",
        "amount",
        "amountAuthorized",
        "amountCapturable",
        "amountCaptured",
        "amountRefunded",
        "amountCapturePending",
        "amountRefundPending",
        "amountVoided",
        "declineCode",
        "reference",
        "captureMethod",
        "createdAt",
        "updatedAt",
        "expiresAt",
        "version",
        "position",
        "metadata",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::shown(&self.payment_id),
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::name(self.status.as_str()),
            Cell::shown(&self.currency),
            Cell::Number(self.amount.minor()),
            Cell::Number(self.amount_authorized.minor()),
            Cell::Number(self.amount_capturable.minor()),
            Cell::Number(self.amount_captured.minor()),
            Cell::Number(self.amount_refunded.minor()),
            Cell::Number(self.amount_capture_pending.minor()),
            Cell::Number(self.amount_refund_pending.minor()),
            Cell::Number(self.amount_voided.minor()),
            Cell::text(self.decline_code.as_deref()),
            Cell::text(self.reference.as_deref()),
            Cell::name(self.capture_method.as_str()),
            Cell::shown(&self.created_at),
            Cell::shown(&self.updated_at),
            Cell::optional(self.expires_at.as_ref()),
            Cell::Number(self.version.into()),
            Cell::shown(&self.position),
            Cell::text(self.metadata.as_deref().map(|json| json.get())),
        ]
    }
}

impl Record for SettlementBody {
    const COLUMNS: &'static [&'static str] = &[
        "merchantId",
        "currency",
        "date",
        "captureCount",
        "refundCount",
        "grossAmount",
        "refundAmount",
        "feeAmount",
        "netAmount",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::shown(&self.date),
            Cell::Number(self.capture_count),
            Cell::Number(self.refund_count),
            Cell::Number(self.gross_amount),
            Cell::Number(self.refund_amount),
            Cell::Number(self.fee_amount),
            Cell::Number(self.net_amount),
        ]
    }
}

impl Record for SettlementLineBody {
    const COLUMNS: &'static [&'static str] = &[
        "paymentId",
        "operationId",
        "merchantId",
        "currency",
        "date",
        "at",
        "kind",
        "amount",
        "fee",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::shown(&self.payment_id),
            Cell::shown(&self.operation_id),
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::shown(&self.date),
            Cell::shown(&self.at),
            Cell::name(self.kind.as_str()),
            Cell::Number(self.amount.minor()),
            Cell::Number(self.fee.minor()),
        ]
    }
}

impl Record for RefundBody {
    const COLUMNS: &'static [&'static str] = &[
        "operationId",
        "paymentId",
        "merchantId",
        "currency",
        "amount",
        "status",
        "requestedAt",
        "completedAt",
        "acquirerTransactionId",
        "responseCode",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::shown(&self.operation_id),
            Cell::shown(&self.payment_id),
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::Number(self.amount.minor()),
            Cell::name(self.status.as_str()),
            Cell::shown(&self.requested_at),
            Cell::optional(self.completed_at.as_ref()),
            Cell::text(self.acquirer_transaction_id.as_deref()),
            Cell::text(self.response_code.as_deref()),
        ]
    }
}

impl Record for OperationBody {
    const COLUMNS: &'static [&'static str] = &[
        "operationId",
        "paymentId",
        "merchantId",
        "currency",
        "verb",
        "amount",
        "amountSettled",
        "status",
        "late",
        "idempotencyKey",
        "requestedAt",
        "completedAt",
        "acquirerTransactionId",
        "responseCode",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::shown(&self.operation_id),
            Cell::shown(&self.payment_id),
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::name(self.verb.as_str()),
            Cell::Number(self.amount.minor()),
            Cell::Number(self.amount_settled.minor()),
            Cell::name(self.status.as_str()),
            self.late.map_or(Cell::Empty, |late| Cell::name(late.as_str())),
            Cell::text(self.idempotency_key.as_deref()),
            Cell::shown(&self.requested_at),
            Cell::optional(self.completed_at.as_ref()),
            Cell::text(self.acquirer_transaction_id.as_deref()),
            Cell::text(self.response_code.as_deref()),
        ]
    }
}

impl Record for BalanceBody {
    const COLUMNS: &'static [&'static str] =
        &["merchantId", "currency", "account", "debits", "credits", "balance"];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::name(self.account.as_str()),
            Cell::Number(self.debits),
            Cell::Number(self.credits),
            Cell::Number(self.balance),
        ]
    }
}

impl Record for PostingBody {
    const COLUMNS: &'static [&'static str] = &[
        "paymentId",
        "operationId",
        "merchantId",
        "currency",
        "account",
        "side",
        "amount",
        "date",
        "at",
        "position",
        "line",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::shown(&self.payment_id),
            Cell::shown(&self.operation_id),
            Cell::text(Some(self.merchant_id.as_str())),
            Cell::shown(&self.currency),
            Cell::name(self.account.as_str()),
            Cell::name(self.side.as_str()),
            Cell::Number(self.amount.minor()),
            Cell::shown(&self.date),
            Cell::shown(&self.at),
            Cell::shown(&self.position),
            Cell::shown(&self.line),
        ]
    }
}
