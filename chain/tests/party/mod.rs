//! Somebody with a key and coins, who can sign.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::{CompressedPublicKey, TapTweak};
use bitcoin::secp256k1::{Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
};
use chain::regtest::Regtest;

pub struct Party {
    key: SecretKey,
}

impl Party {
    pub fn new(number: u8) -> Self {
        Self { key: SecretKey::from_slice(&[number; 32]).unwrap() }
    }

    /// Pay to its key, witness version 0.
    pub fn script(&self) -> ScriptBuf {
        ScriptBuf::new_p2wpkh(&self.public_key().wpubkey_hash())
    }

    /// Pay to its key, witness version 1.
    pub fn taproot_script(&self) -> ScriptBuf {
        let secp = Secp256k1::new();
        let (internal, _) = self.key.x_only_public_key(&secp);
        ScriptBuf::new_p2tr(&secp, internal, None)
    }

    /// A confirmed coin of this party.
    pub fn coin(&self, chain: &Regtest, amount: Amount) -> Coin {
        let outpoint = chain.fund(&self.script(), amount).unwrap();
        Coin { outpoint, amount }
    }

    /// Spends a coin to its own script, but for the fee.
    pub fn spend(&self, coin: Coin, fee: u64) -> Transaction {
        self.pay(&[coin], vec![to(self.script(), coin.amount.to_sat() - fee)])
    }

    /// Spends coins to these outputs, signed.
    pub fn pay(&self, coins: &[Coin], outputs: Vec<TxOut>) -> Transaction {
        self.signed(unsigned(coins, outputs), coins)
    }

    /// Signs all inputs, which must spend its own coins of witness version 0.
    pub fn signed(&self, mut transaction: Transaction, coins: &[Coin]) -> Transaction {
        let script = self.script();
        for (vin, coin) in coins.iter().enumerate() {
            let mut cache = SighashCache::new(&mut transaction);
            let hash = cache
                .p2wpkh_signature_hash(vin, &script, coin.amount, EcdsaSighashType::All)
                .unwrap();
            let message = Message::from_digest(hash.to_byte_array());
            let signature = Secp256k1::new().sign_ecdsa(&message, &self.key);
            let signature = bitcoin::ecdsa::Signature::sighash_all(signature);
            let public_key = self.key.public_key(&Secp256k1::new());
            transaction.input[vin].witness = Witness::p2wpkh(&signature, &public_key);
        }
        transaction
    }

    /// Spends one coin of its taproot script.
    pub fn spend_taproot(&self, coin: Coin, fee: u64) -> Transaction {
        let value = coin.amount.to_sat() - fee;
        let mut transaction = unsigned(&[coin], vec![to(self.script(), value)]);
        let spent = [TxOut { value: coin.amount, script_pubkey: self.taproot_script() }];
        let hash = SighashCache::new(&transaction)
            .taproot_key_spend_signature_hash(0, &Prevouts::All(&spent), TapSighashType::Default)
            .unwrap();
        let secp = Secp256k1::new();
        let keypair = Keypair::from_secret_key(&secp, &self.key).tap_tweak(&secp, None);
        let message = Message::from_digest(hash.to_byte_array());
        let signature = secp.sign_schnorr_no_aux_rand(&message, &keypair.to_keypair());
        transaction.input[0].witness = Witness::from_slice(&[signature.as_ref().as_slice()]);
        transaction
    }

    fn public_key(&self) -> CompressedPublicKey {
        CompressedPublicKey(self.key.public_key(&Secp256k1::new()))
    }
}

/// A coin and its value.
#[derive(Clone, Copy, Debug)]
pub struct Coin {
    pub outpoint: OutPoint,
    pub amount: Amount,
}

/// An output of a transaction as a coin.
pub fn output(transaction: &Transaction, vout: u32) -> Coin {
    let amount = transaction.output[vout as usize].value;
    Coin { outpoint: OutPoint { txid: transaction.compute_txid(), vout }, amount }
}

pub fn to(script_pubkey: ScriptBuf, value: u64) -> TxOut {
    TxOut { value: Amount::from_sat(value), script_pubkey }
}

/// Version 2, no lock time, replaceable.
pub fn unsigned(coins: &[Coin], output: Vec<TxOut>) -> Transaction {
    let input = |coin: &Coin| TxIn {
        previous_output: coin.outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    let input = coins.iter().map(input).collect();
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
}

pub fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

/// The fee of 100 sat/kvB for this transaction.
pub fn least_fee(transaction: &Transaction) -> u64 {
    (transaction.vsize() as u64).div_ceil(10)
}
