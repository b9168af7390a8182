//! A line of `daybook seals export`.

use crate::seal::ExportedSeal;

/// # Panics
/// Where a line that is taken makes a seal that reads otherwise once it is written.
pub fn seal(input: &[u8]) {
    let Ok(line) = std::str::from_utf8(input) else { return };
    let Ok(seal) = ExportedSeal::read(line) else { return };
    let again = ExportedSeal::read(&seal.line()).expect("what is written is taken");
    assert_eq!(again, seal, "written as {}", seal.line());
    assert_eq!(ExportedSeal::new(seal.ledger_id, &seal.seal()), seal, "a seal and its ledger");
}
