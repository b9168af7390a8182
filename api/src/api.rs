//! What the routes are served from.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::ids::{Ids, Partition};
use daybook_projections::views::ViewQueries;
use prometheus_client::registry::Registry;

use crate::error::ApiError;
use crate::limits::Limits;
use crate::metrics::HttpMetrics;
use crate::payments::Payments;
use crate::problem::API_NOT_SERVED;

/// Everything a handler may reach; put together by the composition root.
pub struct Api {
    /// `None` where this process has no api role: the routes of payments then answer 503.
    pub payments: Option<Arc<dyn Payments>>,
    /// `None` where this process has no api role: the lists then answer 503.
    pub views: Option<Arc<dyn ViewQueries>>,
    pub view_lag: Option<Arc<dyn ViewLag>>,
    pub probes: Vec<Arc<dyn Probe>>,
    pub ids: Arc<Ids>,
    /// Registered in `registry`.
    pub metrics: HttpMetrics,
    /// All that `/metrics` shows.
    pub registry: Arc<Registry>,
    pub limits: Limits,
}

impl Api {
    pub(crate) fn payments(&self) -> Result<&dyn Payments, ApiError> {
        self.shared_payments().map(Arc::as_ref)
    }

    /// For tasks beside the handler's.
    pub(crate) fn shared_payments(&self) -> Result<&Arc<dyn Payments>, ApiError> {
        self.payments.as_ref().ok_or_else(|| {
            let detail = "this process serves no payments: ask one that runs the api role";
            ApiError::new(API_NOT_SERVED, detail)
        })
    }
}

/// How far the views are behind the ledger.
#[async_trait]
pub trait ViewLag: Send + Sync + 'static {
    /// How long the oldest event that `positions` have not reached has been in the ledger; `None`
    /// while nobody can say.
    async fn lag(&self, positions: &[(Partition, u64)]) -> Option<Duration>;
}

/// Whether something this process depends on can be reached.
#[async_trait]
pub trait Probe: Send + Sync + 'static {
    fn name(&self) -> &str;

    /// Whether the process is not ready without it; if not, its state only stands in the body.
    fn is_required(&self) -> bool {
        true
    }

    /// # Errors
    /// What is wrong, for operators.
    async fn check(&self) -> Result<(), String>;
}
