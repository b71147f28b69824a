//! Coins of lost channels, found with the seed alone.
//!
//! When the database is lost, a peer that is asked to close publishes its commitment, which pays us
//! to one of 1000 keys in one of two forms: P2WPKH (static_remotekey), or P2WSH with a wait of one
//! block (anchors).

use crate::channel_keys::PAYMENT_BASEPOINTS;
use crate::keys::Keys;
use crate::seed::Seed;
use crate::signer::sign;
use bitcoin::{Network, OutPoint, Script, ScriptBuf, Transaction, TxOut};
use secp256k1::{Message, PublicKey, SECP256K1, ecdsa::Signature};
use std::collections::BTreeMap;
use transactions::{
    FeeratePerKw, SweepInput, SweepKey, sweep_sighash, sweep_transaction, sweep_witness,
    to_remote_anchors_script,
};

/// The 2000 scripts, and the keys to spend what they got.
pub struct Recovery {
    keys: Keys,
    scripts: BTreeMap<ScriptBuf, Payment>,
}

struct Payment {
    index: u16,
    key: PublicKey,
    witness_script: ScriptBuf,
}

/// An output that pays one of the scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOutput {
    /// Which of the 1000 keys.
    pub index: u16,
    /// Its public key.
    pub key: PublicKey,
    /// Where it is and how it is spent.
    pub input: SweepInput,
}

impl Recovery {
    /// Derives all scripts: tens of milliseconds.
    pub fn new(seed: &Seed, network: Network) -> Self {
        let keys = Keys::new(seed, network);
        let mut scripts = BTreeMap::new();
        for index in 0..PAYMENT_BASEPOINTS {
            let key = keys.payment(index).public_key(SECP256K1);
            let plain = ScriptBuf::new_p2wpkh(&bitcoin::CompressedPublicKey(key).wpubkey_hash());
            scripts.insert(plain, Payment { index, key, witness_script: ScriptBuf::new() });
            let witness_script = to_remote_anchors_script(&key);
            let anchored = witness_script.to_p2wsh();
            scripts.insert(anchored, Payment { index, key, witness_script });
        }
        Self { keys, scripts }
    }

    /// Every script, for a filter.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        self.scripts.keys().map(ScriptBuf::as_script)
    }

    /// The outputs among these transactions that pay us. Whether they are still unspent is for the
    /// caller to see.
    pub fn find(&self, transactions: &[Transaction]) -> Vec<FoundOutput> {
        let mut found = Vec::new();
        for transaction in transactions {
            for (vout, output) in (0_u32..).zip(&transaction.output) {
                // Hashing a transaction costs more than looking a script up.
                if self.scripts.contains_key(&output.script_pubkey) {
                    let outpoint = OutPoint { txid: transaction.compute_txid(), vout };
                    found.extend(self.output(outpoint, output));
                }
            }
        }
        found
    }

    /// One output, if it pays us.
    pub fn output(&self, outpoint: OutPoint, output: &TxOut) -> Option<FoundOutput> {
        let script = self.scripts.get(&output.script_pubkey)?;
        let input = SweepInput {
            outpoint,
            output: output.clone(),
            witness_script: script.witness_script.clone(),
            key: SweepKey::ToRemote,
            csv: u16::from(!script.witness_script.is_empty()),
        };
        Some(FoundOutput { index: script.index, key: script.key, input })
    }

    /// Signs for the key with this index.
    pub fn sign(&self, index: u16, sighash: &Message) -> Signature {
        sign(&self.keys.payment(index), sighash)
    }

    /// A signed transaction that pays what was found, less the fee, to `to`. `None` if nothing
    /// above dust would be left.
    pub fn sweep(
        &self,
        found: &[FoundOutput],
        to: &Script,
        feerate: FeeratePerKw,
        locktime: u32,
    ) -> Option<Transaction> {
        let inputs: Vec<SweepInput> = found.iter().map(|output| output.input.clone()).collect();
        let mut transaction = sweep_transaction(&inputs, to, feerate, locktime)?;
        let unsigned = transaction.clone();
        for (position, (output, input)) in found.iter().zip(&mut transaction.input).enumerate() {
            let sighash = sweep_sighash(&unsigned, position, &output.input);
            let signature = self.sign(output.index, &sighash);
            input.witness = sweep_witness(&output.input, &output.key, &signature);
        }
        Some(transaction)
    }
}
