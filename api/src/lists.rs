//! Lists, served from the views page by page; each says how far its view is.

use std::collections::BTreeMap;

use daybook_engine::ids::Partition;
use daybook_engine::payment::{PaymentBody, Rendering};
use daybook_projections::views::{Page, PageQuery, PaymentRow, ViewQueries};
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
    let items = items.iter().map(body).collect();
    Ok(shown(api, Page { items, next, positions }))
}

pub(crate) async fn settlements(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    Ok(shown(api, views.settlements(&query).await?))
}

pub(crate) async fn settlement_lines(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    Ok(shown(api, views.settlement_lines(&query).await?))
}

pub(crate) async fn refunds(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    Ok(shown(api, views.refunds(&query).await?))
}

pub(crate) async fn balances(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    Ok(shown(api, views.balances(&query).await?))
}

pub(crate) async fn operations(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let (views, query) = ask(api, call)?;
    Ok(shown(api, views.operations(&query).await?))
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
    let query = call.query()?.page()?;
    let views = api.views.as_deref().ok_or_else(|| {
        let detail = "this process has no views: ask one that runs the projections role";
        ApiError::new(VIEWS_NOT_SERVED, detail)
    })?;
    Ok((views, query))
}

fn shown<T: Serialize>(api: &Api, page: Page<T>) -> Reply {
    let lag = api.view_lag.as_ref().and_then(|source| source.lag());
    let as_of = AsOf {
        positions: page.positions.into_iter().collect(),
        lag_seconds: lag.map(|lag| lag.as_secs_f64()),
    };
    reply(200, &PageBody { items: page.items, next_cursor: page.next, as_of })
}

/// Free text stands beside the ledger and not in the view, so a list shows none.
fn body(row: &PaymentRow) -> PaymentBody {
    let rendering = Rendering {
        payment_id: row.payment_id,
        payment: &row.payment,
        partition: row.partition,
        position: row.position,
        texts: &[],
    };
    rendering.body()
}
