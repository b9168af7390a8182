//! The journal view: every posting of every capture and refund that moved money.

pub mod fold;
pub(super) mod postgres;
pub(super) mod sqlite;

use daybook_engine::clock::{Date, Timestamp};
use daybook_engine::ids::{OperationId, PaymentId};
use daybook_engine::journal::{Account, Side};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use schemars::JsonSchema;
use serde::Serialize;

use crate::views::View;
use crate::views::list::{Domain, Filter, KeyColumn, List, Order, Test};

/// One line of a journal entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Posting", deny_unknown_fields)]
pub struct PostingBody {
    pub payment_id: PaymentId,
    pub operation_id: OperationId,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub account: Account,
    pub side: Side,
    /// In minor units, never zero.
    pub amount: Amount,
    /// The settlement day.
    pub date: Date,
    pub at: Timestamp,
    /// Of the event with the entry, `PARTITION:POSITION`.
    pub position: String,
    /// Its place in the entry, from 1 on.
    pub line: u64,
}

/// By day and time, newest first; an entry's lines stand together.
pub static LIST: List = List {
    name: "journal",
    view: View::Journal,
    filters: &[
        Filter::PAYMENT,
        Filter::MERCHANT,
        Filter::DATE,
        Filter::CURRENCY,
        Filter::new("account", "account", Test::Is, Domain::Account),
        Filter::new("side", "side", Test::Is, Domain::Side),
        Filter::MIN_AMOUNT,
        Filter::MAX_AMOUNT,
        Filter::DATE_FROM,
        Filter::DATE_TO,
        Filter::FROM,
        Filter::BEFORE,
    ],
    orders: &[
        Order {
            name: "date",
            key: &[KeyColumn::DATE, KeyColumn::AT, KeyColumn::PARTITION, KeyColumn::POSITION, LINE],
        },
        Order {
            name: "amount",
            key: &[KeyColumn::AMOUNT, KeyColumn::PARTITION, KeyColumn::POSITION, LINE],
        },
    ],
    is_descending: true,
    has_texts: true,
};

const LINE: KeyColumn = KeyColumn("line", Domain::Count);
