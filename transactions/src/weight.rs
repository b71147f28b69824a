//! Weights (BOLT 3; measured).

/// The expected weight of the anchor's witness with a 72-byte signature.
pub const ANCHOR_WITNESS_WEIGHT: u64 = 116;
