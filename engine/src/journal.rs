//! Double entry: the chart of accounts and the two entries that move money.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// The chart of accounts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the acquirer owes us: an asset.
    AcquirerReceivable,
    /// What we owe the merchant: a liability.
    MerchantPayable,
    /// What we keep: revenue.
    Fees,
}

impl Account {
    pub const ALL: [Self; 3] = [Self::AcquirerReceivable, Self::MerchantPayable, Self::Fees];

    /// The name in events, views and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AcquirerReceivable => "acquirer_receivable",
            Self::MerchantPayable => "merchant_payable",
            Self::Fees => "fees",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Debit,
    Credit,
}

impl Side {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// One line of a journal entry; the amount is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    pub account: Account,
    pub side: Side,
    pub amount: Amount,
}

/// The postings of one movement of money, all in the event's currency: debits equal credits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournalEntry(Vec<Posting>);

impl JournalEntry {
    /// Debit acquirer receivable; credit merchant payable, and fees with the fee.
    #[must_use]
    pub fn capture(amount: Amount, fee: Amount) -> Self {
        Self::of([
            (Account::AcquirerReceivable, Side::Debit, amount),
            (Account::MerchantPayable, Side::Credit, amount.less(fee)),
            (Account::Fees, Side::Credit, fee),
        ])
    }

    /// Debit merchant payable, credit acquirer receivable: the fee is kept.
    #[must_use]
    pub fn refund(amount: Amount) -> Self {
        Self::of([
            (Account::MerchantPayable, Side::Debit, amount),
            (Account::AcquirerReceivable, Side::Credit, amount),
        ])
    }

    fn of<const N: usize>(lines: [(Account, Side, Amount); N]) -> Self {
        let postings = lines.into_iter().filter(|(_, _, amount)| !amount.is_zero());
        Self(postings.map(|(account, side, amount)| Posting { account, side, amount }).collect())
    }

    #[must_use]
    pub fn postings(&self) -> &[Posting] {
        &self.0
    }

    /// Debits minus credits, in minor units: zero, or the entry is wrong.
    #[must_use]
    pub fn imbalance(&self) -> i128 {
        self.0.iter().fold(0_i128, |sum, posting| {
            let amount = i128::from(posting.amount.minor());
            match posting.side {
                Side::Debit => sum.saturating_add(amount),
                Side::Credit => sum.saturating_sub(amount),
            }
        })
    }
}

/// The fee on `amount` at a rate in basis points (at most 10,000), rounded half up.
#[must_use]
pub fn fee(amount: Amount, basis_points: u16) -> Amount {
    let basis_points = i128::from(basis_points.min(10_000));
    let scaled = i128::from(amount.minor()).saturating_mul(basis_points).saturating_add(5_000);
    let fee = i64::try_from(scaled.div_euclid(10_000)).unwrap_or(i64::MAX);
    Amount::try_from(fee).unwrap_or(Amount::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor: i64) -> Amount {
        Amount::try_from(minor).unwrap()
    }

    #[test]
    fn a_capture_of_1000_with_fee_29_is_posted_as_the_design_says() {
        let json = serde_json::to_string(&JournalEntry::capture(amount(1000), amount(29))).unwrap();
        assert_eq!(
            json,
            r#"[{"account":"acquirer_receivable","side":"debit","amount":1000},{"account":"merchant_payable","side":"credit","amount":971},{"account":"fees","side":"credit","amount":29}]"#
        );
    }

    #[test]
    fn entries_balance_at_every_fee() {
        for fee in [0, 1, 29, 999, 1000] {
            assert_eq!(JournalEntry::capture(amount(1000), amount(fee)).imbalance(), 0, "{fee}");
        }
        assert_eq!(JournalEntry::refund(amount(7)).imbalance(), 0);
    }

    #[test]
    fn a_fee_is_rounded_half_up() {
        for (minor, basis_points, expected) in
            [(1000, 290, 29), (50, 100, 1), (49, 100, 0), (150, 100, 2), (1, 10_000, 1)]
        {
            assert_eq!(fee(amount(minor), basis_points), amount(expected), "{minor}");
        }
        assert_eq!(fee(Amount::MAX, 10_000), Amount::MAX);
    }
}
