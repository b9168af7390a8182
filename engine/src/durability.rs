//! What a commit promises, on every store.

/// What a commit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced before it is answered: the ledger, and claims.
    Full,
    /// Consistent after a power cut, and perhaps some commits older: work rows and views, whose
    /// rows and cursors fall back together.
    Normal,
}
