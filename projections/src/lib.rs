//! Projections: folds over the ledger, kept in tables, rebuildable from nothing.

pub mod views;
