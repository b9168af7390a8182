//! One payment as its events tell it: sums over operations, folded a second time and in plain terms.

use super::breach::Invariant::{
    self, BoundsHold, JournalsBalance, LedgerOnlyGrows, OneKeyOneOperation, OneOutcome,
};
use super::entry::Entry;
use super::operation::{Operation, Progress};

/// A payment at one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) version: u32,
    pub(super) partition: u16,
    pub(super) position: u64,
    pub(super) merchant: String,
    pub(super) currency: String,
    pub(super) amount: i64,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) expires_at: Option<String>,
    /// Why nothing more can be captured: `voided`, `expired` or `final capture`.
    pub(super) released: Option<&'static str>,
    pub(super) operations: Vec<Operation>,
}

type Broken = Vec<(Invariant, String)>;

impl Account {
    pub(super) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    pub(super) fn with_key(&self, key: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.key.as_deref() == Some(key))
    }

    pub(super) fn settled(&self, verb: &str) -> i64 {
        self.operations.iter().filter(|o| o.verb == verb).map(|o| o.settled).sum()
    }

    pub(super) fn pending(&self, verb: &str) -> i64 {
        let open = self.operations.iter().filter(|o| o.verb == verb && o.is_open());
        open.map(|operation| operation.amount).sum()
    }

    pub(super) fn has_open(&self, verb: &str) -> bool {
        self.operations.iter().any(|operation| operation.verb == verb && operation.is_open())
    }

    pub(super) fn capturable(&self) -> i64 {
        let is_closing = |o: &Operation| {
            o.is_open() && (o.verb == "void" || (o.verb == "capture" && o.is_final))
        };
        if self.released.is_some() || self.operations.iter().any(is_closing) {
            return 0;
        }
        self.settled("authorize") - self.settled("capture") - self.pending("capture")
    }

    pub(super) fn refundable(&self) -> i64 {
        self.settled("capture") - self.settled("refund") - self.pending("refund")
    }

    /// Folds the next event in; what is wrong with it.
    pub(super) fn apply(&mut self, entry: &Entry) -> Broken {
        let mut broken = Vec::new();
        let mut must = |holds: bool, invariant: Invariant, what: &str| {
            if !holds {
                broken.push((invariant, format!("{}: {what}", entry.place())));
            }
        };
        let next = self.version + 1;
        must(entry.version == next, LedgerOnlyGrows, &format!("version {next} was to follow"));
        must(
            (next == 1) == (entry.kind == "authorization_requested"),
            LedgerOnlyGrows,
            "no first event",
        );
        must(
            self.updated_at.as_str() <= entry.at(),
            LedgerOnlyGrows,
            "it is dated before the last event",
        );
        (self.version, self.partition, self.position) = (next, entry.partition, entry.position);
        entry.at().clone_into(&mut self.updated_at);
        broken.extend(
            self.change(entry)
                .into_iter()
                .map(|(invariant, what)| (invariant, format!("{}: {what}", entry.place()))),
        );
        broken.extend(
            self.out_of_bounds().map(|what| (BoundsHold, format!("{}: {what}", entry.place()))),
        );
        broken
    }

    fn out_of_bounds(&self) -> Option<String> {
        let (authorized, captured, refunded) =
            (self.settled("authorize"), self.settled("capture"), self.settled("refund"));
        let (capturing, refunding) = (self.pending("capture"), self.pending("refund"));
        let holds = captured + capturing <= authorized && refunded + refunding <= captured;
        (!holds).then(|| {
            format!(
                "authorized {authorized}, captured {captured} and {capturing} pending, refunded \
                 {refunded} and {refunding} pending"
            )
        })
    }

    fn change(&mut self, entry: &Entry) -> Broken {
        match entry.kind.as_str() {
            "authorization_requested" => {
                entry.text_of("merchantId").clone_into(&mut self.merchant);
                entry.text_of("currency").clone_into(&mut self.currency);
                entry.at().clone_into(&mut self.created_at);
                self.amount = entry.number_of("amount");
                self.begin(entry, "authorize")
            }
            "capture_requested" => self.begin(entry, "capture"),
            "void_requested" => self.begin(entry, "void"),
            "refund_requested" => self.begin(entry, "refund"),
            "reversal_requested" => self.begin(entry, "reverse"),
            "authorized" => {
                self.expires_at = Some(entry.text_of("expiresAt").to_owned());
                self.end(entry, "authorize", true)
            }
            "declined" => self.end(entry, "authorize", false),
            "captured" => self.end(entry, "capture", true),
            "capture_failed" => self.end(entry, "capture", false),
            "voided" => self.end(entry, "void", true),
            "void_failed" => self.end(entry, "void", false),
            "refunded" => self.end(entry, "refund", true),
            "refund_failed" => self.end(entry, "refund", false),
            "reversed" => self.end(entry, "reverse", true),
            "operation_unknown" => self.doubt(entry),
            "late_outcome" => self.contradict(entry),
            "expired" => {
                let is_due = self.expires_at.as_deref().is_some_and(|due| due <= entry.at());
                let may_expire = is_due
                    && self.released.is_none()
                    && !self.has_open("capture")
                    && !self.has_open("void");
                self.released = Some("expired");
                if may_expire { vec![] } else { vec![(OneOutcome, "it could not expire".into())] }
            }
            other => vec![(LedgerOnlyGrows, format!("no event is called {other}"))],
        }
    }

    fn begin(&mut self, entry: &Entry, verb: &'static str) -> Broken {
        let mut broken = Vec::new();
        if self.operation(entry.operation()).is_some() {
            broken.push((OneOutcome, "the operation was requested before".into()));
        }
        let key = entry.key();
        if let Some(known) = key.as_deref().and_then(|key| self.with_key(key)) {
            broken.push((OneKeyOneOperation, format!("operation {} has its key", known.id)));
        }
        self.operations.push(Operation::begin(entry, verb));
        broken
    }

    fn open(&mut self, entry: &Entry, verb: &str) -> Result<&mut Operation, (Invariant, String)> {
        let found = self.operations.iter_mut().find(|o| o.id == entry.operation());
        let Some(operation) = found.filter(|operation| operation.verb == verb) else {
            return Err((OneOutcome, format!("no such {verb} was requested")));
        };
        if operation.is_open() {
            Ok(operation)
        } else {
            Err((OneOutcome, format!("the {verb} has an outcome already")))
        }
    }

    fn end(&mut self, entry: &Entry, verb: &'static str, is_success: bool) -> Broken {
        let operation = match self.open(entry, verb) {
            Ok(operation) => operation,
            Err(broken) => return vec![broken],
        };
        let asked = operation.amount;
        let amount = if verb == "authorize" && !is_success { 0 } else { entry.number_of("amount") };
        operation.succeed_or_fail(entry, is_success, amount);
        operation.words.push((is_success, amount));
        let is_closing = verb == "void" || (verb == "capture" && operation.is_final);
        if is_success && is_closing {
            self.released = Some(if verb == "void" { "voided" } else { "final capture" });
        }
        let mut broken = check_journal(entry, verb, is_success, amount);
        if amount > asked {
            broken.push((BoundsHold, format!("{amount} of {asked} that were asked for")));
        }
        broken
    }

    fn doubt(&mut self, entry: &Entry) -> Broken {
        let verb = entry.text_of("verb").to_owned();
        match self.open(entry, &verb) {
            Ok(operation) => {
                operation.progress = Progress::Unknown;
                vec![]
            }
            Err(broken) => vec![broken],
        }
    }

    /// Something else than the outcome: recorded, posted where money moved, and counted only where
    /// the bounds have room.
    fn contradict(&mut self, entry: &Entry) -> Broken {
        let found = self.operations.iter_mut().find(|o| o.id == entry.operation());
        let Some(operation) = found else { return vec![(OneOutcome, "of no operation".into())] };
        let is_success = entry.text_of("outcome") == "approved";
        let mut broken = Vec::new();
        match operation.words.last() {
            None => broken.push((OneOutcome, "there is no outcome to contradict".into())),
            Some((said, _)) if *said == is_success => {
                broken.push((OneOutcome, "it says what was said before".into()));
            }
            Some(_) => {}
        }
        let amount = entry.number_of("amount");
        operation.late = Some(entry.text_of("outcome").to_owned());
        operation.words.push((is_success, amount));
        let (verb, is_final) = (operation.verb, operation.is_final);
        if entry.data["counted"] == true {
            operation.succeed_or_fail(entry, true, amount);
            if verb == "void" {
                self.released = Some("voided");
            } else if verb == "capture" && is_final && self.released.is_none() {
                self.released = Some("final capture");
            }
        }
        broken.extend(check_journal(entry, verb, is_success, amount));
        broken
    }
}

/// Captures and refunds that were executed post their amount, and nothing else posts anything.
fn check_journal(entry: &Entry, verb: &str, is_success: bool, amount: i64) -> Broken {
    let postings = entry.postings();
    let sum = |debit: bool| -> i64 {
        postings.iter().filter(|(_, is_debit, _)| *is_debit == debit).map(|line| line.2).sum()
    };
    let moves_money = is_success && matches!(verb, "capture" | "refund");
    let expected = if moves_money { amount } else { 0 };
    if sum(true) == expected && sum(false) == expected {
        return vec![];
    }
    let what = format!("debits {}, credits {}, and {expected} were moved", sum(true), sum(false));
    vec![(JournalsBalance, what)]
}
