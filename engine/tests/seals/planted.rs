//! Every bug planted in what is made of seals is caught by a test of theirs. That a store lets seals be
//! deleted is planted in [`crate::stores`], where its database is.

use daybook_engine::defects::{Defect, plant};

/// Each with a test that it breaks.
const PLANTED: [(Defect, fn()); 4] = [
    (Defect::HoleSealedOver, crate::sealing::a_hole_and_a_lost_tail_are_never_sealed),
    (Defect::LostTailPassedOver, crate::checking::a_deleted_tail_is_told),
    (
        Defect::NoResyncAfterBadSeal,
        crate::checking::changed_bytes_of_several_stretches_are_each_told,
    ),
    (
        Defect::VoidRuleOffByOne,
        crate::exported::seals_of_what_a_restore_lost_are_void_and_their_numbers_given_again,
    ),
];

#[test]
fn every_planted_bug_is_caught() {
    for (defect, test) in PLANTED {
        // A defect is planted in its thread alone.
        let runs = std::thread::spawn(move || {
            plant(Some(defect));
            test();
        });
        assert!(runs.join().is_err(), "{defect:?} is not caught");
    }
}
