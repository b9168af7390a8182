//! A whole request as it stands on the wire: `POST /path?query`, lines of headers, an empty line, the body.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use daybook_engine::engine::AuthorizeRequest;
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::money::Amount;
use daybook_projections::views::list::LISTS;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::http::request::Parts;
use serde_json::Value;

use crate::batch;
use crate::call::{Call, Dialect};
use crate::decode::{self, Mode};
use crate::error::ApiError;
use crate::headers::{Waiting, check_content, request_id, traceparent};
use crate::limits::Limits;
use crate::problem;
use crate::route::{Found, Route, find};

/// # Panics
/// Where a request is taken for something else than its JSON says, or is refused by an answer that is
/// no problem of the table, or too long.
pub fn request(input: &[u8]) {
    let Some((parts, body)) = parse(input) else { return };
    check_headers(&parts);
    let Found::Route(route, payment_id) = find(&parts.method, parts.uri.path()) else { return };
    let call = Call { route, payment_id, parts, body };
    if let Err(error) = decode(&call) {
        check_refusal(error);
    }
}

fn decode(call: &Call) -> Result<(), ApiError> {
    use Dialect::{Older, V1};
    let said = Said(serde_json::from_slice(&call.body).unwrap_or_default());
    match call.route {
        Route::Authorize => authorize(call, V1, &said),
        Route::OlderAuthorize => authorize(call, Older, &said),
        Route::Capture | Route::OlderCapture => {
            let dialect = if call.route == Route::Capture { V1 } else { Older };
            let (capture, mode) = decode::capture(call, dialect)?;
            said.check_mode(mode, dialect);
            let amount = if dialect == V1 { said.amount() } else { None };
            assert_eq!(capture.amount.map(Amount::minor), amount, "{said:?}");
            let is_final = dialect == V1 && said.0["final"] == true;
            assert_eq!(capture.is_final, is_final, "{said:?}");
            said.check_key(call, capture.key.as_ref());
            Ok(())
        }
        Route::Refund | Route::OlderRefund => {
            let dialect = if call.route == Route::Refund { V1 } else { Older };
            let (refund, mode) = decode::refund(call, dialect)?;
            said.check_mode(mode, dialect);
            let amount = if dialect == V1 { said.amount() } else { None };
            assert_eq!(refund.amount.map(Amount::minor), amount, "{said:?}");
            assert_eq!(refund.reason.as_deref(), said.0["reason"].as_str(), "{said:?}");
            said.check_key(call, refund.key.as_ref());
            Ok(())
        }
        Route::Void => {
            let (void, mode) = decode::void(call)?;
            said.check_mode(mode, V1);
            said.check_key(call, void.key.as_ref());
            Ok(())
        }
        Route::Cancel => {
            let (cancel, mode) = decode::cancel(call)?;
            said.check_mode(mode, V1);
            assert_eq!(cancel.reason.as_deref(), said.0["reason"].as_str(), "{said:?}");
            said.check_key(call, cancel.key.as_ref());
            Ok(())
        }
        Route::AuthorizeBatch => batch(call, &said),
        Route::Lookup => {
            let query = call.query()?;
            query.merchant_id()?;
            query.idempotency_key().map(|_| ())
        }
        Route::Payment | Route::Events => {
            call.only_merchant()?;
            call.payment_id().map(|_| ())
        }
        _ => {
            let query = call.query()?;
            LISTS.into_iter().try_for_each(|list| query.page(list).map(|_| ()))
        }
    }
}

fn authorize(call: &Call, dialect: Dialect, said: &Said) -> Result<(), ApiError> {
    let (request, mode) = decode::authorize(call, dialect)?;
    said.check_mode(mode, dialect);
    said.check_authorization(&request);
    said.check_key(call, Some(&request.key));
    Ok(())
}

fn batch(call: &Call, said: &Said) -> Result<(), ApiError> {
    let (items, mode) = batch::decode(call)?;
    said.check_mode(mode, Dialect::V1);
    let sent = said.0["items"].as_array().expect("what is taken has items");
    assert_eq!(items.len(), sent.len(), "{said:?}");
    for (item, sent) in items.iter().zip(sent) {
        if let Ok(request) = item {
            Said(sent.clone()).check_authorization(request);
            assert_eq!(Some(request.key.as_str()), sent["idempotencyKey"].as_str(), "{said:?}");
        }
    }
    Ok(())
}

/// The body as another reader understands it.
#[derive(Debug)]
struct Said(Value);

impl Said {
    fn amount(&self) -> Option<i64> {
        let amount = &self.0["amount"];
        let whole =
            || amount.as_f64().filter(|value| value.fract() == 0.0)?.to_string().parse().ok();
        amount.as_i64().or_else(whole)
    }

    /// Nothing is carried out that was sent to be tried.
    fn check_mode(&self, mode: Mode, dialect: Dialect) {
        let is_dry_run = dialect == Dialect::V1 && self.0["dryRun"] == true;
        assert_eq!(mode == Mode::DryRun, is_dry_run, "{self:?}");
    }

    fn check_authorization(&self, request: &AuthorizeRequest) {
        assert_eq!(Some(request.amount.minor()), self.amount(), "{self:?}");
        assert_eq!(Some(request.merchant_id.as_str()), self.0["merchantId"].as_str(), "{self:?}");
        assert_eq!(Some(request.currency.as_str()), self.0["currency"].as_str(), "{self:?}");
        if let Some(metadata) = &request.metadata {
            let metadata: Value = serde_json::from_str(metadata).expect("metadata is JSON");
            assert_eq!(metadata, self.0["metadata"], "metadata as it was sent");
        }
    }

    /// A key is one that was sent, in header or body.
    fn check_key(&self, call: &Call, key: Option<&IdempotencyKey>) {
        let in_headers = call.parts.headers.get_all("idempotency-key").iter();
        let mut sent: Vec<&str> = in_headers.filter_map(|value| value.to_str().ok()).collect();
        sent.extend(self.0["idempotencyKey"].as_str());
        match key {
            Some(key) => {
                assert!(sent.iter().all(|sent| *sent == key.as_str()), "{key:?} of {sent:?}");
                assert!((1..=64).contains(&key.as_str().len()), "{key:?}");
            }
            None => assert_eq!(sent, Vec::<&str>::new(), "a key that was sent is taken"),
        }
    }
}

fn check_headers(parts: &Parts) {
    let limits = Limits::default();
    let waiting = Waiting::preferred(&parts.headers, &limits);
    assert!(waiting.at_most <= limits.max_wait, "waits for {:?}", waiting.at_most);
    if let Err(error) = check_content(&parts.headers) {
        check_refusal(error);
    }
    let kept = traceparent(&parts.headers);
    assert!(kept.is_none_or(|text| (55..=128).contains(&text.len()) && text.is_ascii()));
    assert!(request_id(&parts.headers).is_none_or(|id| (1..=128).contains(&id.len())));
}

/// The longest answer to what can't be taken: it shows a part of what was sent, and never all of it.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

fn check_refusal(error: ApiError) {
    let reply = error.into_reply(&Limits::default());
    let status = reply.status().as_u16();
    let mut whole = pin!(reply.into_body().collect());
    let whole = whole.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Ok(whole)) = whole else { panic!("a refusal stands there whole") };
    let text = whole.to_bytes();
    let told: Value = serde_json::from_slice(&text).expect("a refusal is JSON");
    assert!(text.len() <= REFUSAL_BYTES_MAX, "{} bytes: {told}", text.len());
    let known = problem::ALL.iter().find(|problem| told["code"] == problem.code);
    let known = known.unwrap_or_else(|| panic!("{told} is in no table"));
    assert!((400..500).contains(&known.status) && known.status == status, "{status}: {told}");
}

/// `None` for what the server refuses before anything here sees it.
fn parse(input: &[u8]) -> Option<(Parts, Bytes)> {
    let (mut lines, mut rest) = (Vec::new(), input);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..)?;
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let (first, headers) = lines.split_first()?;
    let (method, target) = std::str::from_utf8(first).ok()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for header in headers {
        let colon = header.windows(2).position(|pair| pair == b": ")?;
        let (name, value) = header.split_at(colon);
        request = request.header(name, value.get(2..)?);
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, Bytes::copy_from_slice(rest)))
}
