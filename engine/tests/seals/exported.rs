//! Seals that were exported, against those that the ledger has now.

use daybook_engine::ledger::{IncarnationStart, Incarnations};
use daybook_engine::seal::{ExportedSeal, Seal, SealHash};
use daybook_engine::verify::{ExportedSeals, Findings};

use crate::book::{identity, p};

fn seal(number: u64, position: u64, incarnation: u32) -> Seal {
    Seal {
        partition: p(1),
        number,
        position,
        hash: SealHash([u8::try_from(number).unwrap(); 32]),
        incarnation,
        sealed_at: daybook_engine::clock::Timestamp::from_millis(0),
    }
}

fn lines(seals: &[Seal]) -> String {
    let line = |seal: &Seal| ExportedSeal::new(identity().id, seal).line() + "\n";
    seals.iter().map(line).collect()
}

fn read(seals: &[Seal]) -> ExportedSeals {
    ExportedSeals::read(&lines(seals), &identity()).unwrap()
}

fn compared(exported: &[Seal], stored: &[Seal], incarnation: u32) -> Vec<String> {
    let mut findings = Findings::default();
    read(exported).compare(p(1), stored, incarnation, &mut findings);
    findings.kept().iter().map(ToString::to_string).collect()
}

#[test]
fn lines_may_come_in_any_order_and_twice() {
    let seals = [seal(2, 9, 1), seal(1, 5, 1), seal(2, 9, 1)];
    let (holding, void) = read(&seals).holding(p(1), &Incarnations::default());
    assert_eq!((holding, void), (vec![seal(1, 5, 1), seal(2, 9, 1)], 0));
}

#[test]
fn a_file_that_is_none_of_this_ledgers_is_refused_naming_the_line() {
    let own = lines(&[seal(1, 5, 1)]);
    let foreign = own.replace(&identity().id.to_string(), "00000000-0000-0000-0000-000000000009");
    let contradicting = lines(&[seal(1, 6, 1)]);
    for (text, why) in [
        (format!("{own}nonsense"), "line 2 is no seal"),
        (foreign, "line 1 is of ledger 00000000-0000-0000-0000-000000000009"),
        (own.replace("\"partition\":1", "\"partition\":2"), "line 1 is of partition 2"),
        (format!("{own}\n{contradicting}"), "line 3 contradicts"),
        (String::new(), "no seal"),
    ] {
        let error = ExportedSeals::read(&text, &identity()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_deleted_and_a_changed_seal_are_named() {
    let all = [seal(1, 5, 1), seal(2, 9, 1)];
    assert!(compared(&all, &all, 1).is_empty());
    assert!(compared(&all[..1], &all, 1).is_empty(), "seals that came later");
    let told = compared(&all, &all[..1], 1);
    assert!(told[0].contains("partition 1 position 9: seal 2") && told.len() == 1, "{told:?}");
    assert!(told[0].contains("missing in the ledger"), "{told:?}");
    let told = compared(&all, &[seal(1, 5, 1), seal(2, 8, 1)], 1);
    assert!(told[0].contains("up to position 9, and is") && told.len() == 1, "{told:?}");
}

#[test]
pub(crate) fn seals_of_what_a_restore_lost_are_void_and_their_numbers_given_again() {
    let exported = [seal(1, 5, 1), seal(2, 9, 1), seal(3, 12, 1)];
    let start = IncarnationStart { incarnation: 2, partition: p(1), begun_after: 9 };
    let (holding, void) = read(&exported).holding(p(1), &Incarnations::new(vec![start]));
    assert_eq!((holding, void), (exported[..2].to_vec(), 1));
    // Seal 2 was made after the backup, and its number is another seal's now.
    assert!(compared(&exported, &[seal(1, 5, 1), seal(2, 20, 2)], 2).is_empty());
    assert_eq!(compared(&exported, &[seal(1, 6, 1), seal(2, 20, 2)], 2).len(), 1);
}
