//! What every store of cursors promises, as tests: the same cases on each.

use std::sync::Arc;

use async_trait::async_trait;
use daybook_engine::cursor::Cursor;
use daybook_engine::ids::{EventId, Partition};
use uuid::Uuid;

use super::{CursorMove, RelayCursor, RelayCursors};
use daybook_engine::broker::topic::TopicName;

/// A store under test, empty, and used by no other test.
#[async_trait]
pub trait CursorsFixture: Send + Sync {
    fn cursors(&self) -> Arc<dyn RelayCursors>;

    /// The same store as another process, or a later one, sees it.
    async fn elsewhere(&self) -> Arc<dyn RelayCursors>;
}

const P0: Partition = Partition::new(0);
const P1: Partition = Partition::new(1);

fn topic() -> TopicName {
    "daybook.payments".parse().expect("a name")
}

fn at(position: u64) -> Cursor {
    Cursor { position, event_id: Some(EventId::from_uuid(Uuid::from_u64_pair(position, 7))) }
}

fn cursor(position: u64) -> RelayCursor {
    RelayCursor { published: at(position), offset: Some(position - 1), begun_after: 0 }
}

fn change(partition: Partition, from: Cursor, to: RelayCursor) -> CursorMove {
    CursorMove { partition, from, to }
}

async fn load(store: &dyn RelayCursors, partitions: &[Partition]) -> Vec<RelayCursor> {
    store.load(&topic(), partitions).await.expect("the store answers")
}

async fn save(store: &dyn RelayCursors, moves: &[CursorMove]) -> Vec<Partition> {
    store.save(&topic(), moves).await.expect("the store answers")
}

pub async fn a_partition_that_was_never_saved_stands_at_the_start(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    assert_eq!(load(&*store, &[P1, P0]).await, [RelayCursor::default(); 2]);
    assert_eq!(load(&*store, &[]).await, []);
}

pub async fn a_saved_cursor_comes_back_whole_and_elsewhere_too(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    let far = RelayCursor { begun_after: 3, ..cursor(9_000_000_000) };
    let unknown = RelayCursor { offset: None, ..cursor(4) };
    let moves = [change(P1, Cursor::default(), far), change(P0, Cursor::default(), unknown)];
    assert_eq!(save(&*store, &moves).await, []);
    for store in [store, fixture.elsewhere().await] {
        assert_eq!(load(&*store, &[P0, P1]).await, [unknown, far]);
        assert_eq!(load(&*store, &[P1, P0]).await, [far, unknown]);
    }
}

pub async fn a_cursor_moves_only_from_where_it_stands(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    assert_eq!(save(&*store, &[change(P0, at(3), cursor(5))]).await, [P0], "none was saved");
    assert_eq!(load(&*store, &[P0]).await, [RelayCursor::default()]);
    assert_eq!(save(&*store, &[change(P0, Cursor::default(), cursor(5))]).await, []);
    let other = Cursor { event_id: at(6).event_id, ..at(5) };
    for stale in [Cursor::default(), at(4), at(6), other] {
        assert_eq!(save(&*store, &[change(P0, stale, cursor(9))]).await, [P0], "from {stale:?}");
    }
    assert_eq!(load(&*store, &[P0]).await, [cursor(5)]);
}

pub async fn one_that_stands_elsewhere_keeps_no_other_from_moving(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    let begin =
        [change(P0, Cursor::default(), cursor(5)), change(P1, Cursor::default(), cursor(7))];
    assert_eq!(save(&*store, &begin).await, []);
    let moves = [change(P1, at(7), cursor(8)), change(P0, at(4), cursor(9))];
    assert_eq!(save(&*store, &moves).await, [P0]);
    assert_eq!(load(&*store, &[P0, P1]).await, [cursor(5), cursor(8)]);
}

pub async fn a_cursor_can_go_back_even_to_the_start(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    assert_eq!(save(&*store, &[change(P0, Cursor::default(), cursor(5))]).await, []);
    let start = RelayCursor { begun_after: 2, ..RelayCursor::default() };
    assert_eq!(save(&*store, &[change(P0, at(5), start)]).await, []);
    assert_eq!(load(&*store, &[P0]).await, [start]);
    assert_eq!(save(&*store, &[change(P0, Cursor::default(), cursor(1))]).await, []);
    assert_eq!(load(&*store, &[P0]).await, [cursor(1)]);
}

pub async fn each_topic_has_its_own(fixture: &dyn CursorsFixture) {
    let store = fixture.cursors();
    assert_eq!(save(&*store, &[change(P0, Cursor::default(), cursor(5))]).await, []);
    let other: TopicName = "other".parse().expect("a name");
    assert_eq!(store.load(&other, &[P0]).await.expect("loads"), [RelayCursor::default()]);
    let moves = [change(P0, Cursor::default(), cursor(2))];
    assert_eq!(store.save(&other, &moves).await.expect("saves"), []);
    assert_eq!(load(&*store, &[P0]).await, [cursor(5)]);
}

pub async fn of_two_that_move_one_cursor_one_is_refused(fixture: &dyn CursorsFixture) {
    let (here, there) = (fixture.cursors(), fixture.elsewhere().await);
    for round in 0..20 {
        let from = load(&*here, &[P0, P1]).await;
        let to = |end: u64| RelayCursor { offset: Some(end), ..cursor(round * 2 + end) };
        // In opposite orders, so that neither may wait for the other for ever.
        let up = [change(P0, from[0].published, to(1)), change(P1, from[1].published, to(1))];
        let down = [change(P1, from[1].published, to(2)), change(P0, from[0].published, to(2))];
        let (first, second) = tokio::join!(save(&*here, &up), save(&*there, &down));
        let mut left: Vec<_> = first.into_iter().chain(second).collect();
        left.sort_unstable();
        assert_eq!(left, [P0, P1], "each partition was moved once, in round {round}");
    }
}

/// Makes one test of each case: `cursors_contract!(memory, on_memory)` gives `memory::…`, where
/// `on_memory` is an async function here that returns a
/// [`CursorsFixture`](crate::cursors::contract::CursorsFixture).
#[macro_export]
macro_rules! cursors_contract {
    ($store:ident, $open:ident) => {
        $crate::cursors_contract! { $store, $open:
            a_partition_that_was_never_saved_stands_at_the_start
            a_saved_cursor_comes_back_whole_and_elsewhere_too
            a_cursor_moves_only_from_where_it_stands
            one_that_stands_elsewhere_keeps_no_other_from_moving
            a_cursor_can_go_back_even_to_the_start
            each_topic_has_its_own
            of_two_that_move_one_cursor_one_is_refused
        }
    };
    ($store:ident, $open:ident: $($case:ident)+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = super::$open().await;
                    $crate::cursors::contract::$case(&fixture).await;
                }
            )+
        }
    };
}
