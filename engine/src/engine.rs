//! The engine: decides a command on the payment's committed state, appends what it comes to, and
//! answers when the outcome stands in the ledger.

mod request;
mod snapshot;

pub use request::{AuthorizeRequest, CaptureRequest, RefundRequest, VoidRequest};
pub use snapshot::{Answer, PaymentView, Snapshot};

use std::time::Duration;

use crate::ids::PaymentId;
use crate::ledger::{Recorded, StoreError};
use crate::payment::{DecodeError, Rejection};

/// Why the engine gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The payment's state forbids it; nothing was recorded.
    #[error("{rejection}")]
    Rejected { payment_id: Option<PaymentId>, rejection: Rejection },
    /// Too much is waiting already; nothing was recorded.
    #[error("the engine is at its limit: try again in a moment")]
    Overloaded,
    /// The process is stopping; nothing was recorded.
    #[error("the process is stopping: try again in a moment")]
    Stopping,
    #[error("the ledger can't be used: try again with the same key")]
    Store(#[source] StoreError),
    #[error("the ledger holds what this build can't read")]
    Unreadable(#[source] DecodeError),
}

/// The engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {}

impl Engine {
    /// Authorizes a payment, or finds the one that this merchant and key created. Waits for the
    /// outcome up to `wait`; an answer without an outcome says so.
    ///
    /// # Errors
    /// [`EngineError`]; with the key, the request may always be repeated.
    pub async fn authorize(
        &self,
        request: AuthorizeRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let _ = (request, wait);
        Err(EngineError::Stopping)
    }

    /// Captures a payment, whole or in part.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn capture(
        &self,
        request: CaptureRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let _ = (request, wait);
        Err(EngineError::Stopping)
    }

    /// Voids what is left of a payment.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn void(&self, request: VoidRequest, wait: Duration) -> Result<Answer, EngineError> {
        let _ = (request, wait);
        Err(EngineError::Stopping)
    }

    /// Refunds a payment, whole or in part.
    ///
    /// # Errors
    /// As [`Engine::authorize`].
    pub async fn refund(
        &self,
        request: RefundRequest,
        wait: Duration,
    ) -> Result<Answer, EngineError> {
        let _ = (request, wait);
        Err(EngineError::Stopping)
    }

    /// A payment as the ledger has it now; `None` where there is none.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError> {
        let _ = id;
        Err(EngineError::Stopping)
    }

    /// A payment's events in version order; empty where there is no such payment.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError> {
        let _ = id;
        Err(EngineError::Stopping)
    }
}
