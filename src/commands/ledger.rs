//! `daybook ledger adopt`: a restored ledger goes on, and whatever has seen more than it holds is put
//! right first.

use daybook_engine::adoption::Restored;

use crate::cli::Failure;
use crate::config::Config;
use crate::wiring::{self, Adopting};

/// Raises the incarnation and repairs what is ahead of the ledger; says what it does.
///
/// # Errors
/// Where something serves from the ledger, or a store can't be used; then it is to be run again.
pub(crate) async fn adopt(config: &Config) -> Result<(), Failure> {
    let on = wiring::open_for_adoption(config).await?;
    let adopted = run(&on).await;
    on.close().await;
    adopted?;
    wiring::forget_restored(config)
}

async fn run(on: &Adopting) -> Result<(), Failure> {
    let topics = daybook_relay::adoption::Topics::new(&*on.cursors, &*on.topics);
    let views = daybook_projections::adoption::Views::new(&*on.view_store, &*on.views);
    let restored = Restored {
        ledger: &*on.book.ledger,
        adoption: &*on.adoption,
        work: &*on.work,
        followers: vec![Box::new(topics), Box::new(views)],
    };
    let incarnation = restored.adopt(wiring::clock().now(), &mut |line| println!("{line}")).await?;
    let id = on.book.ledger.identity().id;
    println!("ledger {id} is adopted as incarnation {incarnation}");
    Ok(())
}
