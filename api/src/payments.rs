//! The port to the engine: one function per call that a route makes.

use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::Engine;
use daybook_engine::engine::{
    Answer, AuthorizeRequest, CancelRequest, CaptureRequest, DryRun, EngineError, PaymentView,
    RefundRequest, Snapshot, VoidRequest,
};
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::Recorded;
use daybook_engine::merchant::MerchantId;

/// What the routes need of the engine; see [`Engine`] for each.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    async fn authorize(
        &self,
        request: AuthorizeRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError>;

    async fn capture(&self, request: CaptureRequest, wait: Duration)
    -> Result<Answer, EngineError>;

    async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError>;

    async fn refund(&self, request: RefundRequest, wait: Duration) -> Result<Answer, EngineError>;

    async fn cancel(&self, request: CancelRequest, wait: Duration) -> Result<Answer, EngineError>;

    async fn dry_run(&self, request: DryRun) -> Result<Answer, EngineError>;

    async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError>;

    async fn payment_created_by(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<PaymentView>, EngineError>;

    async fn with_texts(&self, snapshots: Vec<Snapshot>) -> Result<Vec<PaymentView>, EngineError>;

    async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError>;
}

#[async_trait]
impl Payments for Engine {
    async fn authorize(
        &self,
        request: AuthorizeRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        self.authorize(request, wait).await
    }

    async fn capture(
        &self,
        request: CaptureRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        self.capture(request, wait).await
    }

    async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.void(request, wait).await
    }

    async fn refund(&self, request: RefundRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.refund(request, wait).await
    }

    async fn cancel(&self, request: CancelRequest, wait: Duration) -> Result<Answer, EngineError> {
        self.cancel(request, wait).await
    }

    async fn dry_run(&self, request: DryRun) -> Result<Answer, EngineError> {
        self.dry_run(request).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError> {
        self.payment(id).await
    }

    async fn payment_created_by(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<PaymentView>, EngineError> {
        self.payment_created_by(merchant_id, key).await
    }

    async fn with_texts(&self, snapshots: Vec<Snapshot>) -> Result<Vec<PaymentView>, EngineError> {
        self.with_texts(snapshots).await
    }

    async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError> {
        self.events(id).await
    }
}
