//! What the lists take: each list's filters and orders stand in one table, from which a query string is read,
//! a statement is built and the contract is written.

use std::borrow::Cow;

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::journal::{Account, Side};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{OperationStatus, PaymentStatus, Verb};
use uuid::Uuid;

use super::row::Cell;
use super::{LineKind, View, balances, journal, operations, payments, refunds, settlements};

/// A list that people read, page by page.
#[derive(Debug, PartialEq, Eq)]
pub struct List {
    /// As its cursors have it.
    pub name: &'static str,
    pub view: View,
    pub filters: &'static [Filter],
    /// The first is the default, in the direction of `is_descending`.
    pub orders: &'static [Order],
    pub is_descending: bool,
    /// Whether its rows are payments' and are searched by their texts too: `reference`, and `metadata.NAME` for
    /// each name.
    pub has_texts: bool,
}

/// Every list.
pub static LISTS: [&List; 7] = [
    &payments::LIST,
    &settlements::LIST,
    &settlements::LINES,
    &refunds::LIST,
    &balances::LIST,
    &journal::LIST,
    &operations::LIST,
];

/// A condition that a query may set, by the parameter `name`.
#[derive(Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: &'static str,
    pub column: &'static str,
    pub test: Test,
    pub domain: Domain,
}

/// How a column is compared with the parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    Is,
    AtLeast,
    AtMost,
    Before,
}

/// An order, by the parameter `sort=name`, or `sort=-name` for the opposite.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    pub name: &'static str,
    /// The columns it compares: together they name one row.
    pub key: &'static [KeyColumn],
}

/// A column and what stands in it.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyColumn(pub &'static str, pub Domain);

/// What a value may be, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Merchant,
    Currency,
    /// Minor units.
    Amount,
    /// A sum of minor units, below zero too.
    Sum,
    /// RFC 3339, to the millisecond.
    Time,
    /// ISO 8601.
    Day,
    Id,
    /// A position, partition or line.
    Count,
    PaymentStatus,
    OperationStatus,
    Verb,
    Account,
    Side,
    LineKind,
}

impl Test {
    pub(in crate::views) const fn symbol(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Before => "<",
        }
    }
}

/// Those that several lists have.
impl Filter {
    pub(in crate::views) const PAYMENT: Self =
        Self::new("paymentId", "payment_id", Test::Is, Domain::Id);
    pub(in crate::views) const MERCHANT: Self =
        Self::new("merchantId", "merchant_id", Test::Is, Domain::Merchant);
    pub(in crate::views) const CURRENCY: Self =
        Self::new("currency", "currency", Test::Is, Domain::Currency);
    pub(in crate::views) const MIN_AMOUNT: Self =
        Self::new("minAmount", "amount", Test::AtLeast, Domain::Amount);
    pub(in crate::views) const MAX_AMOUNT: Self =
        Self::new("maxAmount", "amount", Test::AtMost, Domain::Amount);
    pub(in crate::views) const DATE: Self = Self::new("date", "date", Test::Is, Domain::Day);
    pub(in crate::views) const DATE_FROM: Self =
        Self::new("dateFrom", "date", Test::AtLeast, Domain::Day);
    pub(in crate::views) const DATE_TO: Self =
        Self::new("dateTo", "date", Test::AtMost, Domain::Day);
    pub(in crate::views) const FROM: Self = Self::new("from", "at", Test::AtLeast, Domain::Time);
    pub(in crate::views) const BEFORE: Self = Self::new("before", "at", Test::Before, Domain::Time);
}

/// Those that several lists have.
impl KeyColumn {
    pub(in crate::views) const AMOUNT: Self = Self("amount", Domain::Amount);
    pub(in crate::views) const AT: Self = Self("at", Domain::Time);
    pub(in crate::views) const CURRENCY: Self = Self("currency", Domain::Currency);
    pub(in crate::views) const DATE: Self = Self("date", Domain::Day);
    pub(in crate::views) const MERCHANT: Self = Self("merchant_id", Domain::Merchant);
    pub(in crate::views) const PARTITION: Self = Self("partition", Domain::Count);
    pub(in crate::views) const POSITION: Self = Self("position", Domain::Count);
}

impl Filter {
    pub(in crate::views) const fn new(
        name: &'static str,
        column: &'static str,
        test: Test,
        domain: Domain,
    ) -> Self {
        Self { name, column, test, domain }
    }

    /// What the parameter does, in one sentence.
    #[must_use]
    pub fn about(&self) -> String {
        let what = match self.column {
            "at" => "time".to_owned(),
            column => column.replace('_', " "),
        };
        // What was requested, created, completed.
        if let Some(done) = self.column.strip_suffix("_at") {
            return match self.test {
                Test::Is => format!("Only what was {done} at this time"),
                Test::AtLeast => format!("Only what was {done} at this time or later"),
                Test::AtMost => format!("Only what was {done} at this time or before"),
                Test::Before => format!("Only what was {done} before this time"),
            };
        }
        match (self.test, self.domain) {
            (Test::Is, _) => format!("Only what has this {what}"),
            (Test::AtLeast, Domain::Amount | Domain::Sum) => {
                format!("Only from this {what} on, in minor units")
            }
            (Test::AtMost, Domain::Amount | Domain::Sum) => {
                format!("Only up to this {what}, in minor units")
            }
            (Test::AtLeast, _) => format!("Only from this {what} on"),
            (Test::AtMost, _) => format!("Only up to and with this {what}"),
            (Test::Before, _) => format!("Only before this {what}"),
        }
    }
}

impl Domain {
    /// The values of a closed list; empty for the others.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        use OperationStatus::{Failed, Pending, Succeeded, Unknown};
        match self {
            Self::PaymentStatus => PaymentStatus::ALL.map(PaymentStatus::as_str).to_vec(),
            Self::OperationStatus => {
                [Pending, Succeeded, Failed, Unknown].map(OperationStatus::as_str).to_vec()
            }
            Self::Verb => Verb::ALL.map(Verb::as_str).to_vec(),
            Self::Account => Account::ALL.map(Account::as_str).to_vec(),
            Self::Side => [Side::Debit, Side::Credit].map(Side::as_str).to_vec(),
            Self::LineKind => [LineKind::Capture, LineKind::Refund].map(LineKind::as_str).to_vec(),
            _ => Vec::new(),
        }
    }

    /// A value as it stands in a table.
    ///
    /// # Errors
    /// What it must be, to stand behind the parameter's name.
    pub fn parse(self, text: &str) -> Result<Cell<'static>, String> {
        match self {
            Self::Merchant => MerchantId::parse(text)
                .map(|merchant| Cell::Text(Cow::Owned(merchant.to_string())))
                .map_err(|error| error.to_string()),
            Self::Currency => Currency::parse(text)
                .map(|currency| Cell::Text(Cow::Owned(String::from(currency))))
                .map_err(|error| error.to_string()),
            Self::Amount => number(text)
                .filter(|minor| Amount::try_from(*minor).is_ok())
                .map(Cell::Integer)
                .ok_or_else(|| "must be an amount in minor units, such as 1050".to_owned()),
            Self::Sum => signed(text)
                .map(Cell::Integer)
                .ok_or_else(|| "must be a whole number of minor units, such as -1050".to_owned()),
            Self::Count => {
                number(text).map(Cell::Integer).ok_or_else(|| "must be a whole number".to_owned())
            }
            Self::Time => Timestamp::not_before(text).map(Cell::Time).map_err(|_| {
                "must be a time such as 2026-11-23T10:00:00Z (a + in a query is written %2B)"
                    .to_owned()
            }),
            Self::Day => text
                .parse::<Date>()
                .map(|day| Cell::Text(Cow::Owned(day.to_string())))
                .map_err(|error| error.to_string()),
            Self::Id => Some(text)
                .filter(|text| text.len() == 36)
                .and_then(|text| Uuid::try_parse(text).ok())
                .map(Cell::Id)
                .ok_or_else(|| "must be an id: a UUID of 36 characters".to_owned()),
            closed => {
                let names = closed.names();
                let known = names.iter().find(|name| **name == text);
                known
                    .map(|name| Cell::text(name))
                    .ok_or_else(|| format!("must be one of {}", names.join(", ")))
            }
        }
    }
}

fn signed(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    is_digits(digits).then(|| text.parse().ok()).flatten()
}

fn number(text: &str) -> Option<i64> {
    is_digits(text).then(|| text.parse().ok()).flatten()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_any_whole_number_of_64_bits() {
        for (text, sum) in [
            ("-9223372036854775808", i64::MIN),
            ("9223372036854775807", i64::MAX),
            ("-1050", -1050),
            ("007", 7),
            ("-0", 0),
        ] {
            assert_eq!(Domain::Sum.parse(text), Ok(Cell::Integer(sum)), "{text}");
        }
        for bad in ["", "-", "+5", "--5", "5-", "1.5", "9223372036854775808", " 5"] {
            assert!(Domain::Sum.parse(bad).is_err(), "{bad}");
        }
    }
}
