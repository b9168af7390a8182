//! The query string.

use std::borrow::Cow;

use daybook_engine::clock::Date;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::Currency;
use daybook_projections::views::PageQuery;

use crate::call::shown;
use crate::error::ApiError;
use crate::problem::{CURRENCY_UNKNOWN, MERCHANT_ID_INVALID, PARAMETER_INVALID, UNKNOWN_PARAMETER};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Parameters as sent, decoded; each at most once.
#[derive(Debug)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                let detail = "the query string is not percent-encoded UTF-8";
                return Err(ApiError::new(PARAMETER_INVALID, detail));
            };
            if pairs.iter().any(|(known, _)| *known == name) {
                let detail = format!("the parameter {:?} stands twice", shown(&name));
                return Err(ApiError::new(PARAMETER_INVALID, detail).field(name.into_owned()));
            }
            // Enough to find the first unknown one, however many follow.
            if pairs.len() < 16 {
                pairs.push((name, value));
            }
        }
        Ok(Self(pairs))
    }

    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), ApiError> {
        let Some((unknown, _)) = self.0.iter().find(|(name, _)| !allowed.contains(&name.as_ref()))
        else {
            return Ok(());
        };
        let allowed = if allowed.is_empty() { "none".into() } else { allowed.join(", ") };
        let unknown = shown(unknown);
        let detail = format!("the parameter {unknown:?} is not known; allowed here: {allowed}");
        Err(ApiError::new(UNKNOWN_PARAMETER, detail).field(unknown.into_owned()))
    }

    pub(crate) fn merchant_id(&self) -> Result<Option<MerchantId>, ApiError> {
        let Some(text) = self.get("merchantId") else { return Ok(None) };
        MerchantId::parse(text).map(Some).map_err(|error| {
            ApiError::new(MERCHANT_ID_INVALID, format!("merchantId {error}")).field("merchantId")
        })
    }

    pub(crate) fn currency(&self) -> Result<Option<Currency>, ApiError> {
        let Some(text) = self.get("currency") else { return Ok(None) };
        Currency::parse(text).map(Some).map_err(|error| {
            ApiError::new(CURRENCY_UNKNOWN, format!("currency {error}")).field("currency")
        })
    }

    pub(crate) fn date(&self) -> Result<Option<Date>, ApiError> {
        let Some(text) = self.get("date") else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let detail = "date must be a day such as 2026-11-23";
            ApiError::new(PARAMETER_INVALID, detail).field("date")
        })
    }

    /// The page asked for, where the list takes the parameters `also` as well.
    pub(crate) fn page(&self, also: &[&str]) -> Result<PageQuery, ApiError> {
        self.only(&[&["merchantId", "limit", "cursor"], also].concat())?;
        Ok(PageQuery {
            merchant_id: self.merchant_id()?,
            after: self.get("cursor").map(str::to_owned),
            limit: self.limit()?,
        })
    }

    fn limit(&self) -> Result<u32, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit) && is_number);
        limit.ok_or_else(|| {
            let detail = format!("limit must be a number from 1 to {MAX_LIMIT}");
            ApiError::new(PARAMETER_INVALID, detail).field("limit")
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }
}

/// `application/x-www-form-urlencoded`; `None` where it is not that, or not UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)?.checked_mul(16)?.checked_add(hex(rest.next()?)?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_from_the_query() {
        let page = |text: &str| Query::parse(text).and_then(|query| query.page(&[]));
        let all = page("").unwrap();
        assert_eq!((all.merchant_id, all.after, all.limit), (None, None, 50));
        let some = page("merchantId=shop+1%2f&limit=200&cursor=a%3Db").unwrap();
        assert_eq!(some.merchant_id.unwrap().as_str(), "shop 1/");
        assert_eq!((some.after.as_deref(), some.limit), (Some("a=b"), 200));
        for bad in [
            "limit=0",
            "limit=201",
            "limit=",
            "limit=+5",
            "limit=%2B5",
            "limit=x",
            "limit=1&limit=1",
            "merchantId=",
            "merchantId=%00",
            "merchantID=a",
            "a",
            "cursor=%zz",
            "cursor=%ff",
            "x=%",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
