//! The fingerprint of a request: BLAKE3 over what it asks for, however it was spelled.

use crate::event_text::TextName;
use crate::idempotency::{Fingerprint, TextHash};
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};

use super::operation::CaptureMethod;

/// A normalised request: neither its bytes nor its route, `Prefer` or key.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    Authorize {
        merchant_id: &'a MerchantId,
        currency: Currency,
        amount: Amount,
        capture_method: CaptureMethod,
        payment_method_token: Option<&'a str>,
    },
    Capture {
        amount: Option<Amount>,
        is_final: bool,
    },
    Void,
    Refund {
        amount: Option<Amount>,
    },
    Cancel,
}

/// `texts` are the request's texts, hashed under the salts that stand (or will stand) in the store,
/// in the order of their names.
#[must_use]
pub fn fingerprint(asked: &Asked<'_>, texts: &[(TextName, TextHash)]) -> Fingerprint {
    let mut hash = Fields::new();
    match asked {
        Asked::Authorize {
            merchant_id,
            currency,
            amount,
            capture_method,
            payment_method_token,
        } => {
            hash.text("authorize");
            hash.text(merchant_id.as_str());
            hash.text(currency.as_str());
            hash.amount(Some(*amount));
            hash.text(capture_method.as_str());
            hash.optional(*payment_method_token);
        }
        Asked::Capture { amount, is_final } => {
            hash.text("capture");
            hash.amount(*amount);
            hash.text(if *is_final { "final" } else { "open" });
        }
        Asked::Void => hash.text("void"),
        Asked::Refund { amount } => {
            hash.text("refund");
            hash.amount(*amount);
        }
        Asked::Cancel => hash.text("cancel"),
    }
    for (name, text) in texts {
        hash.text(name.as_str());
        hash.bytes(text.as_bytes());
    }
    hash.finish()
}

/// Fields each after its length, so that no two lists of fields hash the same bytes.
struct Fields(blake3::Hasher);

impl Fields {
    fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.text(if text.is_some() { "some" } else { "none" });
        self.text(text.unwrap_or_default());
    }

    fn amount(&mut self, amount: Option<Amount>) {
        self.optional(amount.map(|amount| amount.to_string()).as_deref());
    }

    fn finish(self) -> Fingerprint {
        Fingerprint::from_bytes(*self.0.finalize().as_bytes())
    }
}
