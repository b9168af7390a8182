//! Money: integer minor units of an ISO 4217 currency.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in minor units, never negative. One that comes from outside is 1 to 10^12.
///
/// Sums saturate: with at most 10^12 a operation and 200 operations a payment they stay far
/// below `i64::MAX`, and where a damaged ledger breaks that rule they must neither wrap nor panic.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(try_from = "i64", into = "i64")]
#[schemars(description = "An amount in minor units of its currency, never negative.")]
#[schemars(extend("minimum" = 0))]
pub struct Amount(i64);

/// Why a number can't be an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from 1 to {max} minor units", max = Amount::MAX.0)]
pub struct AmountOutOfRange;

impl Amount {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(1_000_000_000_000);

    /// # Errors
    /// When `minor` is not from 1 to 10^12.
    pub const fn new(minor: i64) -> Result<Self, AmountOutOfRange> {
        if minor < 1 || minor > Self::MAX.0 { Err(AmountOutOfRange) } else { Ok(Self(minor)) }
    }

    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or zero where `other` is larger.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        let rest = self.0.saturating_sub(other.0);
        Self(if rest < 0 { 0 } else { rest })
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountOutOfRange;

    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        if minor == 0 { Ok(Self::ZERO) } else { Self::new(minor) }
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// An ISO 4217 currency that has a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
#[schemars(extend("enum" = Currency::all().map(String::from).collect::<Vec<_>>()))]
pub struct Currency([u8; 3]);

/// Why a text can't be a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCurrency {
    #[error("must be an ISO 4217 code, three upper-case letters such as EUR")]
    NotIso4217,
    #[error("has no minor unit, so it can't be paid with")]
    NoMinorUnit,
}

impl Currency {
    /// # Errors
    /// When `code` is no ISO 4217 code, or one without a minor unit (XXX, XAU and the like).
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let bytes = code.as_bytes().try_into().map_err(|_| UnknownCurrency::NotIso4217)?;
        let known = iso_currency::Currency::from_code(code).ok_or(UnknownCurrency::NotIso4217)?;
        if known.code() != code {
            return Err(UnknownCurrency::NotIso4217);
        }
        known.exponent().ok_or(UnknownCurrency::NoMinorUnit)?;
        Ok(Self(bytes))
    }

    /// Every currency that [`Currency::parse`] takes, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        let letters = || b'A'..=b'Z';
        let codes = letters().flat_map(move |a| letters().map(move |b| [a, b]));
        let codes = codes.flat_map(move |[a, b]| letters().map(move |c| [a, b, c]));
        codes.filter_map(|code| Self::parse(str::from_utf8(&code).ok()?).ok())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u16 {
        iso_currency::Currency::from_code(self.as_str())
            .and_then(iso_currency::Currency::exponent)
            .unwrap_or(0)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<std::borrow::Cow<'_, str>> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: std::borrow::Cow<'_, str>) -> Result<Self, Self::Error> {
        Self::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_from_one_to_a_million_million() {
        for bad in [i64::MIN, -1, 0, 1_000_000_000_001, i64::MAX] {
            assert_eq!(Amount::new(bad), Err(AmountOutOfRange), "{bad}");
        }
        assert_eq!(Amount::new(1_000_000_000_000), Ok(Amount::MAX));
    }

    #[test]
    fn sums_saturate_and_differences_stop_at_zero() {
        let most = Amount(i64::MAX);
        assert_eq!(most.plus(most), most);
        assert_eq!(Amount(1).less(Amount(2)), Amount::ZERO);
    }

    #[test]
    fn only_currencies_with_a_minor_unit_are_taken() {
        for (code, exponent) in [("EUR", 2), ("JPY", 0), ("KWD", 3)] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), exponent, "{code}");
        }
        for code in ["", "EU", "EURO", "eur", "ZZZ", "\u{20ac}"] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency::NotIso4217), "{code}");
        }
        for code in ["XXX", "XAU", "XDR", "XTS"] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency::NoMinorUnit), "{code}");
        }
        let all: Vec<_> = Currency::all().map(String::from).collect();
        assert!(all.is_sorted() && all.len() > 150, "{all:?}");
        assert!(["AED", "EUR", "ZMW"].iter().all(|code| all.contains(&(*code).to_owned())));
        assert!(!all.contains(&"XAU".to_owned()));
    }
}
