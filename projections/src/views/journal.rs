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
        Filter::new("paymentId", "payment_id", Test::Is, Domain::Id),
        Filter::new("merchantId", "merchant_id", Test::Is, Domain::Merchant),
        Filter::new("date", "date", Test::Is, Domain::Day),
        Filter::new("currency", "currency", Test::Is, Domain::Currency),
        Filter::new("account", "account", Test::Is, Domain::Account),
        Filter::new("side", "side", Test::Is, Domain::Side),
        Filter::new("minAmount", "amount", Test::AtLeast, Domain::Amount),
        Filter::new("maxAmount", "amount", Test::AtMost, Domain::Amount),
        Filter::new("dateFrom", "date", Test::AtLeast, Domain::Day),
        Filter::new("dateTo", "date", Test::AtMost, Domain::Day),
        Filter::new("from", "at", Test::AtLeast, Domain::Time),
        Filter::new("before", "at", Test::Before, Domain::Time),
    ],
    orders: &[
        Order {
            name: "date",
            key: &[
                KeyColumn("date", Domain::Day),
                KeyColumn("at", Domain::Time),
                PARTITION,
                POSITION,
                LINE,
            ],
        },
        Order {
            name: "amount",
            key: &[KeyColumn("amount", Domain::Amount), PARTITION, POSITION, LINE],
        },
    ],
    is_descending: true,
    has_texts: true,
};

const PARTITION: KeyColumn = KeyColumn("partition", Domain::Count);
const POSITION: KeyColumn = KeyColumn("position", Domain::Count);
const LINE: KeyColumn = KeyColumn("line", Domain::Count);
