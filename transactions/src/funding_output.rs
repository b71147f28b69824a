//! The funding output (BOLT 3).

use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, Script, ScriptBuf, Transaction, TxOut, Witness,
    opcodes::all::OP_CHECKMULTISIG,
};
use secp256k1::{Message, PublicKey, ecdsa::Signature};

use crate::signature::{segwit_message, witness_signature};

/// The 2-of-2 script, keys in lexicographic order of their compressed form.
// [BOLT 3 funding_output G2] The lesser key first, both compressed.
pub fn funding_script(a: &PublicKey, b: &PublicKey) -> ScriptBuf {
    let (a, b) = (a.serialize(), b.serialize());
    let (lesser, greater) = if a <= b { (a, b) } else { (b, a) };
    Script::builder()
        .push_int(2)
        .push_slice(lesser)
        .push_slice(greater)
        .push_int(2)
        .push_opcode(OP_CHECKMULTISIG)
        .into_script()
}

/// A channel's funding output and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingOutput {
    /// Where.
    pub outpoint: OutPoint,
    /// How much.
    pub amount: Amount,
    /// [`funding_script`].
    pub witness_script: ScriptBuf,
}

impl FundingOutput {
    /// The output of `amount` at `outpoint` for the funding keys of both sides, in any order.
    pub fn new(outpoint: OutPoint, amount: Amount, a: &PublicKey, b: &PublicKey) -> Self {
        Self { outpoint, amount, witness_script: funding_script(a, b) }
    }

    /// The output as it stands in the transaction (P2WSH).
    // [BOLT 3 funding_output G1] A P2WSH of the 2-of-2.
    pub fn txout(&self) -> TxOut {
        TxOut { value: self.amount, script_pubkey: self.witness_script.to_p2wsh() }
    }

    // [BOLT 3 test_vectors G2] All inputs and outputs are signed.
    /// What both funding keys sign (SIGHASH_ALL) in a `transaction` whose input 0 spends this
    /// output: a commitment or a closing transaction.
    pub fn sighash(&self, transaction: &Transaction) -> Message {
        let script = &self.witness_script;
        segwit_message(transaction, 0, script, self.amount, EcdsaSighashType::All)
    }

    /// The witness that spends it: signatures in the order of the keys.
    // [BOLT 3 commitment G7] Nothing, then the signatures in the order of the keys.
    // [BOLT 3 legacy_closing G7] [BOLT 3 closing G10] The same.
    // [BOLT 3 segwit G1] The script is the last item of every witness.
    // [BOLT 3 segwit G2] Nothing is an empty item.
    pub fn witness(&self, a: (&PublicKey, &Signature), b: (&PublicKey, &Signature)) -> Witness {
        let (first, second) = if a.0.serialize() <= b.0.serialize() { (a, b) } else { (b, a) };
        Witness::from_slice(&[
            Vec::new(),
            witness_signature(first.1, EcdsaSighashType::All),
            witness_signature(second.1, EcdsaSighashType::All),
            self.witness_script.to_bytes(),
        ])
    }
}
