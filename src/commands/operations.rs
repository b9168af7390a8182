//! `daybook operations list`, `resolve` and `acknowledge`: what needs people, what they found out, and what
//! they have seen.

mod acknowledge;
mod list;
mod resolve;

use std::sync::Arc;

use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::merchant::MerchantId;
use daybook_engine::payment::Verb;

use crate::cli::Failure;
use crate::config::Config;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) enum OperationsCommand {
    List(Listing),
    Resolve(Resolving),
    Acknowledge(Acknowledging),
}

/// Which operations are listed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) kinds: Kinds,
    pub(crate) merchant_id: Option<MerchantId>,
    pub(crate) verb: Option<Verb>,
    /// Those contradicted ones too that somebody has acknowledged.
    pub(crate) has_acknowledged: bool,
    pub(crate) is_json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    All,
    Open,
    Late,
}

/// What people found out.
#[derive(Clone, Debug)]
pub(crate) struct Resolving {
    pub(crate) payment_id: PaymentId,
    pub(crate) operation_id: OperationId,
    pub(crate) said: Said,
    pub(crate) by: String,
    pub(crate) why: String,
    /// In minor units; `None` for all that was asked for.
    pub(crate) amount: Option<i64>,
    pub(crate) transaction_id: Option<Arc<str>>,
    pub(crate) approval_code: Option<Arc<str>>,
}

/// What people have seen.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledging {
    pub(crate) payment_id: PaymentId,
    pub(crate) operation_id: OperationId,
    pub(crate) by: String,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Succeeded,
    Failed,
}

/// Does it, and says how it went.
///
/// # Errors
/// Where an outcome can't be recorded, or nothing is to be acknowledged; says why.
pub(crate) async fn run(config: &Config, command: OperationsCommand) -> Result<(), Failure> {
    match command {
        OperationsCommand::List(listing) => list::run(config, &listing).await,
        OperationsCommand::Resolve(resolving) => resolve::run(config, resolving).await,
        OperationsCommand::Acknowledge(acknowledging) => {
            acknowledge::run(config, &acknowledging).await
        }
    }
}
