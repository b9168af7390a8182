//! An outcome that people found out, recorded as an event.

use std::sync::Arc;

use daybook_engine::Engine;
use daybook_engine::acquirer::simulator::Simulator;
use daybook_engine::engine::{EngineError, EngineMetrics, Foundations, Resolved};
use daybook_engine::ledger::Ledger;
use daybook_engine::money::Amount;
use daybook_engine::payment::{AcquirerReference, Operation, Outcome, Verb};
use daybook_engine::wake::Wake;

use super::{Resolving, Said};
use crate::cli::{Failure, chain};
use crate::config::Config;
use crate::wiring;

/// The response code of an outcome that no acquirer gave.
const RESPONSE_CODE: &str = "RESOLVED";

pub(super) async fn run(config: &Config, resolving: Resolving) -> Result<(), Failure> {
    let ledger = wiring::open_ledger_to_read(config).await?;
    let engine = engine(config, ledger.clone())?;
    let (operation, before) = find(&engine, &resolving).await?;
    check_age(config, &operation)?;
    let outcome = outcome(&resolving, &operation)?;
    let Resolving { payment_id, operation_id, .. } = resolving;
    match engine.resolve(payment_id, operation_id, outcome).await.map_err(failure)? {
        Resolved::Recorded => {
            let events = ledger.load(payment_id).await?;
            for event in events.iter().filter(|event| event.version > before) {
                let place = format!("{}:{}", event.partition, event.position);
                println!("{:>4}  {place:<12} {}", event.version, event.event_type);
            }
            println!("operation {operation_id} is resolved");
            Ok(())
        }
        Resolved::Refused => Err(Failure::Usage(format!(
            "operation {operation_id} got an outcome meanwhile: nothing was recorded"
        ))),
    }
}

/// Its engine records only: what needs calling is left to the workers.
fn engine(config: &Config, ledger: Arc<dyn Ledger>) -> Result<Engine, Failure> {
    let foundations = Foundations {
        ledger,
        acquirer: Arc::new(Simulator::new(config.simulator, wiring::clock())),
        clock: wiring::clock(),
        ids: Arc::new(wiring::ids()?),
        wake: Wake::default(),
        metrics: Arc::new(EngineMetrics::default()),
    };
    Ok(Engine::start(foundations, config.engine))
}

fn failure(error: EngineError) -> Failure {
    match error {
        EngineError::Rejected { .. } => Failure::Usage(error.to_string()),
        error => Failure::Dependency(chain(&error)),
    }
}

/// The operation, which must be open, and the payment's version.
async fn find(engine: &Engine, resolving: &Resolving) -> Result<(Operation, u32), Failure> {
    let Resolving { payment_id, operation_id, .. } = resolving;
    let view = engine.payment(*payment_id).await.map_err(failure)?;
    let view = view.ok_or_else(|| Failure::Usage(format!("there is no payment {payment_id}")))?;
    let operation = view.snapshot.payment.operation(*operation_id).cloned().ok_or_else(|| {
        Failure::Usage(format!("payment {payment_id} has no operation {operation_id}"))
    })?;
    if operation.is_open() {
        return Ok((operation, view.snapshot.payment.version));
    }
    let at = operation.completed_at.unwrap_or(operation.created_at);
    Err(Failure::Usage(format!(
        "operation {operation_id} has an outcome since {at}, {}: the ledger is never contradicted",
        operation.status.as_str()
    )))
}

/// Before that, the workers may be with the acquirer about it.
fn check_age(config: &Config, operation: &Operation) -> Result<(), Failure> {
    if config.workers.schedule.is_flagged(operation.created_at, wiring::clock().now()) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "operation {} was requested at {} only: the workers still find out by themselves, and people \
         resolve what is open for longer than --flag-after-s",
        operation.id, operation.created_at
    )))
}

fn outcome(resolving: &Resolving, operation: &Operation) -> Result<Outcome, Failure> {
    let Resolving { said, by, why, transaction_id, approval_code, .. } = resolving;
    let acquirer = AcquirerReference {
        transaction_id: transaction_id.clone(),
        approval_code: approval_code.clone(),
        response_code: Some(RESPONSE_CODE.into()),
        response_message: Some(format!("resolved by {by}: {why}").into()),
    };
    match said {
        Said::Succeeded => {
            Ok(Outcome::Approved { amount: amount(resolving, operation)?, acquirer })
        }
        Said::Failed if operation.verb == Verb::Reverse => Err(Failure::Usage(
            "a reversal can only succeed: until then it is sent again".to_owned(),
        )),
        Said::Failed if resolving.amount.is_some() => {
            Err(Failure::Usage("--amount goes with --outcome succeeded".to_owned()))
        }
        Said::Failed => Ok(Outcome::Failed { code: RESPONSE_CODE.into(), acquirer }),
    }
}

fn amount(resolving: &Resolving, operation: &Operation) -> Result<Amount, Failure> {
    let Some(minor) = resolving.amount else { return Ok(operation.amount) };
    let wrong = |cause: &str| Failure::Usage(format!("--amount {minor}: {cause}"));
    if matches!(operation.verb, Verb::Void | Verb::Reverse) {
        return Err(wrong("a void and a reversal are of the whole amount"));
    }
    let amount = Amount::new(minor).map_err(|error| wrong(&error.to_string()))?;
    if amount > operation.amount {
        return Err(wrong(&format!("{} was asked for", operation.amount)));
    }
    Ok(amount)
}
