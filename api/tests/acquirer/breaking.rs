//! The breaker between this process and an acquirer that is away.

use std::time::Duration;

use daybook_engine::acquirer::breaker::BreakerSettings;
use daybook_engine::acquirer::contract::operation;
use daybook_engine::acquirer::http::{HttpAcquirer, HttpSettings};
use daybook_engine::acquirer::{Acquirer, CallAnswer, InquiryAnswer};
use daybook_engine::payment::Outcome;
use tokio::time::Instant;

use crate::desk::{serve, settings};

const BREAKER: BreakerSettings = BreakerSettings {
    window: Duration::from_secs(600),
    calls_min: 4,
    failures_percent: 50,
    first_wait: Duration::from_millis(50),
    max_wait: Duration::from_millis(200),
    probes: 2,
    trial_calls: 2,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn until_closed(acquirer: &HttpAcquirer) {
    let give_up = soon();
    while acquirer.unavailable_for().is_some() {
        assert!(Instant::now() < give_up, "the breaker stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_opens_while_the_acquirer_is_away_and_closes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("acquirer.db");
    let (address, serving) = serve("127.0.0.1:0", &record).await;
    let acquirer = HttpAcquirer::start(HttpSettings { breaker: BREAKER, ..settings(address) });
    let approved = acquirer.call(&operation(1000), soon()).await;
    assert!(matches!(approved, CallAnswer::Concluded(Outcome::Approved { .. })), "{approved:?}");
    serving.stop().await;
    for _ in 0..3 {
        assert_eq!(acquirer.unavailable_for(), None);
        let answer = acquirer.call(&operation(1000), soon()).await;
        assert!(!matches!(answer, CallAnswer::Concluded(_)), "{answer:?}");
    }
    assert!(acquirer.unavailable_for().is_some(), "three of four calls failed");
    let answer = acquirer.call(&operation(1000), soon()).await;
    assert_eq!(answer, CallAnswer::NotSent { cause: "BREAKER_OPEN".into() });
    let inquiry = acquirer.inquire(&operation(1000)).await;
    assert_eq!(inquiry, InquiryAnswer::Unknown { cause: "BREAKER_OPEN".into() });
    let (_, _serving) = serve(&address.to_string(), &record).await;
    until_closed(&acquirer).await;
    let approved = acquirer.call(&operation(1000), soon()).await;
    assert!(matches!(approved, CallAnswer::Concluded(Outcome::Approved { .. })), "{approved:?}");
}

#[tokio::test]
async fn declines_and_errors_are_answers_and_never_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _serving) = serve("127.0.0.1:0", &folder.path().join("acquirer.db")).await;
    let acquirer = HttpAcquirer::start(HttpSettings { breaker: BREAKER, ..settings(address) });
    for minor in [999_000_001, 999_000_010].repeat(5) {
        let answer = acquirer.call(&operation(minor), soon()).await;
        assert!(matches!(answer, CallAnswer::Concluded(_)), "{answer:?}");
    }
    for _ in 0..10 {
        assert_eq!(acquirer.inquire(&operation(1000)).await, InquiryAnswer::NotFound);
    }
    assert_eq!(acquirer.unavailable_for(), None);
}
