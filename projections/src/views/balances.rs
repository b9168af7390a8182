//! The balances view: debits and credits of every account of a merchant, by currency.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::journal::Account;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::Currency;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ViewError;
use crate::views::View;
use crate::views::columns::Columns;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// One account of one merchant in one currency; amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Balance", deny_unknown_fields)]
pub struct BalanceBody {
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub account: Account,
    pub debits: i64,
    pub credits: i64,
    /// On the account's normal side, so that positive is the usual: for `acquirer_receivable`
    /// (an asset) debits less credits, what the acquirer owes us; for `merchant_payable` and
    /// `fees` credits less debits, what we owe the merchant and what we earned.
    pub balance: i64,
}

impl BalanceBody {
    /// From the columns merchant_id, currency, account, debits, credits.
    pub(in crate::views) fn read(columns: &impl Columns) -> Result<Self, ViewError> {
        let account: Account = columns.named(2)?;
        let (debits, credits) = (columns.integer(3)?, columns.integer(4)?);
        let balance = BalanceBody::balance(account, debits, credits);
        Ok(Self {
            merchant_id: columns.named(0)?,
            currency: columns.named(1)?,
            account,
            debits,
            credits,
            balance: balance.ok_or(ViewError::Overflow { view: View::Balances.as_str() })?,
        })
    }

    /// `None` where it does not fit into 64 bits.
    #[must_use]
    pub const fn balance(account: Account, debits: i64, credits: i64) -> Option<i64> {
        match account {
            Account::AcquirerReceivable => debits.checked_sub(credits),
            Account::MerchantPayable | Account::Fees => credits.checked_sub(debits),
        }
    }
}

/// In ascending order.
pub static LIST: List = List {
    name: "balances",
    view: View::Balances,
    filters: &[
        Filter::MERCHANT,
        Filter::CURRENCY,
        Filter::new("account", "account", Test::Is, Domain::Account),
        Filter::new("minBalance", "balance", Test::AtLeast, Domain::Sum),
        Filter::new("maxBalance", "balance", Test::AtMost, Domain::Sum),
    ],
    orders: &[
        Order { name: "merchantId", key: &[KeyColumn::MERCHANT, KeyColumn::CURRENCY, ACCOUNT] },
        Order {
            name: "balance",
            key: &[
                KeyColumn("balance", Domain::Sum),
                KeyColumn::MERCHANT,
                KeyColumn::CURRENCY,
                ACCOUNT,
            ],
        },
    ],
    is_descending: false,
    has_texts: false,
};

const ACCOUNT: KeyColumn = KeyColumn("account", Domain::Account);
