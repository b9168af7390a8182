//! What may happen on a line, and that "not sent" is said only of what was not.

use std::time::Duration;

use daybook_engine::acquirer::contract::operation;
use daybook_engine::acquirer::http::{HttpAcquirer, HttpSettings};
use daybook_engine::acquirer::{Acquirer, CallAnswer, InquiryAnswer};
use daybook_engine::payment::Outcome;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::desk::{serve, settings};
use crate::raw::{Raw, Then};

const APPROVAL: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 131\r\n\r\n\
    {\"status\":\"approved\",\"amount\":1000,\"acquirer\":{\"transactionId\":\"t\",\"approvalCode\":null,\
    \"responseCode\":\"00\",\"responseMessage\":\"ok\"}}  ";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn is_unknown(answer: &CallAnswer) -> bool {
    matches!(answer, CallAnswer::Unknown { .. })
}

#[tokio::test]
async fn an_acquirer_that_is_not_there_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = HttpAcquirer::start(settings(address)).call(&operation(1000), soon()).await;
    assert_eq!(answer, CallAnswer::NotSent { cause: "NOT_CONNECTED".into() });
}

#[tokio::test]
async fn a_socket_cut_after_the_request_was_read_is_unknown() {
    let raw = Raw::start(Then::Say("")).await;
    let acquirer = HttpAcquirer::start(settings(raw.address));
    let answer = acquirer.call(&operation(1000), soon()).await;
    assert!(is_unknown(&answer), "{answer:?}");
    assert_eq!(raw.requests(), 1, "it was not sent again");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_unreadable_or_too_large_is_unknown() {
    let large: &str = String::leak(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n{}",
        "x".repeat(70_000)
    ));
    for text in [
        &APPROVAL[..APPROVAL.len() - 20],
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"status\":\"pending\"}",
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 No\r\ncontent-length: 22\r\n\r\n{\"status\":\"not_found\"}",
        "SSH-2.0-none\r\n",
        large,
    ] {
        let raw = Raw::start(Then::Say(text)).await;
        let acquirer = HttpAcquirer::start(settings(raw.address));
        let answer = acquirer.call(&operation(1000), soon()).await;
        assert!(is_unknown(&answer), "{answer:?} after {}", &text[..text.len().min(200)]);
        assert_eq!(raw.requests(), 1, "it was not sent again");
    }
}

#[tokio::test]
async fn a_not_found_that_the_acquirer_did_not_say_is_none() {
    let says = [
        ("HTTP/1.1 404 No\r\ncontent-length: 22\r\n\r\n{\"status\":\"not_found\"}", true),
        ("HTTP/1.1 404 No\r\ncontent-length: 9\r\n\r\nnot found", false),
        ("HTTP/1.1 502 No\r\ncontent-length: 22\r\n\r\n{\"status\":\"not_found\"}", false),
    ];
    for (text, is_found) in says {
        let raw = Raw::start(Then::Say(text)).await;
        let answer = HttpAcquirer::start(settings(raw.address)).inquire(&operation(1000)).await;
        assert_eq!(answer == InquiryAnswer::NotFound, is_found, "{answer:?} after {text}");
    }
}

#[tokio::test]
async fn a_connection_that_the_acquirer_has_closed_is_replaced() {
    let raw = Raw::start(Then::Say(APPROVAL)).await;
    let acquirer = HttpAcquirer::start(settings(raw.address));
    for number in 1..=5 {
        let answer = acquirer.call(&operation(1000), soon()).await;
        let is_approved = matches!(answer, CallAnswer::Concluded(Outcome::Approved { .. }));
        assert!(is_approved, "call {number}: {answer:?}");
        assert_eq!(raw.requests(), number);
    }
}

#[tokio::test]
async fn at_the_bound_there_is_no_place_and_nothing_is_sent() {
    let raw = Raw::start(Then::KeepSilent).await;
    let acquirer = HttpAcquirer::start(HttpSettings { places: 1, ..settings(raw.address) });
    assert_eq!(acquirer.unavailable_for(), None);
    let first = operation(1000);
    let mut held = std::pin::pin!(acquirer.call(&first, soon()));
    tokio::select! {
        answer = &mut held => panic!("{answer:?}"),
        () = async { while raw.requests() == 0 { tokio::task::yield_now().await } } => {}
    }
    assert!(acquirer.unavailable_for().is_some(), "an intent is refused");
    let window = Instant::now() + Duration::from_millis(50);
    let second = acquirer.call(&operation(1000), window).await;
    assert_eq!(second, CallAnswer::NotSent { cause: "NO_PLACE".into() });
    let answer = held.await;
    assert_eq!(answer, CallAnswer::Unknown { cause: "TIMEOUT".into() });
    assert_eq!((raw.requests(), acquirer.unavailable_for()), (1, None));
}

#[tokio::test]
async fn what_was_executed_outlives_the_acquirer() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("acquirer.db");
    let (known, other) = (operation(999_000_020), operation(1000));
    let (address, serving) = serve("127.0.0.1:0", &record).await;
    let acquirer = HttpAcquirer::start(settings(address));
    assert!(is_unknown(&acquirer.call(&known, soon()).await));
    serving.stop().await;
    let (address, _serving) = serve("127.0.0.1:0", &record).await;
    let acquirer = HttpAcquirer::start(settings(address));
    let inquiry = acquirer.inquire(&known).await;
    assert!(matches!(inquiry, InquiryAnswer::Concluded(Outcome::Approved { .. })), "{inquiry:?}");
    assert_eq!(acquirer.inquire(&other).await, InquiryAnswer::NotFound);
    // The id stands for what came first under it.
    let changed = daybook_engine::acquirer::AcquirerRequest { amount: other.amount, ..known };
    assert!(is_unknown(&acquirer.call(&changed, soon()).await));
}

#[tokio::test]
async fn an_operation_that_never_arrived_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _serving) = serve("127.0.0.1:0", &folder.path().join("acquirer.db")).await;
    let acquirer = HttpAcquirer::start(settings(address));
    for minor in [999_000_011, 999_000_022] {
        let request = operation(minor);
        assert!(is_unknown(&acquirer.call(&request, soon()).await));
        assert_eq!(acquirer.inquire(&request).await, InquiryAnswer::NotFound);
    }
    let late = operation(1000);
    acquirer.call(&late, Instant::now()).await;
    assert_eq!(acquirer.inquire(&late).await, InquiryAnswer::NotFound, "sent after its time");
}
