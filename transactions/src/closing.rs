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

/// Builds an unsigned closing transaction; `None` for an output that is left out. Outputs are
/// sorted (BIP 69). In a simple close an OP_RETURN output gets 0 sat, whatever amount is given.
// [BOLT 3 legacy_closing G8] [BOLT 3 closing G11] One output or two,
// [BOLT 3 legacy_closing G10] to the scripts of `shutdown`,
// [BOLT 3 closing G14] to the closer's script
// [BOLT 3 closing G17] and the closee's of `closing_complete`.
pub fn closing_transaction(
    funding: &FundingOutput,
    kind: ClosingKind,
    outputs: [Option<(ScriptBuf, Amount)>; 2],
) -> Transaction {
    let (sequence, lock_time) = match kind {
        // [BOLT 3 legacy_closing G2] Locktime 0,
        // [BOLT 3 legacy_closing G5] sequence ffffffff.
        ClosingKind::Legacy => (Sequence::MAX, LockTime::ZERO),
        // [BOLT 3 closing G5] The locktime of `closing_complete`,
        // [BOLT 3 closing G8] sequence fffffffd.
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
    // [BOLT 3 closing G2] The outputs stand in the common order.
    output.sort();
    // [BOLT 3 legacy_closing G3] [BOLT 3 closing G6] One input,
    // [BOLT 3 legacy_closing G4] [BOLT 3 closing G7] the funding output,
    // [BOLT 3 legacy_closing G6] [BOLT 3 closing G9] with an empty script.
    let input = vec![TxIn { previous_output: funding.outpoint, sequence, ..TxIn::default() }];
    // [BOLT 3 legacy_closing G1] [BOLT 3 closing G4] Version 2.
    Transaction { version: Version::TWO, lock_time, input, output }
}

/// The weight of a signed closing transaction with these output scripts. Exact when both signatures
/// have 72 bytes with their sighash byte ([`crate::SIGNATURE_SIZE`]), the most that a low S allows;
/// the real transaction is usually 1 lighter, seldom more than 2.
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

// [BOLT 3 closing S3] Nothing is paid to an OP_RETURN,
// [BOLT 3 closing G12] be it the closer's
// [BOLT 3 closing G15] or the closee's.
fn paid(kind: ClosingKind, script: &Script, amount: Amount) -> Amount {
    match kind {
        ClosingKind::Simple { .. } if script.is_op_return() => Amount::ZERO,
        ClosingKind::Simple { .. } | ClosingKind::Legacy => amount,
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::OutPoint;
    use secp256k1::PublicKey;

    use super::*;

    fn funding() -> FundingOutput {
        let key = PublicKey::from_slice(&[2; 33]).unwrap();
        FundingOutput::new(OutPoint::null(), Amount::from_sat(100_000), &key, &key)
    }

    fn script(start: &str, length: usize) -> ScriptBuf {
        ScriptBuf::from_hex(&format!("{start}{}", "ab".repeat(length))).unwrap()
    }

    fn output(start: &str, length: usize, satoshi: u64) -> Option<(ScriptBuf, Amount)> {
        Some((script(start, length), Amount::from_sat(satoshi)))
    }

    #[test]
    fn the_two_kinds_differ_in_sequence_and_locktime() {
        let outputs = || [output("0014", 20, 1_000), None];
        let legacy = closing_transaction(&funding(), ClosingKind::Legacy, outputs());
        assert_eq!(legacy.input[0].sequence.0, 0xffff_ffff);
        assert_eq!(legacy.lock_time.to_consensus_u32(), 0);
        let kind = ClosingKind::Simple { locktime: 840_000 };
        let simple = closing_transaction(&funding(), kind, outputs());
        assert_eq!(simple.input[0].sequence.0, 0xffff_fffd);
        assert_eq!(simple.lock_time.to_consensus_u32(), 840_000);
        for closing in [legacy, simple] {
            assert_eq!(closing.version, Version::TWO);
            assert_eq!(closing.input.len(), 1);
            assert_eq!(closing.input[0].previous_output, funding().outpoint);
            assert_eq!(closing.output.len(), 1);
        }
    }

    #[test]
    fn outputs_are_sorted_by_amount_then_script() {
        let order = |outputs| {
            let closing = closing_transaction(&funding(), ClosingKind::Legacy, outputs);
            let scripts = closing.output.into_iter().map(|output| output.script_pubkey.len());
            scripts.collect::<Vec<_>>()
        };
        assert_eq!(order([output("5120", 32, 2_000), output("0014", 20, 1_000)]), [22, 34]);
        assert_eq!(order([output("0014", 20, 2_000), output("5120", 32, 1_000)]), [34, 22]);
        assert_eq!(order([output("5120", 32, 1_000), output("0014", 20, 1_000)]), [22, 34]);
    }

    #[test]
    fn an_op_return_is_paid_nothing_in_a_simple_close() {
        let outputs = || [output("6a06", 6, 5_000), output("0014", 20, 4_000)];
        let values = |kind| {
            let closing = closing_transaction(&funding(), kind, outputs());
            closing.output.iter().map(|output| output.value.to_sat()).collect::<Vec<_>>()
        };
        assert_eq!(values(ClosingKind::Simple { locktime: 0 }), [0, 4_000]);
        assert_eq!(values(ClosingKind::Legacy), [4_000, 5_000]);
    }

    #[test]
    fn weights_are_those_measured_on_the_network() {
        let (p2wpkh, p2tr) = (script("0014", 20), script("5120", 32));
        // Measured 768 to 769, 721 and 596 to 597, with shorter signatures.
        assert_eq!(closing_weight(&funding(), &[&p2tr, &p2tr]), 770);
        assert_eq!(closing_weight(&funding(), &[&p2tr, &p2wpkh]), 722);
        assert_eq!(closing_weight(&funding(), &[&p2tr]), 598);
    }
}
