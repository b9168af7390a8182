//! The query string.

use std::borrow::Cow;

use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::Partition;
use daybook_engine::merchant::MerchantId;
use daybook_projections::views::list::{Domain, Filter, List};
use daybook_projections::views::{MAX_LIMIT, PageQuery};

use crate::call::shown;
use crate::error::ApiError;
use crate::problem::{
    CURRENCY_UNKNOWN, IDEMPOTENCY_KEY_INVALID, MERCHANT_ID_INVALID, PARAMETER_INVALID,
    UNKNOWN_PARAMETER,
};

pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// Parameters `metadata.NAME` of one query.
pub(crate) const MAX_METADATA: usize = 5;

/// What every list takes beside its own filters; `intake` says what each is for.
pub(crate) static PAGING: [&str; 4] = ["sort", "limit", "cursor", "minPosition"];

/// A position of a partition, as a payment says where its last event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    pub(crate) position: u64,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (partition, position) = text.split_once(':')?;
        let place = Self {
            partition: Partition::new(partition.parse().ok()?),
            position: position.parse().ok()?,
        };
        // A place has one spelling.
        (format!("{}:{}", place.partition, place.position) == text).then_some(place)
    }
}

fn invalid(name: &str, must: &str) -> ApiError {
    ApiError::new(PARAMETER_INVALID, format!("{name} {must}")).field(name.to_owned())
}

fn refused(filter: &Filter, must: &str) -> ApiError {
    let problem = match filter.domain {
        Domain::Merchant => MERCHANT_ID_INVALID,
        Domain::Currency => CURRENCY_UNKNOWN,
        _ => PARAMETER_INVALID,
    };
    ApiError::new(problem, format!("{} {must}", filter.name)).field(filter.name)
}

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
            if pairs.len() < 64 {
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

    pub(crate) fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        let Some(text) = self.get("idempotencyKey") else { return Ok(None) };
        IdempotencyKey::parse(text).map(Some).map_err(|error| {
            let detail = format!("idempotencyKey {error}");
            ApiError::new(IDEMPOTENCY_KEY_INVALID, detail).field("idempotencyKey")
        })
    }

    /// What is asked of a list, by its own filters and orders.
    pub(crate) fn page(&self, list: &'static List) -> Result<PageQuery, ApiError> {
        self.only_of(list)?;
        let mut query = PageQuery::of(list);
        for filter in list.filters {
            let Some(text) = self.get(filter.name) else { continue };
            let value = filter.domain.parse(text).map_err(|must| refused(filter, &must))?;
            query.filter(filter, value);
        }
        if list.has_texts {
            for (name, value) in self.texts()? {
                query.filter_text(name, value);
            }
        }
        if let Some(sort) = self.get("sort") {
            query.sort(sort).map_err(|must| invalid("sort", &must))?;
        }
        query.after = self.get("cursor").map(str::to_owned);
        query.limit = self.limit()?;
        Ok(query)
    }

    fn only_of(&self, list: &List) -> Result<(), ApiError> {
        let mut allowed: Vec<&str> = list.filters.iter().map(|filter| filter.name).collect();
        if list.has_texts {
            allowed.extend(["reference", "metadata.NAME"]);
            allowed.extend(self.metadata_names());
        }
        allowed.extend(PAGING);
        self.only(&allowed)
    }

    pub(crate) fn metadata_names(&self) -> impl Iterator<Item = &str> {
        let names = self.0.iter().map(|(name, _)| name.as_ref());
        names.filter(|name| name.strip_prefix("metadata.").is_some_and(|name| !name.is_empty()))
    }

    /// The texts that payments must have, by the names that they are stored under.
    fn texts(&self) -> Result<Vec<(&str, &str)>, ApiError> {
        let mut names: Vec<&str> = self.metadata_names().collect();
        // In whatever order they stand, the same is asked for.
        names.sort_unstable();
        if names.len() > MAX_METADATA {
            let detail = format!("at most {MAX_METADATA} parameters metadata.NAME may be given");
            return Err(ApiError::new(PARAMETER_INVALID, detail).field("metadata"));
        }
        let named = names.into_iter().chain(["reference"]);
        let texts = named.filter_map(|name| Some((name, self.get(name)?)));
        texts
            .map(|(name, value)| {
                if name == "reference" && value.is_empty() {
                    return Err(invalid(name, "must not be empty: leave it out"));
                }
                // Postgres takes no text with it.
                if name.contains('\0') || value.contains('\0') {
                    return Err(invalid(name, "must not have zero characters, in name or value"));
                }
                Ok((name, value))
            })
            .collect()
    }

    /// How far the view must have got.
    pub(crate) fn min_position(&self) -> Result<Option<Place>, ApiError> {
        let Some(text) = self.get("minPosition") else { return Ok(None) };
        let place = Place::parse(text)
            .ok_or_else(|| invalid("minPosition", "must be a payment's position, such as 5:17"))?;
        Ok(Some(place))
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
    use daybook_projections::views::payments;

    use super::*;

    fn page(text: &str) -> Result<PageQuery, ApiError> {
        Query::parse(text)?.page(&payments::LIST)
    }

    #[test]
    fn a_page_is_read_from_the_query() {
        let all = page("").unwrap();
        assert_eq!((all.after.as_deref(), all.limit), (None, 50));
        let some = page(
            "merchantId=shop+1%2f&limit=200&cursor=a%3Db&sort=-amount&status=AUTHORIZED\
             &minAmount=1&maxAmount=10&createdFrom=2026-11-23T10:00:00Z&reference=a+b\
             &metadata.colour=red&metadata.a.b=",
        );
        let some = some.unwrap();
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
            "status=authorized",
            "minAmount=-1",
            "minAmount=1.5",
            "maxAmount=99999999999999999999",
            "createdFrom=yesterday",
            "currency=XXX",
            "sort=colour",
            "sort=--amount",
            "sort=",
            "reference=",
            "reference=a&reference=b",
            "metadata.=x",
            "metadata=x",
            "metadata.a=%00",
            "metadata.%00=a",
            "metadata.1=&metadata.2=&metadata.3=&metadata.4=&metadata.5=&metadata.6=",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_place_has_one_spelling() {
        let place = |text: &str| Query::parse(text).and_then(|query| query.min_position());
        let good = place("minPosition=5:17").unwrap().unwrap();
        assert_eq!((good.partition, good.position), (Partition::new(5), 17));
        for bad in ["5", "5:", ":5", "05:17", "5:+17", "5:17:1", "70000:1", "a:b"] {
            assert!(place(&format!("minPosition={bad}")).is_err(), "{bad}");
        }
    }
}
