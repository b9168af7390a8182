//! The request headers that mean something here.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue};

use crate::error::ApiError;
use crate::limits::Limits;
use crate::problem::{NOT_ACCEPTABLE, UNSUPPORTED_MEDIA_TYPE};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// How long to wait for an outcome, and whether the client asked for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) at_most: Duration,
    is_preferred: bool,
}

impl Waiting {
    pub(crate) const fn unasked(at_most: Duration) -> Self {
        Self { at_most, is_preferred: false }
    }

    /// What `Prefer: wait=N` says (RFC 7240), within the limit; what can't be read is ignored.
    pub(crate) fn preferred(headers: &HeaderMap, limits: &Limits) -> Self {
        let texts = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut preferences = texts.flat_map(|text| text.split(','));
        match preferences.find_map(wait_seconds) {
            Some(seconds) => {
                let at_most = Duration::from_secs(seconds).min(limits.max_wait);
                Self { at_most, is_preferred: true }
            }
            None => Self::unasked(limits.default_wait),
        }
    }

    /// The value of `Preference-Applied`.
    pub(crate) fn applied(self) -> Option<String> {
        self.is_preferred.then(|| format!("wait={}", self.at_most.as_secs()))
    }
}

/// `wait=10`, `Wait = "10"; q=1` and the like.
fn wait_seconds(preference: &str) -> Option<u64> {
    let bare = preference.split(';').next()?;
    let (name, value) = bare.split_once('=')?;
    let value = value.trim().trim_matches('"');
    let is_wait = name.trim().eq_ignore_ascii_case("wait");
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that overflow ask for longer than any limit.
    (is_wait && is_number).then(|| value.parse().unwrap_or(u64::MAX))
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
        }
    }

    /// What `Accept` likes best (RFC 9110), JSON where it likes both alike or says nothing.
    pub(crate) fn accepted(headers: &HeaderMap) -> Result<Self, ApiError> {
        let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<&str> = texts
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|r| !r.is_empty())
            .collect();
        if ranges.is_empty() {
            return Ok(Self::Json);
        }
        let liking = |format: Self| {
            // The range that says most about it counts, whatever its weight.
            let fitting = ranges.iter().filter_map(|range| weight(range, format.media_type()));
            fitting.max_by_key(|(detail, _)| *detail).map_or(0, |(_, weight)| weight)
        };
        match (liking(Self::Json), liking(Self::Csv)) {
            (0, 0) => {
                let detail =
                    "this list is served as application/json and as text/csv: Accept names neither";
                Err(ApiError::new(NOT_ACCEPTABLE, detail).field("Accept"))
            }
            (json, csv) if json >= csv => Ok(Self::Json),
            _ => Ok(Self::Csv),
        }
    }
}

/// How much a media range says about a type, and its weight in thousandths; `None` where it says nothing.
fn weight(range: &str, media_type: &str) -> Option<(u8, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let of = parts.next()?.to_ascii_lowercase();
    let detail = match of.strip_suffix("/*") {
        _ if of == media_type => 2,
        Some("*") => 0,
        Some(family) if media_type.split('/').next() == Some(family) => 1,
        _ => return None,
    };
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    Some((detail, quality.unwrap_or(1_000)))
}

/// A quality of 0 to 1 with at most three digits behind the point; what is none counts as 1.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if whole != "0" || !is_fraction {
        return 1_000;
    }
    format!("{fraction:0<3}").parse().unwrap_or(1_000)
}

/// Refuses a body that is not plain JSON.
pub(crate) fn check_content(headers: &HeaderMap) -> Result<(), ApiError> {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        let detail = "the body must not be compressed: leave Content-Encoding out";
        return Err(ApiError::new(UNSUPPORTED_MEDIA_TYPE, detail).field("Content-Encoding"));
    }
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let detail = match content_type.map(String::from_utf8_lossy) {
        None => "the body needs Content-Type: application/json".to_owned(),
        Some(found) if is_json(&found) => return Ok(()),
        Some(found) => format!(
            "the body must be application/json in UTF-8, but Content-Type says {:?}",
            found.chars().take(100).collect::<String>()
        ),
    };
    Err(ApiError::new(UNSUPPORTED_MEDIA_TYPE, detail).field("Content-Type"))
}

/// `application/json`, in UTF-8 where it names a charset.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = value.trim().trim_matches('"');
                charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
}

/// Whether the client waits for leave to send its body.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    let expect = headers.get(EXPECT).map(HeaderValue::as_bytes);
    expect.is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
}

/// The request's W3C trace context, unchanged; `None` where it is absent or not valid.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let text = values.next()?.to_str().ok()?;
    (values.next().is_none() && is_traceparent(text)).then(|| Arc::from(text))
}

/// Of versions after 00 only what they share with it is checked, as the standard has it.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let mut parts = text.splitn(5, '-');
    let mut part = || parts.next().unwrap_or_default();
    let (version, trace_id, parent_id, flags) = (part(), part(), part(), part());
    let has_more = parts.next().is_some();
    text.len() <= 128
        && is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && !is_zero(trace_id)
        && is_hex(parent_id, 16)
        && !is_zero(parent_id)
        && is_hex(flags, 2)
        && (version != "00" || !has_more)
}

/// The client's own name for the request: 1 to 128 visible ASCII characters.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(REQUEST_ID)?;
    let is_fit = (1..=128).contains(&value.len())
        && value.as_bytes().iter().all(|byte| matches!(byte, b'!'..=b'~'));
    is_fit.then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_preferred_wait_is_read_as_rfc_7240_writes_it() {
        let limits = Limits::default();
        let table = [
            ("wait=10", Some("wait=10")),
            ("respond-async, WAIT = \"7\"; x=y", Some("wait=7")),
            ("wait=0", Some("wait=0")),
            ("wait=31", Some("wait=30")),
            ("wait=99999999999999999999999", Some("wait=30")),
            ("wait=5, wait=9", Some("wait=5")),
            ("wait", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("await=3", None),
        ];
        for (prefer, applied) in table {
            let waiting = Waiting::preferred(&one(PREFER, prefer), &limits);
            assert_eq!(waiting.applied().as_deref(), applied, "{prefer}");
            if applied.is_none() {
                assert_eq!(waiting.at_most, limits.default_wait, "{prefer}");
            }
        }
    }

    #[test]
    fn a_list_is_written_as_accept_likes_best() {
        let table = [
            ("*/*", Some(Format::Json)),
            ("text/csv", Some(Format::Csv)),
            ("Text/CSV; header=present", Some(Format::Csv)),
            ("text/*", Some(Format::Csv)),
            ("text/csv;q=0.5, application/json", Some(Format::Json)),
            ("application/json;q=0.4, text/csv;q=0.5", Some(Format::Csv)),
            ("application/json;q=0, */*", Some(Format::Csv)),
            ("text/html, */*;q=0.1", Some(Format::Json)),
            ("text/csv;q=0", None),
            ("application/xml", None),
            ("", Some(Format::Json)),
        ];
        for (accept, format) in table {
            let accepted = Format::accepted(&one(ACCEPT, accept)).ok();
            assert_eq!(accepted, format, "{accept}");
        }
        assert_eq!(Format::accepted(&HeaderMap::new()).ok(), Some(Format::Json));
    }

    #[test]
    fn only_json_in_utf_8_is_a_body() {
        let table = [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=iso-8859-1", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ];
        for (content_type, is_fit) in table {
            let headers = one(CONTENT_TYPE, content_type);
            assert_eq!(check_content(&headers).is_ok(), is_fit, "{content_type}");
        }
        let mut compressed = one(CONTENT_TYPE, "application/json");
        compressed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(check_content(&compressed).is_err());
    }

    #[test]
    fn only_a_valid_traceparent_is_kept() {
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let (no_trace, no_parent) = ("0".repeat(32), "0".repeat(16));
        let table = [
            (format!("00-{trace}-{parent}-01"), true),
            (format!("cc-{trace}-{parent}-01-more"), true),
            (format!("00-{trace}-{parent}-01-more"), false),
            (format!("ff-{trace}-{parent}-01"), false),
            (format!("00-{no_trace}-{parent}-01"), false),
            (format!("00-{trace}-{no_parent}-01"), false),
            (format!("00-{}-{parent}-01", trace.to_uppercase()), false),
            (format!("00-{trace}-{parent}"), false),
            (format!("00-{trace}-{parent}-1"), false),
            (format!("cc-{trace}-{parent}-01-{}", "m".repeat(128)), false),
            (String::new(), false),
        ];
        for (text, is_valid) in table {
            let kept = traceparent(&one(TRACEPARENT, &text));
            assert_eq!(kept.as_deref(), is_valid.then_some(text.as_str()), "{text}");
        }
        let mut twice = one(TRACEPARENT, &format!("00-{trace}-{parent}-01"));
        twice.append(TRACEPARENT, HeaderValue::from_static("x"));
        assert_eq!(traceparent(&twice), None);
    }
}
