//! The fold: every posting adds to its account.

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_engine::ids::Partition;
use daybook_engine::journal::{Account, Posting, Side};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::Currency;

use crate::views::row::{Cell, Fold, Key, Kind, Row, Table};
use crate::views::{DecodedEvent, View};

pub const BALANCE: Table = Table {
    view: View::Balances,
    name: "balance",
    key: Key::Group,
    identity: 3,
    payment: None,
    columns: &["partition", "merchant_id", "currency", "account", "debits", "credits"],
    kinds: &[Kind::Integer, Kind::Text, Kind::Text, Kind::Text, Kind::Integer, Kind::Integer],
};

/// Totals of one partition: in a batch what it adds, in the table everything so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    pub partition: Partition,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub account: Account,
    pub debits: i64,
    pub credits: i64,
}

impl Row for BalanceRow {
    fn cells(&self) -> Vec<Cell<'_>> {
        vec![
            Cell::Integer(self.partition.number().into()),
            Cell::text(self.merchant_id.as_str()),
            Cell::text(self.currency.as_str()),
            Cell::text(self.account.as_str()),
            Cell::Integer(self.debits),
            Cell::Integer(self.credits),
        ]
    }
}

impl BalanceRow {
    fn add(&mut self, posting: &Posting) -> Option<()> {
        let sum = match posting.side {
            Side::Debit => &mut self.debits,
            Side::Credit => &mut self.credits,
        };
        *sum = sum.checked_add(posting.amount.minor())?;
        Some(())
    }
}

type BalanceKey = (Partition, MerchantId, Currency, Account);

#[derive(Debug, Default)]
pub struct BalancesFold {
    pub totals: BTreeMap<BalanceKey, BalanceRow>,
}

impl Fold for BalancesFold {
    fn step(&mut self, (recorded, event): &DecodedEvent) -> Result<(), Cow<'static, str>> {
        let Some(journal) = event.journal() else { return Ok(()) };
        let (partition, currency) = (recorded.partition, event.header.currency);
        for posting in journal.postings() {
            let merchant_id = event.header.merchant_id.clone();
            let key = (partition, merchant_id.clone(), currency, posting.account);
            let row = self.totals.entry(key).or_insert_with(|| BalanceRow {
                partition,
                merchant_id,
                currency,
                account: posting.account,
                debits: 0,
                credits: 0,
            });
            row.add(posting).ok_or("the account's sum does not fit into 64 bits")?;
        }
        Ok(())
    }
}
