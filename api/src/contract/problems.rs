//! Which problems each route can answer with.

use crate::intake::{Body, Need, OF_LISTS, Others};
use crate::problem::{self, *};
use crate::route::Route;

type Problems = &'static [&'static Problem];

const OF_BODIES: Problems = &[
    MALFORMED_JSON,
    BODY_NOT_UTF8,
    BODY_INCOMPLETE,
    JSON_TOO_DEEP,
    DUPLICATE_FIELD,
    BODY_NOT_OBJECT,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
];
const OF_THE_LEDGER: Problems =
    &[API_NOT_SERVED, STOPPING, LEDGER_UNAVAILABLE, LEDGER_UNREADABLE, INTERNAL];
const OF_THE_VIEWS: Problems = &[NOT_ACCEPTABLE, VIEWS_NOT_SERVED, VIEWS_UNAVAILABLE, INTERNAL];
const OF_AUTHORIZE: Problems = &[IDEMPOTENCY_KEY_REUSED, ACQUIRER_UNAVAILABLE];
const OF_CAPTURE: Problems = &[
    PAYMENT_NOT_FOUND,
    IDEMPOTENCY_KEY_REUSED,
    AUTHORIZATION_PENDING,
    PAYMENT_DECLINED,
    VOID_PENDING,
    PAYMENT_VOIDED,
    PAYMENT_EXPIRED,
    CAPTURE_PENDING,
    NOTHING_TO_CAPTURE,
    CAPTURE_EXCEEDS_AUTHORIZED,
    TOO_MANY_OPERATIONS,
    ACQUIRER_UNAVAILABLE,
];
const OF_VOID: Problems = &[
    PAYMENT_NOT_FOUND,
    IDEMPOTENCY_KEY_REUSED,
    AUTHORIZATION_PENDING,
    PAYMENT_DECLINED,
    VOID_PENDING,
    CAPTURE_PENDING,
    PAYMENT_VOIDED,
    PAYMENT_EXPIRED,
    NOTHING_TO_VOID,
    TOO_MANY_OPERATIONS,
    ACQUIRER_UNAVAILABLE,
];
const OF_REFUND: Problems = &[
    PAYMENT_NOT_FOUND,
    IDEMPOTENCY_KEY_REUSED,
    AUTHORIZATION_PENDING,
    PAYMENT_DECLINED,
    CAPTURE_PENDING,
    REFUND_PENDING,
    NOTHING_TO_REFUND,
    REFUND_EXCEEDS_CAPTURED,
    TOO_MANY_OPERATIONS,
    ACQUIRER_UNAVAILABLE,
];

const OF_CANCEL: Problems = &[
    PAYMENT_NOT_FOUND,
    IDEMPOTENCY_KEY_REUSED,
    AUTHORIZATION_PENDING,
    PAYMENT_DECLINED,
    VOID_PENDING,
    CAPTURE_PENDING,
    REFUND_PENDING,
    PAYMENT_VOIDED,
    PAYMENT_EXPIRED,
    NOTHING_TO_REFUND,
    TOO_MANY_OPERATIONS,
    ACQUIRER_UNAVAILABLE,
];

/// What a route refuses or can't do beyond what follows from its intake.
const fn own(route: Route) -> [Problems; 2] {
    match route {
        Route::Authorize | Route::OlderAuthorize => [OF_AUTHORIZE, OF_THE_LEDGER],
        Route::Capture | Route::OlderCapture => [OF_CAPTURE, OF_THE_LEDGER],
        Route::Void => [OF_VOID, OF_THE_LEDGER],
        Route::Refund | Route::OlderRefund => [OF_REFUND, OF_THE_LEDGER],
        Route::Cancel => [OF_CANCEL, OF_THE_LEDGER],
        // What an item is answered with is the item's own.
        Route::AuthorizeBatch => [&[API_NOT_SERVED], &[]],
        Route::Payment | Route::Events | Route::Lookup => [&[PAYMENT_NOT_FOUND], OF_THE_LEDGER],
        // Its rows are completed with texts from the ledger.
        Route::Payments => [OF_THE_VIEWS, OF_THE_LEDGER],
        Route::Settlements
        | Route::SettlementLines
        | Route::Refunds
        | Route::Balances
        | Route::Operations
        | Route::Journal => [OF_THE_VIEWS, &[]],
        Route::Readiness | Route::Metrics => [&[INTERNAL], &[]],
        Route::Health | Route::Contract | Route::Docs => [&[], &[]],
    }
}

/// By status, then in the order of [`problem::ALL`].
pub(super) fn of(route: Route) -> Vec<&'static Problem> {
    let intake = route.intake();
    let mut met: Vec<&'static Problem> = own(route).concat();
    // A connection beyond the bound is refused whatever it asks for.
    met.push(OVERLOADED);
    met.extend(intake.parameters.iter().map(|parameter| parameter.problem));
    // The key, which alone finds a payment, is told to be missing as in a body.
    if intake.parameters.iter().any(|parameter| parameter.is_required) {
        met.push(PARAMETER_INVALID);
    }
    if intake.list.is_some() {
        met.extend(OF_LISTS);
    }
    if intake.others == Others::Refused {
        // A parameter may stand twice, or not be UTF-8.
        met.extend([UNKNOWN_PARAMETER, PARAMETER_INVALID]);
    }
    if let Some(body) = &intake.body {
        met.extend(of_body(body, intake.others));
    }
    let mut all: Vec<_> =
        problem::ALL.iter().copied().filter(|known| met.contains(known)).collect();
    all.sort_by_key(|problem| problem.status);
    all
}

fn of_body(body: &Body, others: Others) -> Vec<&'static Problem> {
    let mut met = OF_BODIES.to_vec();
    if others == Others::Refused {
        met.push(UNKNOWN_FIELD);
    }
    for field in body.fields {
        met.extend(field.problems);
        let is_key = field.name == "idempotencyKey";
        match field.need {
            Need::Required if !is_key => met.push(MISSING_FIELD),
            Need::Required | Need::WithKey => met.push(IDEMPOTENCY_KEY_REQUIRED),
            Need::Optional => {}
        }
        if is_key {
            met.push(IDEMPOTENCY_KEY_MISMATCH);
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ROUTES;

    #[test]
    fn every_problem_that_a_client_can_meet_belongs_to_a_route() {
        let met: Vec<_> = ROUTES.iter().flat_map(|entry| of(entry.route)).collect();
        // Of paths and methods that are no route's.
        let of_none = [ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED];
        for known in problem::ALL {
            assert_eq!(!met.contains(known), of_none.contains(known), "{}", known.code);
        }
    }
}
