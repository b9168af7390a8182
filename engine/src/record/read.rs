//! From the wire: what a reader of the topic may believe of a record.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::ids::{EventId, LedgerId, Partition, PaymentId};
use crate::ledger::{LedgerIdentity, Recorded};

use super::{CONTENT_TYPE, SOURCE_PREFIX, SPEC_VERSION, TopicRecord, header};

/// An event that a topic holds, as it says itself: whether the ledger holds the same is another
/// question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub recorded: Recorded,
    pub offset: u64,
    pub ledger_id: LedgerId,
    pub incarnation: u32,
}

/// Why a record is none of the relay's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it has no key")]
    NoKey,
    #[error("it has no value")]
    NoValue,
    #[error("its {0} is no UTF-8 text")]
    NotText(&'static str),
    #[error("it has no header {0}")]
    Missing(&'static str),
    #[error("it has the header {0} more than once")]
    Repeated(&'static str),
    #[error("its {name} is {found:?}: {cause}")]
    Wrong { name: &'static str, found: String, cause: String },
    #[error("it is of another ledger, {0}")]
    OfAnotherLedger(LedgerId),
    #[error("its payment belongs to partition {0}")]
    OfAnotherPartition(Partition),
}

impl Published {
    /// # Errors
    /// When the record is not one that a relay writes.
    pub fn read(record: &TopicRecord) -> Result<Self, Malformed> {
        let key = text("key", record.key.as_deref().ok_or(Malformed::NoKey)?)?;
        let value = text("value", record.value.as_deref().ok_or(Malformed::NoValue)?)?;
        let headers = Headers(record);
        headers.must_be(header::SPEC_VERSION, SPEC_VERSION)?;
        headers.must_be(header::CONTENT_TYPE, CONTENT_TYPE)?;
        let source = headers.get(header::SOURCE)?;
        let ledger = source.strip_prefix(SOURCE_PREFIX).ok_or_else(|| {
            wrong(header::SOURCE, source, &format!("must begin with {SOURCE_PREFIX}"))
        })?;
        let recorded = Recorded {
            partition: record.partition,
            position: positive(header::POSITION, headers.get(header::POSITION)?)?,
            payment_id: PaymentId::from_uuid(parse("key", key)?),
            version: positive(header::VERSION, headers.get(header::VERSION)?)?,
            event_id: EventId::from_uuid(parse(header::ID, headers.get(header::ID)?)?),
            event_type: Arc::from(headers.get(header::TYPE)?),
            data: Arc::from(value),
            traceparent: headers.find(header::TRACEPARENT)?.map(Arc::from),
            recorded_at: parse::<Timestamp>(header::TIME, headers.get(header::TIME)?)?,
        };
        Ok(Self {
            recorded,
            offset: record.offset,
            ledger_id: LedgerId::from_uuid(parse(header::SOURCE, ledger)?),
            incarnation: positive(header::INCARNATION, headers.get(header::INCARNATION)?)?,
        })
    }

    /// Whether it could be an event of this ledger.
    ///
    /// # Errors
    /// When it is one of another, or stands where its payment doesn't belong.
    pub fn check(&self, ledger: &LedgerIdentity) -> Result<(), Malformed> {
        if self.ledger_id != ledger.id {
            return Err(Malformed::OfAnotherLedger(self.ledger_id));
        }
        if self.incarnation > ledger.incarnation {
            let cause = format!("the ledger's is {}", ledger.incarnation);
            return Err(wrong(header::INCARNATION, &self.incarnation.to_string(), &cause));
        }
        let home = self.recorded.payment_id.partition(ledger.partitions);
        if home != self.recorded.partition {
            return Err(Malformed::OfAnotherPartition(home));
        }
        Ok(())
    }
}

/// The position that a record claims, where it claims one at all.
#[must_use]
pub fn claimed_position(record: &TopicRecord) -> Option<u64> {
    positive(header::POSITION, Headers(record).get(header::POSITION).ok()?).ok()
}

struct Headers<'a>(&'a TopicRecord);

impl<'a> Headers<'a> {
    fn find(&self, name: &'static str) -> Result<Option<&'a str>, Malformed> {
        let mut found = self.0.headers.iter().filter(|(known, _)| known == name);
        let Some((_, value)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(Malformed::Repeated(name));
        }
        text(name, value.as_deref().ok_or(Malformed::Missing(name))?).map(Some)
    }

    fn get(&self, name: &'static str) -> Result<&'a str, Malformed> {
        self.find(name)?.ok_or(Malformed::Missing(name))
    }

    fn must_be(&self, name: &'static str, wanted: &str) -> Result<(), Malformed> {
        let found = self.get(name)?;
        if found == wanted { Ok(()) } else { Err(wrong(name, found, &format!("must be {wanted}"))) }
    }
}

fn text<'a>(name: &'static str, bytes: &'a [u8]) -> Result<&'a str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::NotText(name))
}

fn wrong(name: &'static str, found: &str, cause: &dyn Display) -> Malformed {
    Malformed::Wrong { name, found: found.to_owned(), cause: cause.to_string() }
}

fn parse<T: FromStr<Err: Display>>(name: &'static str, found: &str) -> Result<T, Malformed> {
    found.parse().map_err(|error| wrong(name, found, &error))
}

/// A number from 1 on, in the one spelling that a relay writes.
fn positive<T>(name: &'static str, found: &str) -> Result<T, Malformed>
where
    T: FromStr<Err: Display> + Display + PartialOrd + From<u8>,
{
    let number: T = parse(name, found)?;
    if number < T::from(1) || number.to_string() != found {
        return Err(wrong(name, found, &"must be a whole number from 1 on"));
    }
    Ok(number)
}
