//! The money verbs, on both sets of routes.

use crate::answer::{Reply, of_operation};
use crate::api::Api;
use crate::call::{Call, Dialect};
use crate::decode;
use crate::error::ApiError;

pub(crate) async fn authorize(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let request = decode::authorize(call, dialect)?;
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.authorize(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}

pub(crate) async fn capture(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let request = decode::capture(call, dialect)?;
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.capture(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}

pub(crate) async fn void(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let request = decode::void(call)?;
    let waiting = call.waiting(Dialect::V1, &api.limits);
    let answer = api.payments()?.void(request, waiting.at_most).await?;
    Ok(of_operation(&answer, Dialect::V1, waiting))
}

pub(crate) async fn refund(api: &Api, call: &Call, dialect: Dialect) -> Result<Reply, ApiError> {
    let request = decode::refund(call, dialect)?;
    let waiting = call.waiting(dialect, &api.limits);
    let answer = api.payments()?.refund(request, waiting.at_most).await?;
    Ok(of_operation(&answer, dialect, waiting))
}
