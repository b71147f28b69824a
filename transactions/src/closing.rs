//! Mutual-close transactions (BOLT 3): legacy and simple close.
use crate::FundingOutput;
use bitcoin::{Amount, ScriptBuf, Transaction};

/// Which of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosingKind {
    /// `closing_signed`: sequence ffffffff, locktime 0.
    Legacy,
    /// `closing_complete`: sequence fffffffd, this locktime.
    Simple {
        /// Locktime.
        locktime: u32,
    },
}

/// Builds an unsigned closing transaction; `None` for an output that is left out. Outputs are sorted (BIP 69).
pub fn closing_transaction(funding: &FundingOutput, kind: ClosingKind, outputs: [Option<(ScriptBuf, Amount)>; 2]) -> Transaction { let _ = (funding, kind, outputs); todo!() }

/// The weight of a signed closing transaction with these output scripts (signatures of 72 bytes each).
pub fn closing_weight(funding: &FundingOutput, scripts: &[&bitcoin::Script]) -> u64 { let _ = (funding, scripts); todo!() }
