//! The events: a public contract, one struct each, with the JSON fields in this order.
//!
//! Every event carries `v` (the schema version of its type), `at`, `merchantId`, `currency` and
//! `operationId` (null where there is none). A change to any of them is a new version, and the one
//! before moves to `older.rs`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::operation::{AcquirerReference, CaptureMethod, Verb};
use crate::clock::{Date, Timestamp};
use crate::event_text::TextName;
use crate::idempotency::{Request, TextHash};
use crate::ids::OperationId;
use crate::journal::JournalEntry;
use crate::merchant::MerchantId;
use crate::money::{Amount, Currency};

/// What every event carries, ahead of its own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Never before the payment's previous event.
    pub at: Timestamp,
    pub merchant_id: MerchantId,
    pub currency: Currency,
    pub operation_id: Option<OperationId>,
}

/// One immutable fact about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub header: Header,
    pub body: EventBody,
}

/// The `v` of an event's data: always this number, and any other is refused.
#[derive(Clone, Copy)]
pub(super) struct SchemaVersion<const V: u16>;

impl<const V: u16> Serialize for SchemaVersion<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(V)
    }
}

impl<'de, const V: u16> Deserialize<'de> for SchemaVersion<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u16::deserialize(deserializer)?;
        if found == V { Ok(Self) } else { Err(D::Error::custom("another schema version")) }
    }
}

macro_rules! events {
    ($($(#[$meta:meta])* $name:ident = $type:literal v $version:literal {
        $($(#[doc = $doc:literal])* $field:ident: $field_type:ty,)*
    })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                $($(#[doc = $doc])* pub $field: $field_type,)*
            }
        )*

        /// An event's own fields.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum EventBody {
            $($name($name),)*
        }

        /// Which kind of event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($name,)*
        }

        impl EventType {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the ledger, in Kafka and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $type,)*
                }
            }

            /// The schema version this build writes.
            #[must_use]
            pub const fn schema_version(self) -> u16 {
                match self {
                    $(Self::$name => $version,)*
                }
            }
        }

        impl EventBody {
            #[must_use]
            pub const fn event_type(&self) -> EventType {
                match self {
                    $(Self::$name(_) => EventType::$name,)*
                }
            }
        }

        $(impl From<$name> for EventBody {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*

        /// The JSON of each event: header and own fields in one object, in this order.
        mod wire {
            use super::*;

            $(
                #[derive(Serialize)]
                #[serde(rename_all = "camelCase")]
                pub(super) struct $name<'a> {
                    pub(super) v: SchemaVersion<$version>,
                    pub(super) at: Timestamp,
                    pub(super) merchant_id: &'a MerchantId,
                    pub(super) currency: Currency,
                    pub(super) operation_id: Option<OperationId>,
                    $(pub(super) $field: &'a $field_type,)*
                }
            )*

            // Naming the deserializer makes a field that may be null still one that must be there.
            pub(super) mod owned {
                use super::*;

                $(
                    #[derive(Deserialize)]
                    #[serde(rename_all = "camelCase", deny_unknown_fields)]
                    pub(in super::super) struct $name {
                        #[serde(rename = "v")]
                        pub(in super::super) _v: SchemaVersion<$version>,
                        pub(in super::super) at: Timestamp,
                        pub(in super::super) merchant_id: MerchantId,
                        pub(in super::super) currency: Currency,
                        #[serde(deserialize_with = "Deserialize::deserialize")]
                        pub(in super::super) operation_id: Option<OperationId>,
                        $(
                            #[serde(deserialize_with = "Deserialize::deserialize")]
                            pub(in super::super) $field: $field_type,
                        )*
                    }
                )*
            }
        }

        impl Event {
            pub(super) fn to_json(&self) -> serde_json::Result<String> {
                let Header { at, merchant_id, currency, operation_id } = &self.header;
                let (at, currency, operation_id) = (*at, *currency, *operation_id);
                match &self.body {
                    $(EventBody::$name($name { $($field,)* }) => {
                        let v = SchemaVersion;
                        serde_json::to_string(&wire::$name {
                            v, at, merchant_id, currency, operation_id, $($field,)*
                        })
                    })*
                }
            }

            pub(super) fn from_json(event_type: EventType, data: &str) -> serde_json::Result<Self> {
                match event_type {
                    $(EventType::$name => {
                        let wire::owned::$name {
                            _v, at, merchant_id, currency, operation_id, $($field,)*
                        } = serde_json::from_str(data)?;
                        let header = Header { at, merchant_id, currency, operation_id };
                        Ok(Self { header, body: $name { $($field,)* }.into() })
                    })*
                }
            }
        }
    };
}

events! {
    /// The intent to authorize, on disk before the acquirer is called: version 1 of a payment.
    AuthorizationRequested = "payment.authorization_requested" v 1 {
        amount: Amount,
        capture_method: CaptureMethod,
        payment_method_token: Option<Arc<str>>,
        request: Request,
        reference_hash: Option<TextHash>,
        metadata_hash: Option<TextHash>,
        /// No process sends it to the acquirer after this.
        send_before: Timestamp,
    }

    /// `amount` is what the acquirer approved; it bounds everything later.
    Authorized = "payment.authorized" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
        expires_at: Timestamp,
    }

    Declined = "payment.declined" v 1 {
        decline_code: Arc<str>,
        acquirer: AcquirerReference,
    }

    /// `request` is null for the capture of a sale.
    CaptureRequested = "payment.capture_requested" v 1 {
        amount: Amount,
        r#final: bool,
        request: Option<Request>,
    }

    /// `amount` is what the acquirer captured: at most what was requested.
    Captured = "payment.captured" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
        fee_bps: u16,
        fee: Amount,
        journal: JournalEntry,
        settlement_date: Date,
    }

    CaptureFailed = "payment.capture_failed" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
    }

    /// `amount` is what would be released.
    VoidRequested = "payment.void_requested" v 1 {
        amount: Amount,
        request: Request,
    }

    Voided = "payment.voided" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
    }

    VoidFailed = "payment.void_failed" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
    }

    RefundRequested = "payment.refund_requested" v 1 {
        amount: Amount,
        request: Request,
        reason_hash: Option<TextHash>,
    }

    Refunded = "payment.refunded" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
        journal: JournalEntry,
        settlement_date: Date,
    }

    RefundFailed = "payment.refund_failed" v 1 {
        amount: Amount,
        acquirer: AcquirerReference,
    }

    /// The authorization ran out; `amount` is what it released.
    Expired = "payment.expired" v 1 {
        amount: Amount,
        expires_at: Timestamp,
    }

    /// Sent, and no definite answer came: the operation stays open and is inquired about.
    OperationUnknown = "payment.operation_unknown" v 1 {
        verb: Verb,
        cause: Arc<str>,
    }

    /// The acquirer contradicted an outcome already recorded. Approved money is posted; it is
    /// `counted` in the payment's amounts where the bounds leave room for it.
    LateOutcome = "payment.late_outcome" v 1 {
        verb: Verb,
        outcome: LateOutcomeKind,
        amount: Amount,
        counted: bool,
        acquirer: AcquirerReference,
        fee_bps: u16,
        fee: Amount,
        journal: JournalEntry,
        settlement_date: Option<Date>,
    }

    /// `reverses` is the operation whose late approval must be undone with the acquirer.
    ReversalRequested = "payment.reversal_requested" v 1 {
        amount: Amount,
        reverses: OperationId,
    }

    Reversed = "payment.reversed" v 1 {
        amount: Amount,
        reverses: OperationId,
        acquirer: AcquirerReference,
    }
}

/// What the acquirer said late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateOutcomeKind {
    Approved,
    Declined,
    Failed,
}

impl LateOutcomeKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }
}

/// Types that later builds will write; a build that meets one stops and asks to be upgraded.
pub const RESERVED_EVENT_TYPES: [&str; 3] =
    ["payment.dispute_opened", "payment.dispute_won", "payment.dispute_lost"];

impl EventType {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == name)
    }
}

impl Event {
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        self.body.event_type()
    }

    /// The entry this event posts; `None` where it moves no money.
    #[must_use]
    pub fn journal(&self) -> Option<&JournalEntry> {
        match &self.body {
            EventBody::Captured(event) => Some(&event.journal),
            EventBody::Refunded(event) => Some(&event.journal),
            EventBody::LateOutcome(event) if !event.journal.postings().is_empty() => {
                Some(&event.journal)
            }
            _ => None,
        }
    }

    /// The hashes of its texts, which stand beside the ledger.
    #[must_use]
    pub fn text_hashes(&self) -> Vec<(TextName, TextHash)> {
        let hashes = match &self.body {
            EventBody::AuthorizationRequested(body) => [
                (TextName::Reference, body.reference_hash),
                (TextName::Metadata, body.metadata_hash),
            ],
            EventBody::RefundRequested(body) => {
                [(TextName::Reason, body.reason_hash), (TextName::Reason, None)]
            }
            _ => return Vec::new(),
        };
        hashes.into_iter().filter_map(|(name, hash)| Some((name, hash?))).collect()
    }
}
