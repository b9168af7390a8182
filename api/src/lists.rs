//! Lists, served from the views page by page; each says how far its view is.

use std::collections::BTreeMap;

use daybook_engine::engine::Snapshot;
use daybook_engine::ids::Partition;
use daybook_engine::payment::PaymentBody;
use daybook_projections::views::{ListedPayment, Page, PageQuery, ViewQueries};
use serde::Serialize;

use crate::answer::{Reply, reply};
use crate::api::Api;
use crate::call::Call;
use crate::error::ApiError;
use crate::problem::VIEWS_NOT_SERVED;

pub(crate) async fn payments(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    let page = views.payments(&query).await?;
    let Page { items, next, positions } = page;
    let mut bodies = Vec::with_capacity(items.len());
    for row in items {
        bodies.push(body(api, row).await?);
    }
    shown(api, Page { items: bodies, next, positions }).await
}

pub(crate) async fn settlements(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    shown(api, views.settlements(&query).await?).await
}

pub(crate) async fn settlement_lines(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask_with(api, call, &["currency", "date"])?;
    let query_string = call.query()?;
    let (currency, date) = (query_string.currency()?, query_string.date()?);
    shown(api, views.settlement_lines(&query, currency, date).await?).await
}

pub(crate) async fn refunds(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    shown(api, views.refunds(&query).await?).await
}

pub(crate) async fn balances(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    shown(api, views.balances(&query).await?).await
}

pub(crate) async fn operations(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    shown(api, views.operations(&query).await?).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageBody<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
    as_of: AsOf,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AsOf {
    positions: BTreeMap<Partition, u64>,
    /// Null while nobody knows.
    lag_seconds: Option<f64>,
}

fn ask<'a>(api: &'a Api, call: &Call) -> Result<(&'a dyn ViewQueries, PageQuery), ApiError> {
    ask_with(api, call, &[])
}

/// The views and the page asked for, where the list takes these parameters as well.
fn ask_with<'a>(
    api: &'a Api,
    call: &Call,
    also: &[&str],
) -> Result<(&'a dyn ViewQueries, PageQuery), ApiError> {
    let query = call.query()?.page(also)?;
    let views = api.views.as_deref().ok_or_else(|| {
        let detail = "this process serves no lists: ask one that runs the api role";
        ApiError::new(VIEWS_NOT_SERVED, detail)
    })?;
    Ok((views, query))
}

async fn shown<T: Serialize>(api: &Api, page: Page<T>) -> Result<Reply, ApiError> {
    let lag = match &api.view_lag {
        Some(source) => source.lag(&page.positions).await,
        None => None,
    };
    let as_of = AsOf {
        positions: page.positions.into_iter().collect(),
        lag_seconds: lag.map(|lag| lag.as_secs_f64()),
    };
    Ok(reply(200, &PageBody { items: page.items, next_cursor: page.next, as_of }))
}

/// The row with the texts that stand beside the ledger.
async fn body(api: &Api, row: ListedPayment) -> Result<PaymentBody, ApiError> {
    let ListedPayment { payment_id, partition, position, payment } = row;
    let snapshot = Snapshot { payment_id, partition, position, payment };
    Ok(api.payments()?.with_texts(snapshot).await?.rendering().body())
}
