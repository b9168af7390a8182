//! Golden payment ids and partitions: a public contract, so the expected values were computed by
//! another program (Python's hashlib and struct, from DESIGN section 4) and stand here as text.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use daybook_engine::clock::{Clock, ManualClock, Timestamp};
use daybook_engine::idempotency::IdempotencyKey;
use daybook_engine::ids::{Ids, LedgerId, PaymentId};
use daybook_engine::merchant::MerchantId;

const LEDGER: &str = "0190a6f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
const OTHER_LEDGER: &str = "ffffffff-ffff-4fff-bfff-ffffffffffff";
const LONGEST_MERCHANT: &str = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm";
const LONGEST_KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

/// The numbers of partitions, in the order of each row's expected partitions.
const PARTITIONS: [u16; 4] = [16, 1, 7, 1024];

/// Ledger, merchant, key, payment id, its partition among [`PARTITIONS`].
type Row = (&'static str, &'static str, &'static str, &'static str, [u16; 4]);

const GOLDEN: [Row; 7] = [
    (LEDGER, "a", "bc", "9400478d-ee7f-8603-8867-95ef929d28b4", [3, 0, 5, 515]),
    (LEDGER, "ab", "c", "95bce9d0-d988-845b-99ea-f8ba4113abf0", [11, 0, 5, 91]),
    (LEDGER, "shop-1", "order-1", "7e745bb7-bc1b-8a3d-ac2e-293e110c5d89", [13, 0, 2, 573]),
    (LEDGER, "shop-1", "order-2", "43ad53d0-cf9a-854e-b580-ee02e742cc16", [14, 0, 2, 334]),
    (OTHER_LEDGER, "shop-1", "order-1", "b1698ff9-0a5b-89fa-bb7d-91a37498fdc7", [10, 0, 5, 506]),
    (
        LEDGER,
        LONGEST_MERCHANT,
        LONGEST_KEY,
        "23202889-bc03-827e-909b-9beb13d10b14",
        [14, 0, 2, 638],
    ),
    (
        LEDGER,
        " \"~",
        "key with \\ and spaces",
        "ff9a06e1-fef3-882f-9d78-64ebdd7a1a65",
        [15, 0, 1, 47],
    ),
];

fn derive(ledger: &str, merchant: &str, key: &str) -> PaymentId {
    let ledger: LedgerId = ledger.parse().unwrap();
    let merchant = MerchantId::parse(merchant).unwrap();
    PaymentId::derive(ledger, &merchant, &IdempotencyKey::parse(key).unwrap())
}

#[test]
fn payment_ids_are_derived_as_they_always_were() {
    for (ledger, merchant, key, expected, _) in GOLDEN {
        assert_eq!(
            derive(ledger, merchant, key).to_string(),
            expected,
            "ledger {ledger}, merchant {merchant:?}, key {key:?}"
        );
    }
}

#[test]
fn a_payment_stays_in_the_partition_it_always_was_in() {
    for (_, _, _, id, expected) in GOLDEN {
        let payment: PaymentId = id.parse().unwrap();
        let found = PARTITIONS.map(|count| payment.partition(count).number());
        assert_eq!(found, expected, "payment {id} among {PARTITIONS:?} partitions");
    }
}

#[test]
fn the_end_of_the_merchant_and_the_start_of_the_key_are_not_confused() {
    assert_ne!(derive(LEDGER, "a", "bc"), derive(LEDGER, "ab", "c"));
}

#[test]
fn a_payment_id_is_a_uuid_of_version_8_and_the_rfc_variant() {
    for number in 0..64 {
        let id = derive(LEDGER, "shop-1", &format!("order-{number}")).uuid();
        assert_eq!(id.get_version_num(), 8, "{id}");
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122, "{id}");
    }
}

#[test]
fn the_ledger_id_counts_in_lower_case_however_it_was_written() {
    let shouted = LEDGER.to_uppercase();
    assert_eq!(derive(&shouted, "shop-1", "order-1"), derive(LEDGER, "shop-1", "order-1"));
}

#[test]
fn every_partition_lies_below_the_number_of_partitions() {
    let highest: PaymentId = "ffffffff-ffff-ffff-ffff-ffffffffffff".parse().unwrap();
    for count in [1, 2, 3, 16, 1000, u16::MAX] {
        assert!(highest.partition(count).number() < count, "{count}");
    }
}

#[test]
fn event_and_operation_ids_are_uuids_of_version_7_in_the_order_of_time() {
    let clock = ManualClock::at(Timestamp::from_millis(1_790_000_000_000));
    let ids = Ids::seeded(clock.clone(), 1);
    let first = ids.event_id();
    let of_operation = ids.operation_id();
    clock.advance_millis(1);
    let second = ids.event_id();
    assert_eq!(first.uuid().get_version_num(), 7);
    assert_eq!(of_operation.uuid().get_version_num(), 7);
    assert!(first < second, "{first} was given before {second}");
    let (seconds, _) = second.uuid().get_timestamp().unwrap().to_unix();
    assert_eq!(i64::try_from(seconds).unwrap(), clock.now().millis() / 1000);
}
