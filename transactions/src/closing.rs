//! Mutual-close transactions (BOLT 3): legacy and simple close.

use bitcoin::{
    Amount, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute::LockTime,
    transaction::Version,
};

use crate::{
    FundingOutput, MilliSatoshi,
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

/// The outputs of a legacy close: balances in whole satoshi, the opener's without the fee, and none
/// below `dust_limit`, which is the signer's own. The opener's comes first. `None` if the opener cannot
/// pay `fee`, or if no output is left.
pub fn legacy_closing_outputs(
    opener: (ScriptBuf, MilliSatoshi),
    accepter: (ScriptBuf, MilliSatoshi),
    fee: Amount,
    dust_limit: Amount,
) -> Option<[Option<(ScriptBuf, Amount)>; 2]> {
    // [BOLT 3 legacy_closing S2] The opener's output pays the fee.
    // [BOLT 3 legacy_closing G9] Each gets its balance, the opener without the fee.
    let opener = (opener.0, opener.1.floor().checked_sub(fee)?);
    // [BOLT 3 legacy_closing S1] Amounts in whole satoshi.
    let accepter = (accepter.0, accepter.1.floor());
    // [BOLT 3 legacy_closing S3] What is below our own dust limit goes.
    let outputs =
        [opener, accepter].map(|output| Some(output).filter(|(_, amount)| *amount >= dust_limit));
    outputs.iter().any(Option::is_some).then_some(outputs)
}

/// The outputs of a simple close: balances in whole satoshi, the closer's without the fee. The closer's
/// comes first. Which of them a signature leaves out is for BOLT 2 to say; neither amount is compared
/// with a dust limit here. `None` if the closer cannot pay `fee`.
pub fn simple_closing_outputs(
    closer: (ScriptBuf, MilliSatoshi),
    closee: (ScriptBuf, MilliSatoshi),
    fee: Amount,
) -> Option<[(ScriptBuf, Amount); 2]> {
    // [BOLT 3 closing S2] The closer's output pays the fee.
    // [BOLT 3 closing G1] The closer pays, opener or not.
    // [BOLT 3 closing G13] The closer's balance without the fee.
    let closer = (closer.0, closer.1.floor().checked_sub(fee)?);
    // [BOLT 3 closing S1] Amounts in whole satoshi.
    // [BOLT 3 closing G16] The closee's whole balance.
    Some([closer, (closee.0, closee.1.floor())])
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
    fn the_opener_pays_for_a_legacy_close_and_dust_goes() {
        let outputs = |opener, accepter, fee| {
            let opener = (script("0014", 20), MilliSatoshi(opener));
            let accepter = (script("5120", 32), MilliSatoshi(accepter));
            let limit = Amount::from_sat(354);
            let outputs = legacy_closing_outputs(opener, accepter, Amount::from_sat(fee), limit)?;
            Some(outputs.map(|output| output.map(|(_, amount)| amount.to_sat())))
        };
        assert_eq!(outputs(10_000_999, 5_000_001, 1_000), Some([Some(9_000), Some(5_000)]));
        assert_eq!(outputs(10_000_999, 353_999, 1_000), Some([Some(9_000), None]));
        assert_eq!(outputs(1_353_999, 354_000, 1_000), Some([None, Some(354)]));
        assert_eq!(outputs(999_999, 5_000_000, 1_000), None);
        assert_eq!(outputs(1_000_000, 0, 1_000), None);
    }

    #[test]
    fn the_closer_pays_for_a_simple_close() {
        let outputs = |closer, fee| {
            let closer = (script("0014", 20), MilliSatoshi(closer));
            let closee = (script("5120", 32), MilliSatoshi(7_999));
            simple_closing_outputs(closer, closee, Amount::from_sat(fee))
                .map(|outputs| outputs.map(|(_, amount)| amount.to_sat()))
        };
        assert_eq!(outputs(10_000_999, 1_000), Some([9_000, 7]));
        assert_eq!(outputs(10_000_999, 10_000), Some([0, 7]));
        assert_eq!(outputs(10_000_999, 10_001), None);
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
