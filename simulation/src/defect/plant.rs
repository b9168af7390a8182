//! Where each defect is planted.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::acquirer::Acquirer;
use daybook_engine::broker::memory::Behaviour;
use daybook_engine::defects::{self, Defect as InEngine};
use daybook_engine::ledger::Ledger;
use daybook_engine::ledger::memory::MemoryLedger;
use daybook_engine::work::WorkStore;
use daybook_engine::workers::WorkerSettings;
use daybook_projections::ViewStore;

use super::Defect;
use super::acquirer::DefectiveAcquirer;
use super::ledger::{BlindLedger, DefectiveLedger, SkippingLedger};
use super::views::CursorWithoutRows;
use super::work::{ClaimIgnored, OpenForgotten};
use crate::bank::Listener;
use crate::door::Door;
use crate::ports::{AcquirerPort, LedgerPort};

/// In everything of the engine that runs on this thread.
pub(crate) fn engine(defect: Option<Defect>) {
    defects::plant(match defect {
        Some(Defect::CaptureBoundDropped) => Some(InEngine::CaptureBoundDropped),
        Some(Defect::RefundBoundDropped) => Some(InEngine::RefundBoundDropped),
        Some(Defect::KeyForgotten) => Some(InEngine::KeyForgotten),
        Some(Defect::RefusalFromCache) => Some(InEngine::RefusalFromCache),
        Some(Defect::ReplayShowsNow) => Some(InEngine::ReplayShowsNow),
        Some(Defect::CancelKeepsRest) => Some(InEngine::CancelKeepsRest),
        Some(Defect::DryRunCarriedOut) => Some(InEngine::DryRunCarriedOut),
        _ => None,
    });
}

/// In the database of the ledger.
pub(crate) fn ledger(defect: Option<Defect>, ledger: Arc<MemoryLedger>) -> Arc<dyn Ledger> {
    match defect {
        Some(Defect::PositionSkipped) => Arc::new(SkippingLedger(ledger)),
        Some(
            defect @ (Defect::OutcomeDoubled
            | Defect::AnswerBeforeCommit
            | Defect::ConflictForgotten
            | Defect::PostingChanged),
        ) => Arc::new(DefectiveLedger::new(defect, ledger)),
        _ => ledger,
    }
}

/// In what a process does with the ledger's answers.
pub(crate) fn ledger_port(defect: Option<Defect>, port: LedgerPort) -> Arc<dyn Ledger> {
    match defect {
        Some(Defect::LostAnswerDecidedAgain) => Arc::new(BlindLedger(port)),
        _ => Arc::new(port),
    }
}

pub(crate) fn work(defect: Option<Defect>, work: Arc<dyn WorkStore>) -> Arc<dyn WorkStore> {
    match defect {
        Some(Defect::ClaimIgnored) => Arc::new(ClaimIgnored::new(work)),
        Some(Defect::OpenForgotten) => Arc::new(OpenForgotten::new(work)),
        _ => work,
    }
}

pub(crate) fn workers(defect: Option<Defect>, mut settings: WorkerSettings) -> WorkerSettings {
    if defect == Some(Defect::NotFoundAtOnce) {
        settings.limits.processing = Duration::ZERO;
    }
    settings
}

pub(crate) fn views(defect: Option<Defect>, views: Arc<dyn ViewStore>) -> Arc<dyn ViewStore> {
    match defect {
        Some(Defect::CursorWithoutRows) => Arc::new(CursorWithoutRows::new(views)),
        _ => views,
    }
}

pub(crate) fn acquirer(
    defect: Option<Defect>,
    door: Arc<Door>,
    listener: Arc<Listener>,
) -> Arc<dyn Acquirer> {
    let looks_at_send_before = defect != Some(Defect::SentTooLate);
    let port = AcquirerPort { door, listener, looks_at_send_before };
    match defect {
        Some(defect @ (Defect::TimeoutIsFailure | Defect::NoticeDropped | Defect::IdRenewed)) => {
            Arc::new(DefectiveAcquirer { defect, port })
        }
        _ => Arc::new(port),
    }
}

/// How the broker behaves while things fail.
pub(crate) fn broker(defect: Option<Defect>) -> Behaviour {
    Behaviour {
        latency: Duration::from_millis(1)..=Duration::from_millis(5),
        repeat_bps: 200,
        full_bps: 50,
        late_bps: 5_000,
        swallow_bps: if defect == Some(Defect::RecordSkipped) { 500 } else { 0 },
        ..Behaviour::default()
    }
}
