//! The fuzz targets without a fuzzer: their corpora, and inputs near those. `fuzz/` has the targets.

use daybook_engine::fuzz::Corpus;
use daybook_projections::fuzz::TARGETS;

/// Of each target and seed.
const MUTATIONS: u32 = 4_000;

#[test]
fn every_input_of_the_corpora_is_taken_or_refused() {
    for target in TARGETS {
        Corpus::read(target, env!("CARGO_MANIFEST_DIR")).replay();
    }
}

#[test]
fn every_mutation_of_them_is_taken_or_refused() {
    for target in TARGETS {
        Corpus::read(target, env!("CARGO_MANIFEST_DIR")).mutate(1, MUTATIONS);
    }
}

/// The long run, where there is no fuzzer: `cargo test --workspace --test fuzz -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn many_mutations_of_them_are_taken_or_refused() {
    for target in TARGETS {
        let corpus = Corpus::read(target, env!("CARGO_MANIFEST_DIR"));
        (2..=50).for_each(|seed| corpus.mutate(seed, 20_000));
    }
}
