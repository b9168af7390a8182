//! Which tables belong to a view: what a rebuild replaces.

use super::View;

impl View {
    /// Its tables, each with a row's partition in it.
    pub(super) const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Payments => &["payment"],
            Self::Settlements => &["settlement", "settlement_line"],
            Self::Refunds => &["refund"],
            Self::Balances => &["balance"],
            Self::Operations => &["operation"],
            Self::Journal => &["posting"],
            Self::Texts => &["payment_text"],
        }
    }
}
