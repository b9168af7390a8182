//! What the check found.

use std::fmt;

use daybook_engine::ids::{Partition, PaymentId};

use crate::views::{ParkedPayment, View, ViewCursors};

/// Where a view is not what the ledger says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub view: View,
    pub partition: Partition,
    /// `None` for totals and cursors, which belong to no one payment.
    pub payment_id: Option<PaymentId>,
    /// Row, column, what should stand there and what does.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "view {} partition {}", self.view.as_str(), self.partition)?;
        if let Some(payment_id) = self.payment_id {
            write!(f, " payment {payment_id}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The outcome of one partition's check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewReport {
    /// The first [`ViewReport::DIFFERENCES_MAX`] of them.
    pub differences: Vec<Difference>,
    /// How many there are beyond these.
    pub more: u64,
    /// Rows compared.
    pub rows: u64,
    /// The payments that the views leave out from a position on.
    pub parked: Vec<ParkedPayment>,
    /// How far each view had got when it was checked.
    pub cursors: ViewCursors,
}

impl ViewReport {
    pub const DIFFERENCES_MAX: usize = 100;

    pub(super) fn add(&mut self, difference: Difference) {
        if self.differences.len() < Self::DIFFERENCES_MAX {
            self.differences.push(difference);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}
