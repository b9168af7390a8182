//! Appends over a line that is cut around their commit: nothing is lost, nothing is written twice.

use std::sync::Arc;
use std::time::Duration;

use daybook_engine::Engine;
use daybook_engine::acquirer::simulator::{Simulator, SimulatorSettings};
use daybook_engine::clock::SystemClock;
use daybook_engine::engine::{AuthorizeRequest, EngineMetrics, EngineSettings, Foundations};
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::Ids;
use daybook_engine::ledger::postgres::PostgresLedger;
use daybook_engine::ledger::{Append, Appended, Ledger, StoreError};
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::{CaptureMethod, PaymentStatus};
use daybook_engine::postgres::PostgresSettings;
use daybook_engine::postgres::scratch::settings;
use daybook_engine::wake::Wake;
use tokio::time::{Instant, sleep};

use crate::in_postgres::{PostgresFixture, in_postgres, open};
use crate::in_sqlite::append;
use crate::proxy::{Fault, Proxy};

/// A ledger that is reached through a proxy by `line`, and directly by the fixture.
struct Stage {
    fixture: PostgresFixture,
    proxy: Proxy,
    line: Arc<PostgresLedger>,
}

impl Stage {
    /// One event stands in the ledger, and the statements of an append are prepared.
    async fn new() -> Self {
        let stage = Self::with(|_| {}).await;
        assert!(stage.line.append(&[append(1, 1)]).await.unwrap().is_some());
        stage
    }

    async fn with(change: impl FnOnce(&mut PostgresSettings)) -> Self {
        let fixture = in_postgres().await;
        let (proxy, through) = Proxy::before(fixture.database.server_url()).await;
        let mut settings = settings(&through);
        change(&mut settings);
        let line = Arc::new(open(&settings).await.unwrap());
        Self { fixture, proxy, line }
    }

    async fn events(&self) -> u64 {
        let heads = self.fixture.ledger.heads().await.unwrap();
        heads.iter().map(|head| head.position).sum()
    }

    /// Cuts the line as soon as the ledger holds that many events.
    async fn cut_at(&self, events: u64) {
        until("the commit", async || self.events().await == events).await;
        self.proxy.cut();
    }

    async fn assert_written_once(&self, batch: &[Append]) {
        let events = self.events().await;
        for append in batch {
            let found = self.fixture.ledger.load(append.payment_id).await.unwrap();
            let ids: Vec<_> = found.iter().map(|event| event.event_id).collect();
            let given: Vec<_> = append.events.iter().map(|event| event.event_id).collect();
            assert_eq!(ids, given);
        }
        assert_eq!(events, 1 + batch.len() as u64);
    }
}

/// Returns when the condition holds; panics, naming what it waited for, when it never does.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let give_up_at = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < give_up_at, "never came: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

const MARK: &str = "{\"mark\":\"this batch\"}";

/// Two appends to partition 0, of which the first carries the mark.
fn marked() -> [Append; 2] {
    let mut batch = [append(2, 1), append(3, 1)];
    batch[0].events[0].data = MARK.to_owned();
    batch
}

fn is_lost<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::AnswerLost { .. }))
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}

const POSITIONS: [Appended; 2] = [Appended::At(2), Appended::At(3)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_again() {
    let stage = Stage::new().await;
    let batch = marked();
    stage.proxy.arm(Fault::LoseAnswer, MARK);
    let (answer, ()) = tokio::join!(stage.line.append(&batch), stage.cut_at(3));
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(stage.line.append_tolerant(&batch).await.unwrap(), POSITIONS);
    stage.assert_written_once(&batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_never_arrived_is_written_once_by_the_tolerant_path() {
    let stage = Stage::new().await;
    let batch = marked();
    stage.proxy.arm(Fault::CutBefore, MARK);
    let answer = stage.line.append(&batch).await;
    assert!(is_lost(&answer), "nobody here can know: {answer:?}");
    assert_eq!(stage.events().await, 1);
    assert_eq!(stage.line.append_tolerant(&batch).await.unwrap(), POSITIONS);
    stage.assert_written_once(&batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_the_tolerant_path_whose_answer_was_lost_is_found_again() {
    let stage = Stage::new().await;
    let batch = marked();
    stage.proxy.arm(Fault::LoseAnswer, "COMMIT");
    let (answer, ()) = tokio::join!(stage.line.append_tolerant(&batch), stage.cut_at(3));
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(stage.line.append_tolerant(&batch).await.unwrap(), POSITIONS);
    stage.assert_written_once(&batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_the_tolerant_path_that_never_arrived_is_sent_again() {
    let stage = Stage::new().await;
    let batch = marked();
    stage.proxy.arm(Fault::CutBefore, "COMMIT");
    let answer = stage.line.append_tolerant(&batch).await;
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(stage.events().await, 1);
    assert_eq!(stage.line.append_tolerant(&batch).await.unwrap(), POSITIONS);
    stage.assert_written_once(&batch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tolerant_append_that_is_cut_before_its_commit_has_written_nothing() {
    for bytes in ["BEGIN", MARK] {
        let stage = Stage::new().await;
        let batch = marked();
        stage.proxy.arm(Fault::CutBefore, bytes);
        let answer = stage.line.append_tolerant(&batch).await;
        assert!(is_unavailable(&answer), "{bytes}: {answer:?}");
        assert_eq!(stage.events().await, 1, "{bytes}");
        let again = stage.line.append(&batch).await.unwrap();
        assert_eq!(again, Some(POSITIONS.to_vec()), "{bytes}");
        stage.assert_written_once(&batch).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_is_given_up() {
    let stage =
        Stage::with(|settings| settings.statement_timeout = Duration::from_millis(500)).await;
    assert!(stage.line.append(&[append(1, 1)]).await.unwrap().is_some());
    let batch = marked();
    stage.proxy.arm(Fault::LoseAnswer, MARK);
    let answer = stage.line.append(&batch).await;
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(stage.line.append_tolerant(&batch).await.unwrap(), POSITIONS);
    stage.assert_written_once(&batch).await;
}

#[tokio::test]
async fn a_connection_that_was_cut_while_it_stood_still_costs_no_append() {
    let stage = Stage::new().await;
    stage.proxy.cut();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    let answer = stage.line.append(&[append(2, 1)]).await.unwrap();
    assert_eq!(answer, Some(vec![Appended::At(2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_attempt_to_connect_to_a_silent_server_answers_all_that_queue_behind_it() {
    let stage = Stage::with(|settings| settings.connect_timeout = Duration::from_millis(500)).await;
    stage.proxy.fall_silent();
    let before = stage.proxy.connections();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let ledger = stage.line.clone();
        tasks.spawn(async move { ledger.append(&[append(number, 1)]).await });
    }
    for answer in tasks.join_all().await {
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    assert_eq!(stage.proxy.connections() - before, 1);
    stage.proxy.speak_again();
    until("the ledger is back", async || stage.line.append(&[append(9, 1)]).await.is_ok()).await;
}

fn engine(stage: &Stage) -> Engine {
    let clock = Arc::new(SystemClock);
    let foundations = Foundations {
        ledger: stage.line.clone(),
        acquirer: Arc::new(Simulator::new(SimulatorSettings::default(), SystemClock)),
        clock: clock.clone(),
        ids: Arc::new(Ids::from_system(clock).unwrap()),
        wake: Wake::default(),
        metrics: Arc::new(EngineMetrics::default()),
    };
    Engine::start(foundations, EngineSettings::default())
}

fn authorize() -> AuthorizeRequest {
    AuthorizeRequest {
        merchant_id: MerchantId::parse("merchant-1").unwrap(),
        key: IdempotencyKey::parse("order-1").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        amount: Amount::new(1000).unwrap(),
        capture_method: CaptureMethod::Manual,
        payment_method_token: None,
        reference: None,
        metadata: None,
        traceparent: None,
    }
}

/// The request is answered, and a repeat of it too: one payment, one intent, one outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_with_one_effect_whichever_of_its_commits_is_lost() {
    const WAIT: Duration = Duration::from_secs(20);
    let intent = "payment.authorization_requested";
    let outcome = "payment.authorized";
    for (fault, bytes, committed) in [
        (Fault::LoseAnswer, intent, 2),
        (Fault::CutBefore, intent, 1),
        (Fault::CutAtAnswer, intent, 2),
        (Fault::LoseAnswer, outcome, 3),
        (Fault::CutBefore, outcome, 2),
        (Fault::CutAtAnswer, outcome, 3),
    ] {
        let stage = Stage::new().await;
        let engine = engine(&stage);
        stage.proxy.arm(fault, bytes);
        let losing = async {
            if fault == Fault::LoseAnswer {
                stage.cut_at(committed).await;
            }
        };
        let (answer, ()) = tokio::join!(engine.authorize(authorize(), WAIT), losing);
        let answer = answer.unwrap();
        let payment = &answer.view.snapshot.payment;
        assert_eq!(payment.status(), PaymentStatus::Authorized, "{fault:?} {bytes}");
        assert!(!answer.is_replay && !stage.proxy.is_armed(), "{fault:?} {bytes}");
        assert_eq!(stage.events().await, 3, "{fault:?} {bytes}");
        let again = engine.authorize(authorize(), WAIT).await.unwrap();
        assert!(again.is_replay, "{fault:?} {bytes}");
        assert_eq!(again.operation_id, answer.operation_id, "{fault:?} {bytes}");
        assert_eq!(stage.events().await, 3, "{fault:?} {bytes}");
    }
}
