//! Lists, served from the views page by page; each says how far its view is.

mod listing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daybook_engine::ids::Partition;
use daybook_projections::views::{MAX_LIMIT, Page, PageQuery, ViewQueries};
use http_body_util::Either;
use hyper::Response;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::answer::{NO_STORE, Reply, bytes, reply};
use crate::api::Api;
use crate::call::{Call, Dialect};
use crate::csv;
use crate::download::{Download, Making, Part};
use crate::error::ApiError;
use crate::headers::Format;
use crate::problem::{POSITION_UNKNOWN, VIEWS_BEHIND, VIEWS_NOT_SERVED};
use crate::query::Place;

pub(crate) use listing::{
    Balances, Journal, Listing, Operations, Payments, Refunds, SettlementLines, Settlements,
    Sources,
};

pub(crate) const AS_OF: HeaderName = HeaderName::from_static("daybook-as-of");
pub(crate) const NEXT_CURSOR: HeaderName = HeaderName::from_static("daybook-next-cursor");
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// A page of a list in JSON, or as much of it as is asked for in CSV.
pub(crate) async fn list<L: Listing>(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let query_string = call.query()?;
    let mut query = query_string.page(L::LIST)?;
    let place = query_string.min_position()?;
    let format = Format::accepted(&call.parts.headers)?;
    let is_whole = matches!(format, Format::Csv) && query_string.get("limit").is_none();
    if is_whole {
        // The fewer pages the better: some orders sort all rows for each.
        query.limit = MAX_LIMIT;
    }
    let sources = sources(api)?;
    if let Some(place) = place {
        let at_most = call.waiting(Dialect::V1, &api.limits).at_most;
        reach(sources.views.as_ref(), &query, place, at_most).await?;
    }
    let page = L::page(&sources, &query).await?;
    let mut reply = match format {
        Format::Json => json(api, page).await,
        Format::Csv => table::<L>(sources, query, page, is_whole),
    };
    reply.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(reply)
}

fn sources(api: &Api) -> Result<Sources, ApiError> {
    match (&api.views, &api.payments) {
        (Some(views), Some(payments)) => {
            Ok(Sources { views: Arc::clone(views), payments: Arc::clone(payments) })
        }
        _ => {
            let detail = "this process serves no lists: ask one that runs the api role";
            Err(ApiError::new(VIEWS_NOT_SERVED, detail))
        }
    }
}

/// Waits until the views that the query reads have got to `place`, within a bound.
async fn reach(
    views: &dyn ViewQueries,
    query: &PageQuery,
    place: Place,
    at_most: Duration,
) -> Result<(), ApiError> {
    let deadline = Instant::now() + at_most;
    let mut pause = Duration::from_millis(2);
    loop {
        let positions = views.positions(query).await?;
        let own = positions.iter().find(|(partition, _)| *partition == place.partition);
        let Some((partition, position)) = own else {
            let detail =
                format!("minPosition names partition {}, of which there is none", place.partition);
            return Err(ApiError::new(POSITION_UNKNOWN, detail).field("minPosition"));
        };
        if *position >= place.position {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let detail = format!(
                "the view has got to {partition}:{position} so far: ask again in a moment, or have it wait \
                 with Prefer: wait=N"
            );
            return Err(ApiError::new(VIEWS_BEHIND, detail).field("minPosition"));
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Page", deny_unknown_fields)]
pub(crate) struct PageBody<T> {
    items: Vec<T>,
    /// The `cursor` of the page after this one; null at the end.
    next_cursor: Option<String>,
    as_of: AsOf,
}

/// How far the list is behind the ledger.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct AsOf {
    /// The last position of each partition that is counted in.
    #[schemars(schema_with = "by_partition")]
    positions: BTreeMap<Partition, u64>,
    /// For how long the oldest event that is not counted in has been in the ledger; null while nobody knows.
    lag_seconds: Option<f64>,
}

/// An object with a number for each partition: what generators read, which know no `patternProperties`.
fn by_partition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {"pattern": "^(0|[1-9][0-9]*)$"},
        "additionalProperties": {"type": "integer", "format": "int64", "minimum": 0},
    })
}

async fn json<T: Serialize>(api: &Api, page: Page<T>) -> Reply {
    let lag = match &api.view_lag {
        Some(source) => source.lag(&page.positions).await,
        None => None,
    };
    let as_of = AsOf {
        positions: page.positions.into_iter().collect(),
        lag_seconds: lag.map(|lag| lag.as_secs_f64()),
    };
    reply(200, &PageBody { items: page.items, next_cursor: page.next, as_of })
}

/// The page in CSV, and where the whole list is asked for, all that follow it.
fn table<L: Listing>(
    sources: Sources,
    query: PageQuery,
    first: Page<L::Item>,
    is_whole: bool,
) -> Reply {
    let positions = first.positions.iter().map(|(partition, at)| format!("{partition}:{at}"));
    let as_of = positions.collect::<Vec<_>>().join(",");
    let next = first.next.clone().filter(|_| !is_whole);
    let mut text = csv::header::<L::Item>();
    text.push_str(&csv::lines(&first.items));
    let rest = first.next.filter(|_| is_whole).map(|after| follow::<L>(sources, query, after));
    let mut reply = match rest {
        Some(rest) => {
            let download = Download::beginning_with(Bytes::from(text), rest);
            let mut reply = Response::new(Either::Right(download));
            reply.headers_mut().insert(CONTENT_TYPE, CSV);
            reply
        }
        None => bytes(200, CSV, Bytes::from(text)),
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    let attachment = format!("attachment; filename=\"{}.csv\"", L::LIST.name);
    for (name, value) in
        [(CONTENT_DISPOSITION, Some(attachment)), (AS_OF, Some(as_of)), (NEXT_CURSOR, next)]
    {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    reply
}

/// The page after a cursor, and those that follow it, each made when the one before has been sent.
fn follow<L: Listing>(sources: Sources, query: PageQuery, after: String) -> Making {
    Box::pin(async move {
        // What is made already is sent before the next is begun.
        tokio::task::yield_now().await;
        let query = query.after(Some(after));
        let page = L::page(&sources, &query).await?;
        let text = csv::lines(&page.items);
        let rest = page.next.map(|after| follow::<L>(sources, query, after));
        Ok(Part { bytes: Bytes::from(text), rest })
    })
}
