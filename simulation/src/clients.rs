//! Clients: they ask, wait, give up, and repeat what they asked, here or elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daybook_engine::engine::{Answer, EngineError};
use tokio::time::{sleep, timeout};

use crate::faults::Fault;
use crate::oracle::Told;
use crate::process::Process;
use crate::wish::Wish;
use crate::world::World;

/// What was ever asked and answered with a success: it may be asked again for ever.
pub(crate) type Answered = Arc<Mutex<Vec<Wish>>>;

const TRIES: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(4);

/// One client's life.
pub(crate) async fn live(world: Arc<World>, answered: Answered) {
    let dice = &world.dice;
    for _ in 0..world.plan.requests {
        sleep(dice.millis(0, 600)).await;
        let wish = next(&world, &answered);
        if dice.chance(600) {
            try_out(&world, &wish).await;
        }
        if dice.chance(1_500) {
            world.faults.count(Fault::KeyAtOnce);
            let (one, other) = (pursue(&world, &wish, &answered), pursue(&world, &wish, &answered));
            tokio::join!(one, other);
        } else {
            pursue(&world, &wish, &answered).await;
        }
    }
}

fn next(world: &World, answered: &Answered) -> Wish {
    let dice = &world.dice;
    let payment = dice.index(world.plan.payments);
    let known = answered.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.is_empty() && dice.chance(1_200) {
        return dice.pick(&known).clone();
    }
    let is_created = known.iter().any(|wish| wish.payment == payment);
    if is_created && dice.chance(9_000) || dice.chance(500) {
        Wish::draw(payment, dice)
    } else {
        Wish::authorize(payment, dice)
    }
}

/// Asks until there is a clear answer, or the client has had enough.
async fn pursue(world: &World, wish: &Wish, answered: &Answered) {
    for tries in 0..TRIES {
        if tries > 0 {
            world.faults.count(Fault::KeyRepeated);
            sleep(world.dice.millis(20, 900)).await;
        }
        let told = ask(world, wish).await;
        if let Some(Told::Payment { .. }) = told {
            answered.lock().unwrap_or_else(PoisonError::into_inner).push(wish.clone());
        }
        // Without a key a repeat would be another request.
        let is_clear = matches!(told, Some(Told::Payment { .. } | Told::Refused { .. }));
        if is_clear || wish.key.is_none() {
            return;
        }
    }
}

/// Asks a process that is up; `None` where no answer came.
async fn ask(world: &World, wish: &Wish) -> Option<Told> {
    let alive = world.alive();
    if alive.is_empty() {
        return None;
    }
    let process = world.dice.pick(&alive).clone();
    let wait = world.dice.millis(0, 1_500);
    let is_impatient = !world.faults.are_over() && world.dice.chance(400);
    let patience = if is_impatient { world.dice.millis(0, 300) } else { PATIENCE };
    ask_of(world, wish, &process, wait, patience).await
}

/// Asks a process that is up what it would answer.
async fn try_out(world: &World, wish: &Wish) {
    let alive = world.alive();
    if alive.is_empty() {
        return;
    }
    let process = world.dice.pick(&alive).clone();
    let (number, trace) = next_trace(world);
    let asked = process.door.process;
    world.note(|| format!("client tries out at process {asked} ({number}): {wish:?}"));
    world.oracle().asked(wish.asked(&trace, true));
    let sent = wish.try_out(&process.engine, &trace);
    hear(world, &process, &trace, PATIENCE, sent, true).await;
}

/// Asks this process.
pub(crate) async fn ask_of(
    world: &World,
    wish: &Wish,
    process: &Process,
    wait: Duration,
    patience: Duration,
) -> Option<Told> {
    let (number, trace) = next_trace(world);
    world.note(|| format!("client asks process {} ({number}): {wish:?}", process.door.process));
    world.oracle().asked(wish.asked(&trace, false));
    let sent = wish.send(&process.engine, &trace, wait);
    hear(world, process, &trace, patience, sent, false).await
}

fn next_trace(world: &World) -> (u64, String) {
    let number = world.next_number();
    (number, format!("00-{number:032x}-{number:016x}-01"))
}

/// Waits for the answer, and tells the oracle.
async fn hear(
    world: &World,
    process: &Process,
    trace: &str,
    patience: Duration,
    sent: impl Future<Output = Result<Answer, EngineError>>,
    is_dry_run: bool,
) -> Option<Told> {
    let answer = tokio::select! {
        biased;
        () = process.door.died() => None,
        answer = timeout(patience, sent) => answer.ok(),
    };
    world.look_at_ledger().await;
    let Some(answer) = answer else {
        world.faults.count(Fault::ClientGone);
        world.note(|| format!("client ({trace}) has no answer"));
        return None;
    };
    let told = told(answer, is_dry_run);
    world.note(|| format!("client ({trace}) is told {told:?}"));
    let now = world.timeline.time(crate::clock::SKEW_MAX_MS).to_string();
    world.oracle().told(trace, &told, &now);
    Some(told)
}

fn told(answer: Result<Answer, EngineError>, is_dry_run: bool) -> Told {
    let body = |answer: &Answer| {
        serde_json::to_string(&answer.view.rendering().body()).unwrap_or_default()
    };
    match answer {
        Ok(answer) if is_dry_run && !answer.is_replay => {
            Told::Tried { operation: answer.operation_id.to_string(), body: body(&answer) }
        }
        Ok(answer) => Told::Payment {
            operation: answer.operation_id.to_string(),
            body: body(&answer),
            is_concluded: answer.is_concluded(),
            is_replay: answer.is_replay,
        },
        Err(EngineError::Rejected { rejection, .. }) => Told::Refused { code: rejection.code() },
        Err(EngineError::Overloaded | EngineError::AcquirerUnavailable | EngineError::Stopping) => {
            Told::NotNow
        }
        Err(EngineError::Store(_) | EngineError::Unreadable(_)) => Told::Unclear,
    }
}
