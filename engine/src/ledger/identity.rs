//! The rules about a ledger's one row, the same on every store that keeps it in a table.

use uuid::Uuid;

use super::{DEFAULT_PARTITIONS, LedgerIdentity, READER_VERSION, StoreError};
use crate::ids::LedgerId;

const MAX_PARTITIONS: u16 = 1024;

/// The row, and how many heads stand beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerRow {
    pub(super) id: Uuid,
    pub(super) incarnation: u32,
    pub(super) partitions: u16,
    pub(super) lowest_reader_version: u32,
    pub(super) heads: i64,
}

impl LedgerRow {
    /// Refuses a ledger that this build can't read, or that has not the wanted number of partitions.
    pub(super) fn check(
        self,
        store: &'static str,
        wanted: Option<u16>,
    ) -> Result<LedgerIdentity, StoreError> {
        let Self { id, incarnation, partitions, lowest_reader_version, heads } = self;
        if lowest_reader_version > READER_VERSION {
            return Err(StoreError::Refused(format!(
                "the ledger needs a build that reads version {lowest_reader_version}, and this one \
                 reads version {READER_VERSION}: upgrade daybook"
            )));
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != partitions) {
            return Err(StoreError::Refused(format!(
                "--partitions is {wanted}, but this ledger was created with {partitions}, and that \
                 never changes: set --partitions to {partitions}, or leave it out"
            )));
        }
        if heads != i64::from(partitions) {
            let cause = format!("it has {partitions} partitions and {heads} heads");
            return Err(StoreError::Damaged { store, cause });
        }
        Ok(LedgerIdentity { id: LedgerId::from_uuid(id), incarnation, partitions })
    }
}

/// The identity of a ledger that is about to be created.
pub(super) fn new_identity(
    id: LedgerId,
    wanted: Option<u16>,
) -> Result<LedgerIdentity, StoreError> {
    let partitions = wanted.unwrap_or(DEFAULT_PARTITIONS);
    if !(1..=MAX_PARTITIONS).contains(&partitions) {
        return Err(StoreError::Refused(format!(
            "--partitions is {partitions}: set it from 1 to {MAX_PARTITIONS}"
        )));
    }
    Ok(LedgerIdentity { id, incarnation: 1, partitions })
}
