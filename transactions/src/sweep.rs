//! Transactions that bring the outputs of commitments home (BOLT 5).
use crate::{FeeratePerKw, SweepKey};
use bitcoin::{OutPoint, ScriptBuf, Transaction, TxOut};

/// An output to sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepInput {
    /// Where.
    pub outpoint: OutPoint,
    /// What.
    pub output: TxOut,
    /// The script behind it.
    pub witness_script: ScriptBuf,
    /// The key.
    pub key: SweepKey,
    /// Blocks it has to wait (`nSequence`): `to_self_delay` for `to_local`, 1 for `to_remote` with anchors, 0.
    pub csv: u16,
}

/// An unsigned transaction that pays everything but the fee to `to`; `None` if the rest would be dust.
/// A P2WPKH `to_remote` (static_remotekey without anchors) has an empty witness script.
pub fn sweep_transaction(inputs: &[SweepInput], to: &bitcoin::Script, feerate: FeeratePerKw, locktime: u32) -> Option<Transaction> { let _ = (inputs, to, feerate, locktime); todo!() }
/// What is signed for one input.
pub fn sweep_sighash(transaction: &Transaction, index: usize, input: &SweepInput) -> secp256k1::Message { let _ = (transaction, index, input); todo!() }
/// The witness of one input.
pub fn sweep_witness(input: &SweepInput, key: &secp256k1::PublicKey, signature: &secp256k1::ecdsa::Signature) -> bitcoin::Witness { let _ = (input, key, signature); todo!() }
