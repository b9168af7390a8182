//! Outcomes that people found out, for operations that no inquiry ends.

use super::execute::{Executed, Step};
use super::{Engine, EngineError};
use crate::ids::{OperationId, PaymentId};
use crate::payment::{Command, Conclude, Outcome};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Resolved {
    Recorded,
    /// The operation has an outcome already, or takes none like this: nothing was recorded.
    Refused,
}

impl Engine {
    /// Records an outcome for an operation that is open, and for no other: unlike the acquirer's own
    /// answers it never contradicts what stands in the ledger.
    ///
    /// # Errors
    /// As [`Engine::conclude`].
    pub async fn resolve(
        &self,
        payment_id: PaymentId,
        operation_id: OperationId,
        outcome: Outcome,
    ) -> Result<Resolved, EngineError> {
        let room = self.reserve().await?;
        let command = Command::Resolve(Conclude {
            operation_id,
            outcome,
            next_operation_id: self.0.ids.operation_id(),
            terms: self.0.settings.terms,
        });
        match self.execute(Step::Record(payment_id, &command), room).await? {
            Executed::Appended(_) => Ok(Resolved::Recorded),
            Executed::Nothing(_) | Executed::Replay(..) => Ok(Resolved::Refused),
        }
    }
}
