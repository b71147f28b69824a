//! Mutual-close transactions (BOLT 3): legacy and simple close.

use bitcoin::{
    Amount, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute::LockTime,
    transaction::Version,
};

use crate::{
    FundingOutput,
    weight::{longest_signature, weight_with},
};

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

/// Builds an unsigned closing transaction; `None` for an output that is left out. Outputs are sorted
/// (BIP 69). In a simple close an OP_RETURN output gets 0 sat, whatever amount is given.
pub fn closing_transaction(
    funding: &FundingOutput,
    kind: ClosingKind,
    outputs: [Option<(ScriptBuf, Amount)>; 2],
) -> Transaction {
    let (sequence, lock_time) = match kind {
        // [BOLT 3 legacy_closing R1] Version 2, locktime 0, sequence ffffffff.
        ClosingKind::Legacy => (Sequence::MAX, LockTime::ZERO),
        // [BOLT 3 closing R2] Version 2, the locktime of `closing_complete`, sequence fffffffd.
        ClosingKind::Simple { locktime } => {
            (Sequence::ENABLE_RBF_NO_LOCKTIME, LockTime::from_consensus(locktime))
        }
    };
    let mut output: Vec<TxOut> = outputs
        .into_iter()
        .flatten()
        .map(|(script_pubkey, amount)| TxOut {
            value: paid(kind, &script_pubkey, amount),
            script_pubkey,
        })
        .collect();
    // [BOLT 3 closing R1] The outputs stand in the common order.
    output.sort();
    let input = vec![TxIn { previous_output: funding.outpoint, sequence, ..TxIn::default() }];
    Transaction { version: Version::TWO, lock_time, input, output }
}

/// The weight of a signed closing transaction with these output scripts. Exact when both signatures
/// have 72 bytes with their sighash byte ([`crate::SIGNATURE_SIZE`]), the most that a low S allows; the
/// real transaction is usually 1 lighter, seldom more than 2.
pub fn closing_weight(funding: &FundingOutput, scripts: &[&Script]) -> u64 {
    let output = scripts
        .iter()
        .map(|script| TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from(*script) })
        .collect();
    let input = vec![TxIn::default()];
    let transaction =
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output };
    let witness = Witness::from_slice(&[
        Vec::new(),
        longest_signature(),
        longest_signature(),
        funding.witness_script.to_bytes(),
    ]);
    weight_with(&transaction, vec![witness])
}

// [BOLT 3 closing R5] Nothing is paid to an OP_RETURN.
fn paid(kind: ClosingKind, script: &Script, amount: Amount) -> Amount {
    match kind {
        ClosingKind::Simple { .. } if script.is_op_return() => Amount::ZERO,
        ClosingKind::Simple { .. } | ClosingKind::Legacy => amount,
    }
}
