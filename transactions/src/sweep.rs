//! Transactions that bring the outputs of commitments home (BOLT 5).

use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Witness, absolute::LockTime, transaction::Version,
};
use secp256k1::{Message, PublicKey, ecdsa::Signature};

use crate::{
    FeeratePerKw, SweepKey, dust_limit,
    signature::{segwit_message, witness_signature},
    weight::{longest_signature, weight_with},
};

/// An output to sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepInput {
    /// Where.
    pub outpoint: OutPoint,
    /// What.
    pub output: TxOut,
    /// The script behind it; empty for a P2WPKH.
    pub witness_script: ScriptBuf,
    /// The key.
    pub key: SweepKey,
    /// Blocks it has to wait (`nSequence`): `to_self_delay` for `to_local` (0 is allowed), 1 for
    /// `to_remote` with anchors, 0 for the others.
    pub csv: u16,
}

/// An unsigned transaction that pays everything but the fee to `to`; `None` if the rest would be
/// dust. A P2WPKH `to_remote` (static_remotekey without anchors) has an empty witness script.
///
/// The fee is that of [`sweep_weight`], rounded up. Inputs keep their order. The transaction
/// signals replaceability (BIP 125), and may be mined from block `locktime + 1` on.
pub fn sweep_transaction(
    inputs: &[SweepInput],
    to: &Script,
    feerate: FeeratePerKw,
    locktime: u32,
) -> Option<Transaction> {
    let total =
        inputs.iter().try_fold(Amount::ZERO, |sum, input| sum.checked_add(input.output.value))?;
    let mut transaction = unsigned(inputs, to, locktime);
    let fee = feerate.fee_ceil(expected_weight(&transaction, inputs));
    let value = total.checked_sub(fee)?;
    if inputs.is_empty() || value < dust_limit(to) {
        return None;
    }
    transaction.output = vec![TxOut { value, script_pubkey: ScriptBuf::from(to) }];
    Some(transaction)
}

/// The weight of the signed sweep of these inputs to `to`: exact for signatures of 72 bytes with
/// their sighash byte ([`crate::SIGNATURE_SIZE`]); the real one is usually lighter by up to 2 an
/// input.
pub fn sweep_weight(inputs: &[SweepInput], to: &Script) -> u64 {
    expected_weight(&unsigned(inputs, to, 0), inputs)
}

/// What is signed for one input (SIGHASH_ALL). For an `index` without an input: a digest that no
/// transaction has.
pub fn sweep_sighash(transaction: &Transaction, index: usize, input: &SweepInput) -> Message {
    let script = if is_p2wpkh(input) { &input.output.script_pubkey } else { &input.witness_script };
    segwit_message(transaction, index, script, input.output.value, EcdsaSighashType::All)
}

/// The witness of one input; `key` is the public key that `signature` verifies with (it only
/// appears in the witness of a P2WPKH).
pub fn sweep_witness(input: &SweepInput, key: &PublicKey, signature: &Signature) -> Witness {
    witness_of(input, key.serialize(), witness_signature(signature, EcdsaSighashType::All))
}

fn unsigned(inputs: &[SweepInput], to: &Script, locktime: u32) -> Transaction {
    let input = inputs
        .iter()
        .map(|input| TxIn {
            previous_output: input.outpoint,
            // [BOLT 3 to_local G2] The sequence is `to_self_delay`.
            // [BOLT 3 to_remote G2] The sequence is 1.
            // [BOLT 3 htlc_transactions G13] The output of an HTLC transaction is one like
            // `to_local`. A delay of 0 is one too: OP_CHECKSEQUENCEVERIFY fails where relative
            // locks are off.
            sequence: Sequence::from_height(input.csv),
            ..TxIn::default()
        })
        .collect();
    let output = vec![TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from(to) }];
    let lock_time = LockTime::from_consensus(locktime);
    Transaction { version: Version::TWO, lock_time, input, output }
}

fn expected_weight(transaction: &Transaction, inputs: &[SweepInput]) -> u64 {
    let witnesses =
        inputs.iter().map(|input| witness_of(input, [0; 33], longest_signature())).collect();
    weight_with(transaction, witnesses)
}

fn witness_of(input: &SweepInput, key: [u8; 33], signature: Vec<u8>) -> Witness {
    let script = input.witness_script.to_bytes();
    if is_p2wpkh(input) {
        return Witness::from_slice(&[signature, key.to_vec()]);
    }
    match input.key {
        // [BOLT 3 to_local G3] The signature, then nothing: not the punisher's branch.
        SweepKey::ToLocal { .. } => Witness::from_slice(&[signature, Vec::new(), script]),
        // [BOLT 3 to_remote G3] [BOLT 3 anchors G4] The signature alone.
        SweepKey::ToRemote | SweepKey::Anchor => Witness::from_slice(&[signature, script]),
    }
}

fn is_p2wpkh(input: &SweepInput) -> bool {
    input.witness_script.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYED: [u16; 3] = [0, 1, u16::MAX];

    fn input(value: u64, csv: u16) -> SweepInput {
        let key = PublicKey::from_slice(&[2; 33]).unwrap();
        let witness_script = crate::to_local_script(&key, csv, &key);
        let script_pubkey = witness_script.to_p2wsh();
        SweepInput {
            outpoint: OutPoint::null(),
            output: TxOut { value: Amount::from_sat(value), script_pubkey },
            witness_script,
            key: SweepKey::ToLocal { per_commitment_point: key },
            csv,
        }
    }

    fn home() -> ScriptBuf {
        ScriptBuf::from_hex(&format!("5120{}", "cd".repeat(32))).unwrap()
    }

    #[test]
    fn the_sequence_is_the_delay_even_if_there_is_none() {
        let inputs = DELAYED.map(|csv| input(10_000, csv));
        let sweep = sweep_transaction(&inputs, &home(), FeeratePerKw(253), 0).unwrap();
        let sequences: Vec<_> = sweep.input.iter().map(|input| input.sequence.0).collect();
        assert_eq!(sequences, DELAYED.map(u32::from));
        assert_eq!(sweep.version, Version::TWO);
    }

    #[test]
    fn weights_are_those_measured_on_the_network() {
        // Measured 531 for 144 blocks. A delay up to 16 is an opcode, one from 32,768 on three
        // bytes.
        for (csv, weight) in [(16, 529), (144, 531), (40_000, 532)] {
            assert_eq!(sweep_weight(&[input(10_000, csv)], &home()), weight);
        }
    }

    #[test]
    fn each_output_has_its_witness() {
        let key = PublicKey::from_slice(&[2; 33]).unwrap();
        let signature = Signature::from_compact(&[1; 64]).unwrap();
        let in_witness = witness_signature(&signature, EcdsaSighashType::All);
        let witness = |input: &SweepInput| sweep_witness(input, &key, &signature).to_vec();
        let to_local = input(10_000, 144);
        let script = to_local.witness_script.to_bytes();
        assert_eq!(witness(&to_local), [in_witness.clone(), Vec::new(), script.clone()]);
        for key in [SweepKey::ToRemote, SweepKey::Anchor] {
            let other = SweepInput { key, ..to_local.clone() };
            assert_eq!(witness(&other), [in_witness.clone(), script.clone()]);
        }
        let p2wpkh =
            SweepInput { key: SweepKey::ToRemote, witness_script: ScriptBuf::new(), ..to_local };
        assert_eq!(witness(&p2wpkh), [in_witness, key.serialize().to_vec()]);
    }

    #[test]
    fn dust_is_left_where_it_is() {
        let feerate = FeeratePerKw(1_000);
        let sweep = |value| sweep_transaction(&[input(value, 144)], &home(), feerate, 0);
        assert_eq!(sweep(531 + 330).unwrap().output[0].value, Amount::from_sat(330));
        assert_eq!(sweep(531 + 329), None);
        assert_eq!(sweep(0), None);
        assert_eq!(sweep_transaction(&[], &home(), FeeratePerKw(0), 0), None);
        let twice = [input(u64::MAX, 1), input(1, 1)];
        assert_eq!(sweep_transaction(&twice, &home(), FeeratePerKw(0), 0), None);
    }
}
