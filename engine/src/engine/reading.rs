//! Payments as the ledger has them now.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::execute::fold;
use super::outcome::has_texts;
use super::snapshot::{PaymentView, Snapshot};
use super::{Engine, EngineError};
use crate::event_text::EventText;
use crate::idempotency::IdempotencyKey;
use crate::ids::PaymentId;
use crate::ledger::Recorded;
use crate::merchant::MerchantId;

impl Engine {
    /// A payment as the ledger has it now; `None` where there is none.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<PaymentView>, EngineError> {
        let Some(snapshot) = self.load(id).await? else { return Ok(None) };
        let texts = self.texts_of(&snapshot).await?;
        Ok(Some(PaymentView { snapshot, texts }))
    }

    /// The payment that this merchant's key created, as the ledger has it now; `None` where it
    /// created none. Keys of later operations are not looked for.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn payment_created_by(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<PaymentView>, EngineError> {
        let found = self.payment(PaymentId::derive(self.0.identity.id, merchant_id, key)).await?;
        // Two pairs whose ids collide must not be taken for each other, however unlikely that is.
        Ok(found.filter(|view| {
            let payment = &view.snapshot.payment;
            let request = payment.authorization().and_then(|first| first.request.as_ref());
            payment.merchant_id == *merchant_id
                && request.and_then(|request| request.key.as_ref()) == Some(key)
        }))
    }

    /// Payments with their texts, folded by somebody else: a view's rows.
    ///
    /// # Errors
    /// When the texts can't be read.
    pub async fn with_texts(
        &self,
        snapshots: Vec<Snapshot>,
    ) -> Result<Vec<PaymentView>, EngineError> {
        let with_texts = snapshots.iter().filter(|snapshot| has_texts(&snapshot.payment));
        let ids: Vec<PaymentId> = with_texts.map(|snapshot| snapshot.payment_id).collect();
        let mut texts: BTreeMap<PaymentId, Vec<EventText>> = BTreeMap::new();
        if !ids.is_empty() {
            let read = self.0.ledger.texts_of(&ids).await.map_err(EngineError::Store)?;
            for (payment_id, text) in read {
                texts.entry(payment_id).or_default().push(text);
            }
        }
        let view = |snapshot: Snapshot| {
            let texts = texts.remove(&snapshot.payment_id).unwrap_or_default();
            PaymentView { snapshot: Arc::new(snapshot), texts }
        };
        Ok(snapshots.into_iter().map(view).collect())
    }

    /// A payment's events in version order; empty where there is no such payment.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn events(&self, id: PaymentId) -> Result<Vec<Recorded>, EngineError> {
        let recorded = self.0.ledger.load(id).await.map_err(EngineError::Store)?;
        fold(id, &recorded)?;
        Ok(recorded)
    }
}
