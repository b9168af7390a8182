//! Histories that payments allow: commands are decided, and what they come to is recorded.

use std::sync::Arc;

use daybook_engine::clock::{ManualClock, Timestamp};
use daybook_engine::idempotency::{Fingerprint, IdempotencyKey, Request, TextHash};
use daybook_engine::ids::{Ids, LedgerId, Partition, PaymentId};
use daybook_engine::ledger::Recorded;
use daybook_engine::merchant::MerchantId;
use daybook_engine::money::{Amount, Currency};
use daybook_engine::payment::made_up::as_version_0;
use daybook_engine::payment::{
    AcquirerReference, Authorize, Capture, CaptureMethod, Command, Conclude, Decision, Event,
    Outcome, Payment, Refund, Terms, Void, encode,
};
use proptest::prelude::{Strategy, any};

use crate::book::PARTITIONS;

/// One thing that a client, a worker or the acquirer does; `which` picks the payment or operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    pub(crate) kind: u8,
    pub(crate) which: u8,
    pub(crate) amount: i64,
}

pub(crate) fn deeds(most: usize) -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0_u8..16, any::<u8>(), 1_i64..2_000);
    let deed = deed.prop_map(|(kind, which, amount)| Deed { kind, which, amount });
    proptest::collection::vec(deed, 1..most)
}

pub(crate) struct History {
    ids: Ids,
    clock: Arc<ManualClock>,
    payments: Vec<(PaymentId, Payment)>,
    keys: u32,
    pub(crate) recorded: Vec<Recorded>,
    heads: [u64; PARTITIONS as usize],
}

/// Of whatever text: views compare none.
const HASH: TextHash = TextHash::from_bytes([9; 32]);

pub(crate) const TERMS: Terms =
    Terms { fee_bps: 290, expires_after_ms: 7 * 86_400_000, settlement_offset_minutes: 0 };

impl History {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at("2026-11-23T10:00:00Z".parse().unwrap());
        let ids = Ids::seeded(clock.clone(), 7);
        let (payments, recorded) = (Vec::new(), Vec::new());
        Self { ids, clock, payments, keys: 0, recorded, heads: [0; PARTITIONS as usize] }
    }

    pub(crate) fn of(deeds: &[Deed]) -> Self {
        let mut history = Self::new();
        for deed in deeds {
            history.act(*deed);
        }
        history
    }

    /// `flows` payments of 1000, captured and half refunded: 6 events each; 3 merchants, 2
    /// currencies, a new day after every 10.
    pub(crate) fn of_refunded(flows: usize) -> Self {
        let mut history = Self::new();
        for flow in 0..flows {
            let which = u8::try_from(flow % 6).unwrap();
            if flow > 0 && flow % 10 == 0 {
                history.clock.advance_millis(86_400_000);
            }
            history.authorize(which, 1_000, CaptureMethod::Manual);
            let payment = history.payments.len() - 1;
            history.conclude_open(payment, true, 1_000);
            history.capture(payment, None, false);
            history.conclude_open(payment, true, 1_000);
            history.refund(payment, Some(500));
            history.conclude_open(payment, true, 500);
        }
        history
    }

    pub(crate) fn now(&self) -> Timestamp {
        use daybook_engine::clock::Clock;
        self.clock.now()
    }

    fn act(&mut self, deed: Deed) {
        let Deed { kind, which, amount } = deed;
        if self.payments.is_empty() || kind < 3 {
            let automatic = kind == 2;
            let method = if automatic { CaptureMethod::Automatic } else { CaptureMethod::Manual };
            return self.authorize(which, amount, method);
        }
        let payment = usize::from(which) % self.payments.len();
        match kind {
            3..=5 => self.conclude_open(payment, true, 1_000_000),
            6 => self.conclude_open(payment, true, amount),
            7 => self.conclude_open(payment, false, amount),
            8 | 9 => self.capture(payment, Some(amount), false),
            10 => self.capture(payment, None, true),
            11 => self.refund(payment, Some(amount)),
            12 => self.void(payment),
            13 => self.mark_unknown(payment),
            14 => self.conclude_any(payment, usize::from(which), amount % 2 == 0, amount),
            _ => self.expire(payment),
        }
    }

    pub(crate) fn authorize(&mut self, which: u8, amount: i64, method: CaptureMethod) {
        let request = self.request();
        let merchant_id = MerchantId::parse(&format!("shop's {}", which % 3)).unwrap();
        let currency = if which.is_multiple_of(2) { "EUR" } else { "JPY" };
        let key = request.key.clone().unwrap();
        let ledger = LedgerId::from_uuid(uuid::Uuid::nil());
        let payment_id = PaymentId::derive(ledger, &merchant_id, &key);
        let command = Authorize {
            operation_id: self.ids.operation_id(),
            request,
            merchant_id,
            currency: Currency::parse(currency).unwrap(),
            amount: Amount::new(amount).unwrap(),
            capture_method: method,
            payment_method_token: Some("tok \"quoted\"".into()),
            reference_hash: Some(HASH),
            metadata_hash: Some(HASH),
            send_before: self.now().plus_millis(1_000),
        };
        let event = Payment::request(&command, self.now());
        let payment = Payment::begin_with(&event).unwrap();
        self.record(payment_id, 1, &event);
        self.payments.push((payment_id, payment));
    }

    pub(crate) fn capture(&mut self, payment: usize, amount: Option<i64>, is_final: bool) {
        let (operation_id, request) = (self.ids.operation_id(), self.request());
        let amount = amount.map(|minor| Amount::new(minor).unwrap());
        let capture = Capture { operation_id, request, merchant_id: None, amount, is_final };
        self.decide(payment, &Command::Capture(capture));
    }

    pub(crate) fn refund(&mut self, payment: usize, amount: Option<i64>) {
        let (operation_id, request) = (self.ids.operation_id(), self.request());
        let amount = amount.map(|minor| Amount::new(minor).unwrap());
        let (merchant_id, reason_hash) = (None, Some(HASH));
        let refund = Refund { operation_id, request, merchant_id, amount, reason_hash };
        self.decide(payment, &Command::Refund(refund));
    }

    fn void(&mut self, payment: usize) {
        let (operation_id, request) = (self.ids.operation_id(), self.request());
        self.decide(payment, &Command::Void(Void { operation_id, request, merchant_id: None }));
    }

    fn mark_unknown(&mut self, payment: usize) {
        let open = self.payments[payment].1.open_operations().next().map(|open| open.id);
        if let Some(operation_id) = open {
            let cause = "timed out".into();
            self.decide(payment, &Command::MarkUnknown { operation_id, cause });
        }
    }

    fn expire(&mut self, payment: usize) {
        self.clock.advance_millis(TERMS.expires_after_ms / 4);
        self.decide(payment, &Command::Expire);
    }

    pub(crate) fn conclude_open(&mut self, payment: usize, approved: bool, amount: i64) {
        let operations = &self.payments[payment].1.operations;
        let open = operations.iter().position(|operation| operation.is_open());
        if let Some(index) = open {
            self.conclude_any(payment, index, approved, amount);
        }
    }

    /// Concludes an open operation, or contradicts one that has ended.
    pub(crate) fn conclude_any(
        &mut self,
        payment: usize,
        which: usize,
        approved: bool,
        amount: i64,
    ) {
        let operations = &self.payments[payment].1.operations;
        let operation_id = operations[which % operations.len()].id;
        let acquirer = AcquirerReference {
            transaction_id: Some(format!("tx-{}", self.recorded.len()).into()),
            response_code: Some(if approved { "00" } else { "05" }.into()),
            ..AcquirerReference::default()
        };
        let outcome = if approved {
            Outcome::Approved { amount: Amount::new(amount).unwrap(), acquirer }
        } else {
            Outcome::Failed { code: "05".into(), acquirer }
        };
        let next_operation_id = self.ids.operation_id();
        let conclude = Conclude { operation_id, outcome, next_operation_id, terms: TERMS };
        self.decide(payment, &Command::Conclude(conclude));
    }

    fn request(&mut self) -> Request {
        self.keys += 1;
        let key = Some(IdempotencyKey::parse(&format!("key-{}", self.keys)).unwrap());
        Request { key, fingerprint: Fingerprint::from_bytes([1; 32]), representation: 1 }
    }

    fn decide(&mut self, payment: usize, command: &Command) {
        let (payment_id, state) = self.payments[payment].clone();
        let Ok(Decision::Append(events)) = state.decide(command, self.now()) else { return };
        let mut state = state;
        for event in &events {
            state = state.evolve(event);
            self.record(payment_id, state.version, event);
        }
        self.payments[payment].1 = state;
    }

    fn record(&mut self, payment_id: PaymentId, version: u32, event: &Event) {
        let partition = payment_id.partition(PARTITIONS);
        let head = &mut self.heads[partition.index()];
        *head += 1;
        self.recorded.push(Recorded {
            partition,
            position: *head,
            payment_id,
            version,
            event_id: self.ids.event_id(),
            event_type: event.event_type().as_str().into(),
            data: encode(event).into(),
            traceparent: None,
            recorded_at: self.now(),
        });
        self.clock.advance_millis(1);
    }

    /// The same events, with the authorizations in a version from before there were sales.
    pub(crate) fn as_an_older_build_wrote_it(&self) -> Vec<Recorded> {
        let older = |event: &Recorded| match as_version_0(&event.data) {
            Some(data) => Recorded { data: data.into(), ..event.clone() },
            None => event.clone(),
        };
        self.recorded.iter().map(older).collect()
    }

    pub(crate) fn of_partition(&self, partition: Partition) -> Vec<Recorded> {
        self.recorded.iter().filter(|event| event.partition == partition).cloned().collect()
    }
}
