//! A payment's status, by the table of DESIGN section 4.

use super::account::Account;
use super::operation::Progress;

pub(super) fn status(account: &Account) -> &'static str {
    let first = account.operations.first().map_or(Progress::Pending, |first| first.progress);
    match first {
        Progress::Pending | Progress::Unknown => return "AUTHORIZING",
        Progress::Failed => return "DECLINED",
        Progress::Succeeded => {}
    }
    if account.has_open("void") {
        return "VOID_REQUESTED";
    }
    let open = account.operations.iter().rev().filter(|operation| operation.is_open());
    for operation in open {
        match operation.verb {
            "capture" => return "CAPTURE_REQUESTED",
            "refund" => return "REFUND_REQUESTED",
            _ => {}
        }
    }
    let last = account.operations.last().map(|last| (last.verb, last.progress));
    match last {
        Some(("capture", Progress::Failed)) => return "CAPTURE_FAILED",
        Some(("refund", Progress::Failed)) => return "REFUND_FAILED",
        _ => {}
    }
    let (captured, refunded) = (account.settled("capture"), account.settled("refund"));
    match account.released {
        _ if captured > 0 && refunded == captured => "REFUNDED",
        _ if refunded > 0 => "PARTIALLY_REFUNDED",
        _ if captured > 0 && account.capturable() > 0 => "PARTIALLY_CAPTURED",
        _ if captured > 0 => "CAPTURED",
        Some("voided") => "VOIDED",
        Some("expired") => "EXPIRED",
        _ => "AUTHORIZED",
    }
}
