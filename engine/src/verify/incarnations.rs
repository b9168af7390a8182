//! Where a partition's incarnations began, which is what voids exported seals.

use super::{Finding, Findings};
use crate::ledger::{Head, Incarnations, LedgerIdentity};

/// Names what `daybook ledger adopt` does not write: each incarnation after the first begins once, in every
/// partition, behind an event that stands there.
pub fn check_incarnations(
    identity: &LedgerIdentity,
    incarnations: &Incarnations,
    head: Head,
    findings: &mut Findings,
) {
    let Head { partition, position: end } = head;
    let mut add = |position: Option<u64>, what: String| {
        findings.add(Finding { partition, position, payment_id: None, what });
    };
    for incarnation in 2..=identity.incarnation {
        if incarnations.begun_after(partition, incarnation).is_none() {
            add(None, format!("where incarnation {incarnation} began is missing"));
        }
    }
    for start in incarnations.of(partition) {
        let (incarnation, from) = (start.incarnation, start.begun_after);
        if !(2..=identity.incarnation).contains(&incarnation) {
            let known = identity.incarnation;
            add(
                Some(from),
                format!("incarnation {incarnation} began, and the ledger is in its {known}"),
            );
        }
        if from > end {
            add(Some(from), format!("incarnation {incarnation} began beyond the head, {end}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LedgerId, Partition};
    use crate::ledger::IncarnationStart;

    #[test]
    fn only_what_an_adoption_writes_is_passed_over() {
        let partition = Partition::new(3);
        let identity = LedgerIdentity { incarnation: 2, ..identity() };
        let head = Head { partition, position: 9 };
        let found = |starts: &[(u32, u64)]| {
            let starts = starts.iter().map(|&(incarnation, begun_after)| IncarnationStart {
                incarnation,
                partition,
                begun_after,
            });
            let mut findings = Findings::default();
            let incarnations = Incarnations::new(starts.collect());
            check_incarnations(&identity, &incarnations, head, &mut findings);
            findings.kept().iter().map(|finding| finding.what.clone()).collect::<Vec<_>>()
        };
        assert_eq!(found(&[(2, 9)]), Vec::<String>::new());
        assert_eq!(found(&[(2, 10)]), ["incarnation 2 began beyond the head, 9"]);
        assert_eq!(found(&[]), ["where incarnation 2 began is missing"]);
        let third = "incarnation 3 began, and the ledger is in its 2";
        assert_eq!(found(&[(2, 9), (3, 0)]), [third]);
    }

    fn identity() -> LedgerIdentity {
        LedgerIdentity {
            id: LedgerId::from_uuid(uuid::Uuid::nil()),
            incarnation: 1,
            partitions: 16,
        }
    }
}
