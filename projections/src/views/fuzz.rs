//! The cursor of a page, as a client sends it.

use super::balances::BalanceKey;
use super::operations::OperationKey;
use super::page::{PageKey, PageQuery};
use super::payments::PaymentKey;
use super::refunds::RefundKey;
use super::settlements::{SettlementKey, SettlementLineKey};

/// # Panics
/// Where a list takes a cursor that it would not have written itself, or two lists take the same.
pub fn cursor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let text = text.trim_end_matches('\n');
    let taken = [
        takes::<PaymentKey>(text),
        takes::<SettlementKey>(text),
        takes::<SettlementLineKey>(text),
        takes::<RefundKey>(text),
        takes::<BalanceKey>(text),
        takes::<OperationKey>(text),
    ];
    let lists = taken.iter().filter(|is_taken| **is_taken).count();
    assert!(lists <= 1, "{lists} lists take {text}");
}

fn takes<K: PageKey>(text: &str) -> bool {
    let query = PageQuery { after: Some(text.to_owned()), limit: 1, ..PageQuery::default() };
    let Ok(Some(key)) = query.key::<K>() else { return false };
    let (_, next) = query.cut(vec![(), ()], |()| key);
    assert_eq!(next.as_deref(), Some(text), "a cursor of {}", K::LIST);
    true
}
