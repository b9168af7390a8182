//! The acquirer as one process reaches it: over a line on which requests and answers are lost,
//! late and doubled.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daybook_engine::acquirer::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer, Notice};
use daybook_engine::payment::Outcome;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bank::Listener;
use crate::clock::SKEW_MAX_MS;
use crate::door::{Door, Risk};
use crate::faults::Fault;
use crate::oracle::Sent;
use crate::plan::CALL;
use crate::world::World;

pub(crate) struct AcquirerPort {
    pub(crate) door: Arc<Door>,
    pub(crate) listener: Arc<Listener>,
    /// Whether it keeps to `sendBefore`; a planted bug does not.
    pub(crate) looks_at_send_before: bool,
}

const SEND: &str = "send to the acquirer";
/// A request that has not arrived by then never does.
const ON_THE_WAY_MAX_MS: u64 = 2_500;

#[async_trait]
impl Acquirer for AcquirerPort {
    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let door = &self.door;
        if door.fails(Fault::CallNotSent, 400) {
            return CallAnswer::NotSent { cause: "NOT_CONNECTED".into() };
        }
        door.pass(SEND, Risk::Change, Fault::CrashBefore).await;
        if self.looks_at_send_before && Instant::now() >= send_before {
            return CallAnswer::NotSent { cause: "SEND_WINDOW_OVER".into() };
        }
        let call = self.tell_sent(request, send_before);
        let (reply, replied) = oneshot::channel();
        tokio::spawn(travel(door.world.clone(), request.clone(), reply));
        let answer = match timeout(CALL, replied).await {
            Ok(Ok(outcome)) => CallAnswer::Concluded(outcome),
            Ok(Err(_)) => CallAnswer::Unknown { cause: "CONNECTION_CUT".into() },
            Err(_) => CallAnswer::Unknown { cause: "TIMEOUT".into() },
        };
        door.world.oracle().answered(call);
        door.note(|| format!("{} {}: {answer:?}", request.verb.as_str(), request.operation_id));
        door.pass(SEND, Risk::Change, Fault::CrashAfter).await;
        answer
    }

    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer {
        let door = &self.door;
        if door.fails(Fault::InquiryFailed, 1_000) {
            return InquiryAnswer::Unknown { cause: "CONNECTION_CUT".into() };
        }
        let ask = async {
            sleep(door.world.dice.millis(0, 15)).await;
            door.world.bank.inquire(request.operation_id)
        };
        let answer = door.cross("inquiry", Risk::Change, ask).await;
        door.note(|| format!("inquiry of {}: {answer:?}", request.operation_id));
        answer
    }

    async fn notice(&self) -> Notice {
        let notice = self.listener.next().await;
        self.door.pass("notice", Risk::Change, Fault::CrashAfter).await;
        notice
    }
}

impl AcquirerPort {
    fn tell_sent(&self, request: &AcquirerRequest, send_before: Instant) -> u64 {
        let World { timeline, .. } = &*self.door.world;
        let call = self.door.world.next_number();
        let (verb, id) = (request.verb.as_str(), request.operation_id);
        self.door.note(|| format!("{verb} {id} of {} is sent", request.amount.minor()));
        self.door.world.oracle().sent(Sent {
            call,
            payment: request.payment_id.to_string(),
            operation: request.operation_id.to_string(),
            verb,
            amount: request.amount.minor(),
            at_ms: timeline.now_ms(),
            at_earliest: timeline.time(-SKEW_MAX_MS).to_string(),
            send_before_ms: timeline.ms(send_before),
        });
        call
    }
}

/// A request on its way to the acquirer, and its answer on the way back: the sender may die meanwhile.
async fn travel(world: Arc<World>, request: AcquirerRequest, mut reply: oneshot::Sender<Outcome>) {
    let World { dice, bank, .. } = &*world;
    let _under_way = bank.under_way();
    let fails = |fault, of_10_000| world.fails(fault, of_10_000);
    if fails(Fault::CallLost, 700) {
        // Nobody notices before the time is up, or the connection ends.
        sleep(dice.millis(10, 2_000)).await;
        return;
    }
    let is_late = fails(Fault::CallLate, 1_000);
    sleep(if is_late { dice.millis(1_100, ON_THE_WAY_MAX_MS) } else { dice.millis(0, 20) }).await;
    let answer = bank.receive(&request);
    world.note(|| format!("acquirer: {} arrived: {:?}", request.operation_id, answer.outcome));
    if fails(Fault::CallTwice, 600) {
        bank.receive(&request);
    }
    if answer.is_contradicted {
        world.faults.count(Fault::Contradiction);
        tokio::spawn(correct(world.clone(), request, answer.at, bank.under_way()));
    }
    if fails(Fault::AnswerCut, 800) {
        return;
    }
    if answer.at > Instant::now() + CALL {
        world.faults.count(Fault::AnswerSlow);
    }
    tokio::select! {
        biased;
        // A sender that has given up asks later.
        () = reply.closed() => return,
        () = sleep_until(answer.at) => {}
    }
    let _ = reply.send(answer.outcome);
}

/// The truth follows what was told wrong, once or twice.
async fn correct(
    world: Arc<World>,
    request: AcquirerRequest,
    told_at: Instant,
    _under_way: Arc<()>,
) {
    sleep_until(told_at + world.dice.millis(200, 1_500)).await;
    world.bank.announce(request.operation_id);
    if world.fails(Fault::NoticeTwice, 5_000) {
        sleep(Duration::from_millis(300)).await;
        world.bank.announce(request.operation_id);
    }
}
