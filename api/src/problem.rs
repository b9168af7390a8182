//! Every problem a client can meet: the one place that maps errors to status and code.

use daybook_engine::engine::EngineError;
use daybook_engine::payment::Rejection;
use daybook_projections::ViewError;

use crate::error::ApiError;

/// A kind of problem; its code and status never change.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub status: u16,
    pub title: &'static str,
    pub retry: Retry,
    /// What the client should do.
    pub remedy: &'static str,
}

/// Whether the same request, with the same key, may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    No,
    /// At any time: what became of it is not known here, and its key keeps it from being done twice.
    WithKey,
    /// When what stands in the way has passed, an operation without an outcome mostly: `Retry-After: 1`.
    WhenConcluded,
    /// When the process can serve again: `Retry-After` as set.
    WhenServed,
}

use Retry::{No, WhenConcluded, WhenServed, WithKey};

impl Retry {
    /// For people.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            No => "no",
            WithKey => "yes, with the same key",
            WhenConcluded => "yes, after `Retry-After`, when what stands in the way has passed",
            WhenServed => "yes, after `Retry-After`, with the same key",
        }
    }

    /// Whether its answers say when, in `Retry-After`.
    #[must_use]
    pub const fn says_when(self) -> bool {
        matches!(self, WhenConcluded | WhenServed)
    }
}

macro_rules! problems {
    ($($code:ident $status:literal $retry:ident $title:literal $remedy:literal)*) => {
        $(pub const $code: &Problem = &Problem {
            code: stringify!($code),
            status: $status,
            title: $title,
            retry: $retry,
            remedy: $remedy,
        };)*

        /// Every problem there is.
        pub const ALL: &[&Problem] = &[$($code),*];
    };
}

#[rustfmt::skip]
problems! {
    // The body
    MALFORMED_JSON             400 No "The body is not JSON" "Correct it where the detail says."
    BODY_NOT_UTF8              400 No "The body is not UTF-8" "Send JSON in UTF-8."
    BODY_INCOMPLETE            400 No "The body ended early" "Send all of it: as many bytes as announced, chunks whole."
    JSON_TOO_DEEP              400 No "The JSON is nested too deep" "Send the documented fields."
    DUPLICATE_FIELD            400 No "A field stands twice" "Send each field once."
    BODY_NOT_OBJECT            400 No "The body is not a JSON object" "Send an object."
    BODY_TIMEOUT               408 No "The body took too long" "Send the body at once."
    BODY_TOO_LARGE             413 No "The body is too large" "Send at most as many bytes as the detail says."
    UNSUPPORTED_MEDIA_TYPE     415 No "The body's type is not supported" "Send Content-Type: application/json, in UTF-8, not compressed."
    // The fields
    UNKNOWN_FIELD              400 No "A field is not known" "Leave it out, or correct its name."
    MISSING_FIELD              400 No "A field is missing" "Send it."
    FIELD_INVALID              400 No "A field is not valid" "Correct it as the detail says."
    AMOUNT_INVALID             400 No "The amount is not valid" "Send a whole number of minor units from 1 to 1000000000000."
    CURRENCY_UNKNOWN           400 No "The currency is not known" "Send an ISO 4217 code that has a minor unit, such as EUR."
    MERCHANT_ID_INVALID        400 No "The merchant id is not valid" "Send 1 to 32 printable ASCII characters."
    IDEMPOTENCY_KEY_INVALID    400 No "The idempotency key is not valid" "Send 1 to 64 printable ASCII characters."
    IDEMPOTENCY_KEY_MISMATCH   400 No "Two idempotency keys" "Send the key in the header or in the body, or the same in both."
    IDEMPOTENCY_KEY_REQUIRED   400 No "An idempotency key is needed" "Send a new Idempotency-Key, and the same one with every repeat."
    // The query
    UNKNOWN_PARAMETER          400 No "A query parameter is not known" "Leave it out, or correct its name."
    PARAMETER_INVALID          400 No "A query parameter is not valid" "Correct it as the detail says."
    CURSOR_INVALID             422 No "The cursor is not one of this list's" "Send nextCursor as it was, or begin without a cursor."
    POSITION_UNKNOWN           422 No "The ledger has no such partition" "Send a payment's position as it was answered."
    // The route
    ROUTE_NOT_FOUND            404 No "No such route" "Look the path up at /docs."
    METHOD_NOT_ALLOWED         405 No "The method is not allowed here" "Use one that the Allow header names."
    NOT_ACCEPTABLE             406 No "The answer has no such form" "Accept application/json or text/csv."
    // The payment
    PAYMENT_NOT_FOUND          404 No "No such payment" "Check the payment id, and the merchant id where one is sent."
    IDEMPOTENCY_KEY_REUSED     422 No "The idempotency key was used for another request" "Use a new key for a new request; repeat a request unchanged."
    AUTHORIZATION_PENDING      409 WhenConcluded "The authorization is pending" "Try again when it has an outcome."
    CAPTURE_PENDING            409 WhenConcluded "A capture is pending" "Try again when it has an outcome."
    VOID_PENDING               409 WhenConcluded "A void is pending" "Try again when it has an outcome."
    REFUND_PENDING             409 WhenConcluded "A refund is pending" "Try again when it has an outcome."
    PAYMENT_DECLINED           409 No "The payment was declined" "It holds nothing to capture, void or refund; to be paid, authorize a new one."
    PAYMENT_VOIDED             409 No "The payment was voided" "It holds nothing to capture or void any more; to be paid, authorize a new one."
    PAYMENT_EXPIRED            409 No "The authorization expired" "It holds nothing to capture or void any more; to be paid, authorize a new one."
    NOTHING_TO_CAPTURE         409 No "Nothing is left to capture" "Read the payment: amountCapturable is 0."
    CAPTURE_EXCEEDS_AUTHORIZED 409 No "The capture exceeds what can be captured" "Capture at most amountCapturable."
    NOTHING_TO_VOID            409 No "Nothing is left to void" "Read the payment; captured money is refunded, not voided."
    NOTHING_TO_REFUND          409 No "Nothing is left to refund" "Read the payment: all that was captured is refunded."
    REFUND_EXCEEDS_CAPTURED    409 No "The refund exceeds what can be refunded" "Refund at most what is captured and not refunded."
    TOO_MANY_OPERATIONS        409 No "The payment has too many operations" "Capture or refund in fewer, larger parts."
    // The process
    OVERLOADED                 503 WhenServed "Too much is waiting already" "Repeat it after Retry-After, with the same key."
    ACQUIRER_UNAVAILABLE       503 WhenServed "The acquirer takes no calls" "Repeat it after Retry-After, with the same key."
    STOPPING                   503 WhenServed "The process is stopping" "Repeat it after Retry-After, with the same key."
    LEDGER_UNAVAILABLE         503 WhenServed "The ledger can't be used" "Repeat it after Retry-After, with the same key."
    VIEWS_UNAVAILABLE          503 WhenServed "The views can't be read" "Repeat it after Retry-After."
    VIEWS_BEHIND               409 WhenConcluded "The view has not got there yet" "Repeat it after Retry-After, or have it wait with Prefer: wait=N."
    VIEWS_NOT_SERVED           503 WhenServed "This process serves no lists" "Ask a process that runs the api role."
    API_NOT_SERVED             503 WhenServed "This process serves no payments" "Ask a process that runs the api role."
    LEDGER_UNREADABLE          500 No "The ledger holds what this build can't read" "Operators: upgrade daybook, or run daybook verify."
    INTERNAL                   500 WithKey "Something went wrong in the server" "Repeat it with the same key; tell the operator the x-request-id."
}

impl Problem {
    /// The `type` of RFC 9457.
    #[must_use]
    pub fn urn(&self) -> String {
        format!("urn:daybook:problem:{}", self.code)
    }
}

/// Every code there is, in the order of [`ALL`].
#[must_use]
pub fn codes() -> Vec<&'static str> {
    ALL.iter().map(|problem| problem.code).collect()
}

/// The problem of each refusal.
#[must_use]
pub const fn of_rejection(rejection: &Rejection) -> &'static Problem {
    match rejection {
        Rejection::NotFound => PAYMENT_NOT_FOUND,
        Rejection::KeyReused => IDEMPOTENCY_KEY_REUSED,
        Rejection::KeyRequired => IDEMPOTENCY_KEY_REQUIRED,
        Rejection::AuthorizationPending => AUTHORIZATION_PENDING,
        Rejection::Declined => PAYMENT_DECLINED,
        Rejection::Voided => PAYMENT_VOIDED,
        Rejection::Expired { .. } => PAYMENT_EXPIRED,
        Rejection::CapturePending => CAPTURE_PENDING,
        Rejection::VoidPending => VOID_PENDING,
        Rejection::RefundPending => REFUND_PENDING,
        Rejection::NothingToCapture => NOTHING_TO_CAPTURE,
        Rejection::CaptureExceedsAuthorized { .. } => CAPTURE_EXCEEDS_AUTHORIZED,
        Rejection::NothingToVoid => NOTHING_TO_VOID,
        Rejection::NothingToRefund => NOTHING_TO_REFUND,
        Rejection::RefundExceedsCaptured { .. } => REFUND_EXCEEDS_CAPTURED,
        Rejection::TooManyOperations => TOO_MANY_OPERATIONS,
        // No route names an operation: workers and `daybook operations` do.
        Rejection::UnknownOperation => INTERNAL,
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let problem = match &error {
            EngineError::Rejected { rejection, .. } => of_rejection(rejection),
            EngineError::Overloaded => OVERLOADED,
            EngineError::AcquirerUnavailable => ACQUIRER_UNAVAILABLE,
            EngineError::Stopping => STOPPING,
            EngineError::Store(_) => LEDGER_UNAVAILABLE,
            EngineError::Unreadable(_) => LEDGER_UNREADABLE,
        };
        let detail = error.to_string();
        match error {
            EngineError::Rejected { payment_id, .. } => {
                Self::new(problem, detail).about(payment_id)
            }
            EngineError::Overloaded | EngineError::AcquirerUnavailable | EngineError::Stopping => {
                Self::new(problem, detail)
            }
            EngineError::Store(cause) => Self::new(problem, detail).caused_by(cause),
            EngineError::Unreadable(cause) => {
                let detail = format!("{detail}: the operator should upgrade daybook");
                Self::new(problem, detail).caused_by(cause)
            }
        }
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::BadCursor => Self::new(CURSOR_INVALID, error.to_string()).field("cursor"),
            _ => Self::new(VIEWS_UNAVAILABLE, "the views can't be read: try again in a moment")
                .caused_by(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_has_its_own_code_and_the_documented_status() {
        let of_routes = |known: &&Rejection| **known != Rejection::UnknownOperation;
        for rejection in Rejection::ALL.iter().filter(of_routes) {
            let problem = of_rejection(rejection);
            assert_eq!(problem.code, rejection.code());
            let status = match rejection {
                Rejection::NotFound => 404,
                Rejection::KeyReused => 422,
                Rejection::KeyRequired => 400,
                _ => 409,
            };
            assert_eq!(problem.status, status, "{}", problem.code);
            let is_transient = problem.retry == Retry::WhenConcluded;
            assert_eq!(is_transient, rejection.is_transient(), "{}", problem.code);
        }
    }

    #[test]
    fn codes_are_unique_and_every_line_says_what_to_do() {
        let mut codes: Vec<_> = ALL.iter().map(|problem| problem.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
        for problem in ALL {
            assert!(
                [400, 404, 405, 406, 408, 409, 413, 415, 422, 500, 503].contains(&problem.status)
            );
            assert_eq!(problem.status == 503, problem.retry == Retry::WhenServed, "{problem:?}");
            assert!(problem.remedy.ends_with('.') && !problem.title.is_empty(), "{problem:?}");
        }
    }
}
