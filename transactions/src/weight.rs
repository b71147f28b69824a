//! Weights, in weight units (BOLT 3, appendix A).
//!
//! Two kinds, not to be mixed: the *expected* weights with which both sides of a channel must
//! compute the same fee, whatever the truth is; and *exact* weights for transactions that are ours
//! alone, with signatures of [`SIGNATURE_SIZE`].

use bitcoin::{EcdsaSighashType, ScriptBuf, Transaction, TxOut, Weight, Witness};

use crate::CommitmentFormat;

/// The most bytes of a signature in a witness: low-S DER and the byte of the sighash type. Half of
/// all signatures are one byte shorter (R below 2^255), one in 128 two or more.
pub const SIGNATURE_SIZE: usize = 72;

/// The exact weight of the witness that spends an anchor by its funding key: count, signature,
/// script, and the lengths of both.
pub const ANCHOR_WITNESS_WEIGHT: u64 = 1 + (1 + 72) + (1 + 40);

/// The exact weight of the witness that spends a 2-of-2 funding output with signatures of
/// [`SIGNATURE_SIZE`].
pub const FUNDING_WITNESS_WEIGHT: u64 = 1 + 1 + 2 * (1 + 72) + (1 + 71);

/// The weight of an input apart from its witness: outpoint, empty script, sequence.
pub const INPUT_BASE_WEIGHT: u64 = 4 * (36 + 1 + 4);

/// The weight of a funding output, and of every other P2WSH or P2TR output.
pub const FUNDING_OUTPUT_WEIGHT: u64 = 4 * (8 + 1 + 34);

/// What each HTLC output adds to [`commitment_weight`].
pub const HTLC_OUTPUT_WEIGHT: u64 = 172;

/// The expected weight of a commitment with `untrimmed_htlcs`: two balances and both anchors,
/// whether they exist or not, and signatures of 73 bytes.
// [BOLT 3 expected_weights G2] 724 or 1124, and 172 for each HTLC that is not trimmed.
pub fn commitment_weight(format: CommitmentFormat, untrimmed_htlcs: usize) -> u64 {
    let base = match format {
        CommitmentFormat::StaticRemotekey => 724,
        CommitmentFormat::Anchors => 1_124,
    };
    let htlcs = u64::try_from(untrimmed_htlcs).unwrap_or(u64::MAX);
    HTLC_OUTPUT_WEIGHT.saturating_mul(htlcs).saturating_add(base)
}

/// The expected weight of an HTLC-timeout transaction (`offered`) or an HTLC-success transaction.
// [BOLT 3 expected_weights G3] 703 and 706, although the sum says 702 and 705.
pub const fn htlc_transaction_weight(format: CommitmentFormat, offered: bool) -> u64 {
    match (format, offered) {
        (CommitmentFormat::StaticRemotekey, true) => 663,
        (CommitmentFormat::Anchors, true) => 666,
        (CommitmentFormat::StaticRemotekey, false) => 703,
        (CommitmentFormat::Anchors, false) => 706,
    }
}

/// The exact weight of an output with this script.
pub fn output_weight(script_pubkey: &bitcoin::Script) -> u64 {
    TxOut { value: bitcoin::Amount::ZERO, script_pubkey: ScriptBuf::from(script_pubkey) }
        .weight()
        .to_wu()
}

/// The weight of `transaction` with these witnesses in place of its own.
pub(crate) fn weight_with(transaction: &Transaction, witnesses: Vec<Witness>) -> u64 {
    let mut signed = transaction.clone();
    for (input, witness) in signed.input.iter_mut().zip(witnesses) {
        input.witness = witness;
    }
    Weight::to_wu(signed.weight())
}

/// As long as the longest signature with its sighash byte.
pub(crate) fn longest_signature() -> Vec<u8> {
    let mut bytes = vec![0xff; SIGNATURE_SIZE - 1];
    bytes.push(EcdsaSighashType::All as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use bitcoin::{Amount, OutPoint, TxIn};
    use secp256k1::{PublicKey, ecdsa::Signature};

    use super::*;
    use crate::{FundingOutput, anchor_script};

    #[test]
    fn constants_are_what_is_serialized() {
        let key = PublicKey::from_slice(&[2; 33]).unwrap();
        let funding = FundingOutput::new(OutPoint::null(), Amount::ZERO, &key, &key);
        assert_eq!(funding.txout().weight().to_wu(), FUNDING_OUTPUT_WEIGHT);
        assert_eq!(output_weight(&funding.txout().script_pubkey), FUNDING_OUTPUT_WEIGHT);
        assert_eq!(TxIn::default().legacy_weight().to_wu(), INPUT_BASE_WEIGHT);
        assert_eq!(longest_signature().len(), SIGNATURE_SIZE);

        let anchor = [longest_signature(), anchor_script(&key).to_bytes()];
        assert_eq!(size(&Witness::from_slice(&anchor)), ANCHOR_WITNESS_WEIGHT);
        // R and S of 32 bytes without a sign bit: two bytes less than R and S can have together.
        let short = Signature::from_compact(&[1; 64]).unwrap();
        let witness = funding.witness((&key, &short), (&key, &short));
        assert_eq!(size(&witness) + 2, FUNDING_WITNESS_WEIGHT);
    }

    fn size(witness: &Witness) -> u64 {
        u64::try_from(witness.size()).unwrap()
    }
}
