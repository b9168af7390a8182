//! `daybook parked`: the payments that the views have set aside.

use daybook_engine::ids::PaymentId;
use daybook_engine::ledger::{Ledger, Recorded};
use daybook_projections::views::ParkedPayment;
use daybook_projections::{Retried, View, ViewError, ViewStore, retry_parked};

use crate::cli::{Failure, Parked};
use crate::config::Config;
use crate::wiring;

/// Lists, shows or takes up again.
///
/// # Errors
/// [`Failure::Difference`] where a payment stays parked.
pub(crate) async fn run(config: &Config, parked: Parked) -> Result<(), Failure> {
    let ledger = wiring::open_ledger_to_read(config).await?;
    let views = wiring::open_views(config, ledger.identity().partitions).await?.store;
    match parked {
        Parked::List => list(views.as_ref()).await,
        Parked::Show { payment } => show(ledger.as_ref(), views.as_ref(), payment).await,
        Parked::Retry { payment } => retry(ledger.as_ref(), views.as_ref(), payment).await,
    }
}

async fn all(views: &dyn ViewStore) -> Result<Vec<ParkedPayment>, Failure> {
    let parked = views.parked().await.map_err(unavailable)?;
    Ok(parked.iter().cloned().collect())
}

fn unavailable(error: ViewError) -> Failure {
    Failure::dependency("the views", &error)
}

/// A parked payment in one line.
pub(crate) fn line(parked: &ParkedPayment) -> String {
    format!(
        "parked payment {} at {}:{} since {}: {}",
        parked.payment_id, parked.partition, parked.position, parked.parked_at, parked.cause
    )
}

async fn list(views: &dyn ViewStore) -> Result<(), Failure> {
    let parked = all(views).await?;
    for payment in &parked {
        println!("{}", line(payment));
    }
    println!("{} payments parked", parked.len());
    Ok(())
}

async fn show(
    ledger: &dyn Ledger,
    views: &dyn ViewStore,
    payment: PaymentId,
) -> Result<(), Failure> {
    let parked = all(views).await?.into_iter().find(|parked| parked.payment_id == payment);
    let parked = parked.ok_or_else(|| not_parked(payment))?;
    println!("{}", line(&parked));
    for recorded in ledger.load(payment).await? {
        println!("{}", event_line(&parked, &recorded));
    }
    Ok(())
}

fn not_parked(payment: PaymentId) -> Failure {
    Failure::Usage(format!("payment {payment} is not parked"))
}

fn event_line(parked: &ParkedPayment, recorded: &Recorded) -> String {
    let position = recorded.position;
    let waits = View::ALL.into_iter().filter(|view| parked.holds_back(*view, position));
    let state = match (recorded.decode(), waits.count()) {
        (Err(error), _) => error.to_string(),
        (Ok(_), 0) => "in every view".to_owned(),
        (Ok(_), count) if count == View::ALL.len() => "waits".to_owned(),
        (Ok(_), count) => format!("waits, for {count} of {} views", View::ALL.len()),
    };
    let place = format!("{}:{position}", recorded.partition);
    let kind = recorded.event_type.trim_start_matches("payment.");
    format!("{:>4}  {}  {place:<12} {kind:<24} {state}", recorded.version, recorded.recorded_at)
}

async fn retry(
    ledger: &dyn Ledger,
    views: &dyn ViewStore,
    payment: Option<PaymentId>,
) -> Result<(), Failure> {
    let wanted = all(views).await?.into_iter();
    let wanted = wanted.filter(|parked| payment.is_none_or(|id| id == parked.payment_id));
    let wanted: Vec<ParkedPayment> = wanted.collect();
    if let (Some(payment), true) = (payment, wanted.is_empty()) {
        return Err(not_parked(payment));
    }
    let (mut taken_up, mut stuck) = (0_usize, 0_usize);
    for ParkedPayment { partition, payment_id, .. } in wanted {
        match retry_parked(ledger, views, partition, payment_id).await.map_err(unavailable)? {
            Retried::Unparked => {
                taken_up = taken_up.saturating_add(1);
                println!("payment {payment_id} is taken up again");
            }
            Retried::NotParked => println!("payment {payment_id} is not parked any more"),
            Retried::StillParked(cause) => {
                stuck = stuck.saturating_add(1);
                println!("payment {payment_id} stays parked: {cause}");
            }
        }
    }
    println!("{taken_up} payments taken up again, {stuck} stay parked");
    if stuck == 0 { Ok(()) } else { Err(Failure::Difference) }
}
