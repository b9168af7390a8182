//! The money verbs, on both sets of routes.

use daybook_engine::engine::DryRun;

use crate::answer::{Reply, of_dry_run, of_operation};
use crate::api::Api;
use crate::call::{Call, Dialect};
use crate::decode::{self, Mode};
use crate::error::ApiError;

pub(crate) async fn authorize(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let (request, mode) = decode::authorize(call, dialect)?;
    if mode == Mode::DryRun {
        return Box::pin(dry_run(api, DryRun::Authorize(request))).await;
    }
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.authorize(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}

pub(crate) async fn capture(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let (request, mode) = decode::capture(call, dialect)?;
    if mode == Mode::DryRun {
        return Box::pin(dry_run(api, DryRun::Capture(request))).await;
    }
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.capture(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}

pub(crate) async fn void(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (request, mode) = decode::void(call)?;
    if mode == Mode::DryRun {
        return Box::pin(dry_run(api, DryRun::Void(request))).await;
    }
    let waiting = call.waiting(Dialect::V1, &api.limits);
    let answer = api.payments()?.void(request, waiting.at_most).await?;
    Ok(of_operation(&answer, Dialect::V1, waiting))
}

pub(crate) async fn refund(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let (request, mode) = decode::refund(call, dialect)?;
    if mode == Mode::DryRun {
        return Box::pin(dry_run(api, DryRun::Refund(request))).await;
    }
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.refund(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}

pub(crate) async fn cancel(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (request, mode) = decode::cancel(call)?;
    if mode == Mode::DryRun {
        return dry_run(api, DryRun::Cancel(request)).await;
    }
    let waiting = call.waiting(Dialect::V1, &api.limits);
    let answer = api.payments()?.cancel(request, waiting.at_most).await?;
    Ok(of_operation(&answer, Dialect::V1, waiting))
}

async fn dry_run(api: &Api, request: DryRun) -> Result<Reply, ApiError> {
    Ok(of_dry_run(&api.payments()?.dry_run(request).await?))
}
