//! Turns: which of the batches under way, of this process and of others, is written next.
//!
//! Every batch waits for the heads that the one before it has locked. Where it is made up before it
//! waits, it stays as small as it was then, and each head that was moved meanwhile has to be read twice
//! over; so who has seen others write takes its turn first, an advisory lock that the batch before it
//! holds until it is committed, and makes its batch up of all that has come by then. A turn is a
//! courtesy: nothing rests on it but the size of batches, so a process that keeps it too long is passed
//! over.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::Executor;
use tokio::time::{Instant, timeout};

use super::insert::Moved;
use super::sessions::{Sessions, Taken};
use crate::ids::Partition;
use crate::postgres::Database;

/// The advisory lock of a ledger's turns; a database holds one ledger.
pub(super) const TURN_KEY: i64 = 0x6461_7962_6f6f_6b02;
/// The limit stands for this statement alone.
const TAKE: &str = "SELECT set_config('lock_timeout', '50ms', true), pg_advisory_lock($1)";
/// Beyond the server's own limit: a server that doesn't answer is the append's to complain of.
const TAKE_LIMIT: Duration = Duration::from_millis(250);
/// A turn that never came is not waited for again so soon.
const PASSED_OVER: Duration = Duration::from_secs(1);
/// For how long a ledger counts as shared after another process was seen to write to it.
const SHARED: Duration = Duration::from_secs(1);

/// A process's turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection that has the turn, for the batch that is being made up.
    held: Option<Taken>,
    /// The last positions that this process has written.
    written: BTreeMap<Partition, u64>,
    shared_until: Option<Instant>,
    passed_over_until: Option<Instant>,
}

/// How an append stands to its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its connection has it.
    Held,
    /// The append takes it if it is free.
    IfFree,
    /// The append does without.
    Without,
}

impl Turns {
    /// Waits for the turn, where anybody else is writing.
    pub(super) async fn wait(&self, database: &Database, sessions: &Sessions) {
        if !self.is_worth_waiting() {
            return;
        }
        // An append on what can't be had will say why.
        let Ok(mut taken) = sessions.take(database).await else { return };
        let taking = sqlx::query(TAKE).bind(TURN_KEY).persistent(true);
        match timeout(TAKE_LIMIT, taken.connection().execute(taking)).await {
            Ok(Ok(_)) => self.state().held = Some(taken),
            Ok(Err(error)) if error.as_database_error().is_some() => {
                sessions.keep(taken);
                self.pass_over();
            }
            Ok(Err(_)) | Err(_) => self.pass_over(),
        }
    }

    fn is_worth_waiting(&self) -> bool {
        let state = self.state();
        state.held.is_none() && is_still(state.shared_until) && !is_still(state.passed_over_until)
    }

    /// Whether another process was seen to write to this ledger a moment ago.
    pub(super) fn is_shared(&self) -> bool {
        is_still(self.state().shared_until)
    }

    fn pass_over(&self) {
        self.state().passed_over_until = Some(Instant::now() + PASSED_OVER);
    }

    /// The connection that has the turn.
    pub(super) fn take_held(&self) -> Option<Taken> {
        self.state().held.take()
    }

    /// Notices where others have moved the heads.
    pub(super) fn wrote(&self, moved: &[Moved]) {
        let mut state = self.state();
        let mut has_others = false;
        for Moved { partition, before, count } in moved {
            let written = state.written.entry(*partition).or_default();
            has_others |= *before > *written;
            *written = before.saturating_add(*count).max(*written);
        }
        if has_others {
            state.shared_until = Some(Instant::now() + SHARED);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_still(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}

/// Gives up every turn that the connection may have; whether it could be.
pub(super) async fn give_up(database: &Database, taken: &mut Taken) -> bool {
    let giving = taken.connection().execute("SELECT pg_advisory_unlock_all()");
    matches!(timeout(database.answer_limit(), giving).await, Ok(Ok(_)))
}
