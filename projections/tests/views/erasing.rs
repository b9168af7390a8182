//! Texts that are erased while a projector that has read them is about to write them.

use std::sync::Arc;

use daybook_engine::event_text::TextName;
use daybook_engine::ids::PaymentId;
use daybook_projections::views::{Applied, ViewCursors};

use crate::book::{Book, PARTITIONS};
use crate::history::History;
use crate::tables::{Desk, Store, batch};

/// The rows of texts, without those of other payments.
async fn rows_of(desk: &Desk, payment_id: PaymentId) -> Vec<String> {
    let id = format!("{:X}", payment_id.uuid().simple());
    let rows = desk.dump().await.into_iter();
    rows.filter(|row| row.starts_with("payment_text") && row.contains(&id)).collect()
}

pub(crate) async fn a_text_read_before_it_was_erased_does_not_come_in_after(store: Store) {
    let history = History::of_refunded(1);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    let payment_id = history.recorded[0].payment_id;
    let late = batch(ViewCursors::default(), &history.recorded);
    let names = [TextName::Reference, TextName::Metadata];
    book.erase(payment_id, &names);
    let partition = payment_id.partition(PARTITIONS);
    assert_eq!(desk.views.erase_texts(partition, payment_id, &names).await.unwrap(), 0);
    assert_eq!(desk.views.apply(&[late]).await.unwrap(), Applied::Moved);
    let rows = rows_of(&desk, payment_id).await;
    assert!(rows.len() == 1 && rows[0].contains("'reason'"), "{rows:?}");
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
}

pub(crate) async fn erasing_takes_out_what_is_there_once_and_spares_others(store: Store) {
    let history = History::of_refunded(6);
    let book = Arc::new(Book::of(&history.recorded));
    let desk = Desk::open(store).await;
    desk.catch_up(&book).await;
    let payment_id = history.recorded[0].payment_id;
    let other = history.recorded.last().unwrap().payment_id;
    let before = rows_of(&desk, other).await;
    assert_eq!(rows_of(&desk, payment_id).await.len(), 4);
    let partition = payment_id.partition(PARTITIONS);

    book.erase(payment_id, &[TextName::Metadata]);
    let told = desk.differences(&book).await;
    assert_eq!(told.len(), 2, "what the ledger has no more is named: {told:#?}");
    let erase = async || desk.views.erase_texts(partition, payment_id, &[TextName::Metadata]).await;
    assert_eq!((erase().await.unwrap(), erase().await.unwrap()), (2, 0));
    assert_eq!(rows_of(&desk, payment_id).await.len(), 2);
    assert_eq!(rows_of(&desk, other).await, before);
    assert_eq!(desk.differences(&book).await, Vec::<String>::new());
}
