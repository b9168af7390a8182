//! What every adapter of the acquirer promises, as tests: one list of cases, the same on each. Behind the
//! adapter stands the simulator without rates, in this process or in another.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer};
use crate::clock::SystemClock;
use crate::ids::{Ids, PaymentId};
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};
use crate::payment::{Outcome, Verb};

/// An adapter under test.
pub trait AcquirerFixture: Send + Sync {
    fn acquirer(&self) -> Arc<dyn Acquirer>;
}

/// The call limit that fixtures set.
pub const CALL_LIMIT: Duration = Duration::from_secs(2);
/// How long anything is waited for before a case fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A test of a fixture.
pub type CaseRun = for<'a> fn(&'a dyn AcquirerFixture) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! cases {
    ($dollar:tt $($case:ident)+) => {
        /// Every case by name.
        pub const CASES: &[(&str, CaseRun)] =
            &[$((stringify!($case), |fixture| Box::pin($case(fixture))),)+];

        /// Makes one test of each case, in a module of the adapter's name; `open` is an async function
        /// here that returns an [`AcquirerFixture`](crate::acquirer::contract::AcquirerFixture).
        #[macro_export]
        macro_rules! acquirer_contract {
            ($dollar adapter:ident, $dollar open:ident) => {
                mod $dollar adapter {
                    pub(crate) const CASES: &[&str] = &[$(stringify!($case),)+];
                    $(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $case() {
                            let fixture = super::$dollar open().await;
                            $crate::acquirer::contract::run(stringify!($case), &fixture).await;
                        }
                    )+
                }
            };
        }
    };
}

cases! { $
    an_operation_ends_as_the_acquirer_says_and_an_inquiry_says_the_same
    an_id_has_one_answer_however_often_it_comes
    a_connection_cut_after_the_request_is_unknown_and_an_inquiry_knows
    an_acquirer_that_keeps_silent_is_unknown_within_the_call_limit
    an_operation_that_is_still_at_work_is_pending
    nothing_is_sent_when_its_time_is_over
    an_answer_that_comes_late_comes_by_itself
    an_answer_that_comes_three_times_is_the_same_each_time
    many_at_a_time_have_each_its_own_answer
}

/// Runs one case of [`CASES`].
///
/// # Panics
/// When the adapter breaks the promise, or there is no such case.
pub async fn run(name: &str, fixture: &dyn AcquirerFixture) {
    let case = CASES.iter().find(|(known, _)| *known == name);
    let (_, run) = case.unwrap_or_else(|| panic!("there is no case {name}"));
    run(fixture).await;
}

/// A capture of so many minor units, under an id of its own that was made now.
///
/// # Panics
/// Where the amount is none.
#[must_use]
pub fn operation(minor: i64) -> AcquirerRequest {
    let ids = Ids::from_system(Arc::new(SystemClock)).expect("the system has randomness");
    AcquirerRequest {
        operation_id: ids.operation_id(),
        payment_id: PaymentId::from_uuid(ids.event_id().uuid()),
        merchant_id: MerchantId::parse("shop-1").expect("printable"),
        verb: Verb::Capture,
        amount: Amount::new(minor).expect("an amount"),
        currency: Currency::parse("EUR").expect("a currency"),
        payment_method_token: None,
        authorization_id: Some("auth-1".into()),
    }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

async fn an_operation_ends_as_the_acquirer_says_and_an_inquiry_says_the_same(
    fixture: &dyn AcquirerFixture,
) {
    let acquirer = fixture.acquirer();
    for (minor, wanted) in [
        (1_000, "approved 1000"),
        (999_000_004, "approved 499500002"),
        (999_000_001, "declined INSUFFICIENT_FUNDS"),
        (999_000_010, "failed SYSTEM_ERROR"),
    ] {
        let request = operation(minor);
        let CallAnswer::Concluded(outcome) = acquirer.call(&request, soon()).await else {
            panic!("{minor} has no outcome");
        };
        assert_eq!(shown(&outcome), wanted);
        assert_eq!(acquirer.inquire(&request).await, InquiryAnswer::Concluded(outcome));
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Approved { amount, .. } => format!("approved {}", amount.minor()),
        Outcome::Declined { code, .. } => format!("declined {code}"),
        Outcome::Failed { code, .. } => format!("failed {code}"),
    }
}

async fn an_id_has_one_answer_however_often_it_comes(fixture: &dyn AcquirerFixture) {
    let (acquirer, request) = (fixture.acquirer(), operation(1_000));
    let first = acquirer.call(&request, soon()).await;
    assert!(matches!(first, CallAnswer::Concluded(Outcome::Approved { .. })), "{first:?}");
    for _ in 0..3 {
        assert_eq!(acquirer.call(&request, soon()).await, first);
    }
}

async fn a_connection_cut_after_the_request_is_unknown_and_an_inquiry_knows(
    fixture: &dyn AcquirerFixture,
) {
    let acquirer = fixture.acquirer();
    for (minor, wanted) in
        [(999_000_020, "approved 999000020"), (999_000_021, "failed SYSTEM_ERROR")]
    {
        let request = operation(minor);
        let answer = acquirer.call(&request, soon()).await;
        assert_eq!(answer, CallAnswer::Unknown { cause: "CONNECTION_CUT".into() });
        let InquiryAnswer::Concluded(outcome) = acquirer.inquire(&request).await else {
            panic!("{minor} has no outcome");
        };
        assert_eq!(shown(&outcome), wanted);
    }
}

async fn an_acquirer_that_keeps_silent_is_unknown_within_the_call_limit(
    fixture: &dyn AcquirerFixture,
) {
    let (acquirer, request) = (fixture.acquirer(), operation(999_000_024));
    let answer = timeout(PATIENCE, acquirer.call(&request, soon())).await.expect("no end");
    let CallAnswer::Unknown { cause } = answer else { panic!("{answer:?}") };
    // Which of two limits of the same length is over first is nobody's promise.
    assert!(["TIMEOUT", "CONNECTION_CUT"].contains(&&*cause), "{cause}");
    let inquiry = acquirer.inquire(&request).await;
    assert!(matches!(inquiry, InquiryAnswer::Concluded(Outcome::Approved { .. })), "{inquiry:?}");
}

async fn an_operation_that_is_still_at_work_is_pending(fixture: &dyn AcquirerFixture) {
    let (acquirer, request) = (fixture.acquirer(), operation(999_000_023));
    let answer = acquirer.call(&request, soon()).await;
    assert!(matches!(answer, CallAnswer::Unknown { .. }), "{answer:?}");
    assert_eq!(acquirer.inquire(&request).await, InquiryAnswer::Pending);
}

async fn nothing_is_sent_when_its_time_is_over(fixture: &dyn AcquirerFixture) {
    let acquirer = fixture.acquirer();
    let answer = acquirer.call(&operation(1_000), Instant::now()).await;
    assert!(matches!(answer, CallAnswer::NotSent { .. }), "{answer:?}");
}

async fn an_answer_that_comes_late_comes_by_itself(fixture: &dyn AcquirerFixture) {
    let (acquirer, request) = (fixture.acquirer(), operation(999_000_030));
    let answer = acquirer.call(&request, soon()).await;
    assert!(matches!(answer, CallAnswer::Unknown { .. }), "{answer:?}");
    let notice = timeout(PATIENCE, acquirer.notice()).await.expect("no notice");
    assert_eq!(notice.operation_id, request.operation_id);
    assert_eq!(notice.payment_id, request.payment_id);
    assert_eq!(shown(&notice.outcome), "approved 999000030");
}

async fn an_answer_that_comes_three_times_is_the_same_each_time(fixture: &dyn AcquirerFixture) {
    let (acquirer, request) = (fixture.acquirer(), operation(999_000_031));
    let CallAnswer::Concluded(outcome) = acquirer.call(&request, soon()).await else {
        panic!("no outcome");
    };
    for _ in 0..2 {
        let notice = timeout(PATIENCE, acquirer.notice()).await.expect("no notice");
        assert_eq!((notice.operation_id, &notice.outcome), (request.operation_id, &outcome));
    }
}

async fn many_at_a_time_have_each_its_own_answer(fixture: &dyn AcquirerFixture) {
    let acquirer = fixture.acquirer();
    let mut calls = tokio::task::JoinSet::new();
    for minor in 1..=64 {
        let acquirer = acquirer.clone();
        calls.spawn(async move { (minor, acquirer.call(&operation(minor), soon()).await) });
    }
    let mut answers = BTreeMap::new();
    while let Some(call) = calls.join_next().await {
        let (minor, answer) = call.expect("no panic");
        answers.insert(minor, answer);
    }
    for (minor, answer) in answers {
        let CallAnswer::Concluded(outcome) = answer else { panic!("{minor}: {answer:?}") };
        assert_eq!(shown(&outcome), format!("approved {minor}"));
    }
}
