//! The rows of authorizations, as Daybook writes them for the generator's own requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use sqlx::types::Uuid;

const PARTITIONS: usize = 16;
const REQUESTED: &str = "payment.authorization_requested";
const AUTHORIZED: &str = "payment.authorized";
/// Texts written beforehand, of as many payments, so that writing them is not measured.
const TEXTS: usize = 4096;

/// Both events' `data` of many payments.
#[derive(Debug)]
pub(super) struct Texts(Vec<[String; 2]>);

/// The next free position of each partition.
#[derive(Debug)]
pub(super) struct Positions([AtomicI64; PARTITIONS]);

/// The columns of one statement of one client.
#[derive(Debug)]
pub(super) struct Rows {
    texts: Arc<Texts>,
    next_text: usize,
    heads: Arc<Positions>,
    rng: StdRng,
    payments: usize,
    pub(super) partitions: Vec<i16>,
    pub(super) positions: Vec<i64>,
    pub(super) payment_ids: Vec<Uuid>,
    pub(super) versions: Vec<i32>,
    pub(super) event_ids: Vec<Uuid>,
}

#[derive(Debug)]
pub(super) struct TextColumns<'a> {
    pub(super) types: Vec<&'a str>,
    pub(super) data: Vec<&'a str>,
}

impl Positions {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicI64::new(1)))
    }

    fn take(&self, partition: usize) -> i64 {
        self.0[partition].fetch_add(1, Ordering::Relaxed)
    }
}

impl Texts {
    pub(super) fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(0);
        Self((0..TEXTS).map(|number| texts(number, &mut rng)).collect())
    }
}

impl Rows {
    pub(super) fn new(client: u64, texts: Arc<Texts>, heads: Arc<Positions>) -> Self {
        Self {
            texts,
            next_text: 0,
            heads,
            rng: StdRng::seed_from_u64(client),
            payments: 0,
            partitions: Vec::new(),
            positions: Vec::new(),
            payment_ids: Vec::new(),
            versions: Vec::new(),
            event_ids: Vec::new(),
        }
    }

    /// Replaces what it holds by so many new payments, of two events each.
    pub(super) fn fill(&mut self, payments: usize) {
        self.next_text = (self.next_text + self.payments) % TEXTS;
        self.payments = payments;
        self.partitions.clear();
        self.positions.clear();
        self.payment_ids.clear();
        self.versions.clear();
        self.event_ids.clear();
        for _ in 0..payments {
            let (first, second) = (self.rng.next_u64(), self.rng.next_u64());
            let payment_id = Uuid::from_u64_pair(first, second);
            let partition = (first % PARTITIONS as u64) as usize;
            for version in [1, 2] {
                self.partitions.push(partition as i16);
                self.positions.push(self.heads.take(partition));
                self.payment_ids.push(payment_id);
                self.versions.push(version);
                self.event_ids.push(Uuid::from_u128(self.rng.random()));
            }
        }
    }

    pub(super) fn texts(&self) -> TextColumns<'_> {
        let mut columns = TextColumns { types: Vec::new(), data: Vec::new() };
        for number in 0..self.payments {
            let [requested, authorized] = &self.texts.0[(self.next_text + number) % TEXTS];
            columns.types.extend([REQUESTED, AUTHORIZED]);
            columns.data.extend([requested.as_str(), authorized.as_str()]);
        }
        columns
    }
}

/// Of one payment: `engine/tests/golden/events` has the fields, the generator's requests the sizes.
fn texts(number: usize, rng: &mut StdRng) -> [String; 2] {
    let (merchant, amount) = (number % 16, 1000 + number % 9000);
    let operation = Uuid::from_u128(rng.random());
    let fingerprint: [u128; 2] = rng.random();
    let [high, low] = fingerprint;
    let (run, transaction): (u32, u64) = (rng.random(), rng.random());
    let approval = rng.random_range(100_000..1_000_000);
    let same = format!(
        r#""v":1,"at":"2026-11-23T09:15:00.042Z","merchantId":"bench-{merchant}","currency":"EUR","operationId":"{operation}","amount":{amount}"#
    );
    let requested = format!(
        r#"{{{same},"captureMethod":"manual","paymentMethodToken":null,"request":{{"key":"{run:08x}-{merchant}-{number}","fingerprint":"{high:032x}{low:032x}","representation":1}},"referenceHash":null,"metadataHash":null,"sendBefore":"2026-11-23T09:15:05.042Z"}}"#
    );
    let authorized = format!(
        r#"{{{same},"acquirer":{{"transactionId":"sim-{transaction:016x}","approvalCode":"{approval}","responseCode":"00","responseMessage":"approved"}},"expiresAt":"2026-11-30T09:15:00.042Z"}}"#
    );
    [requested, authorized]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The names of all fields, in order.
    fn names(json: &str) -> Vec<&str> {
        let before_colons = json.split("\":").filter_map(|text| text.rsplit_once('"'));
        let mut names: Vec<_> = before_colons.map(|(_, name)| name).collect();
        // Behind the last colon stands only a value.
        names.pop();
        names
    }

    #[test]
    fn the_texts_have_the_golden_events_fields_and_the_size_of_daybooks_own() {
        let golden = [
            include_str!(
                "../../../../engine/tests/golden/events/payment.authorization_requested.json"
            ),
            include_str!("../../../../engine/tests/golden/events/payment.authorized.json"),
        ];
        // What Daybook wrote for `bench run authorize`.
        let lens = [414, 310];
        let texts = texts(345, &mut StdRng::seed_from_u64(1));
        for ((text, golden), len) in texts.iter().zip(golden).zip(lens) {
            let golden = golden.lines().next().unwrap();
            assert_eq!(names(text), names(golden));
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
            assert!(text.len().abs_diff(len) <= 5, "{} bytes: {text}", text.len());
        }
    }

    #[test]
    fn clients_share_positions_and_no_payment() {
        let (texts, heads) = (Arc::new(Texts::new()), Arc::new(Positions::new()));
        let mut clients: Vec<_> =
            (0..2).map(|client| Rows::new(client, texts.clone(), heads.clone())).collect();
        let (mut payments, mut places) = (HashSet::new(), HashSet::new());
        for _ in 0..3 {
            for rows in &mut clients {
                rows.fill(100);
                assert_eq!((rows.versions.len(), rows.texts().data.len()), (200, 200));
                payments.extend(rows.payment_ids.iter().copied());
                places.extend(rows.partitions.iter().copied().zip(rows.positions.iter().copied()));
            }
        }
        assert_eq!((payments.len(), places.len()), (600, 1200));
    }
}
