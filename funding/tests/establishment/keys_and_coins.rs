//! A wallet whose keys are hashes and whose one coin is large enough.

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, WPubkeyHash,
    Witness,
};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey, ecdsa::Signature};
use transactions::{
    BumpRequest, ChannelPublicKeys, CommitmentNumber, FeeratePerKw, FundRequest, Funded,
    FundingOutput, Funds, FundsError, KeysId, Signer, SweepKey, per_commitment_point,
    per_commitment_secret, sign_message,
};

pub struct KeysAndCoins {
    seed: u8,
    /// What was asked for last.
    pub asked: Option<(FeeratePerKw, Amount)>,
    /// Whether there is a coin for the child of an anchor.
    pub has_coins: bool,
    /// What is left of that coin.
    pub change: Amount,
}

impl KeysAndCoins {
    pub fn new(seed: u8) -> Self {
        Self { seed, asked: None, has_coins: true, change: Amount::from_sat(50_000) }
    }

    fn hash(&self, keys_id: &KeysId, name: &str) -> [u8; 32] {
        let mut engine = sha256::Hash::engine();
        engine.input(&[self.seed]);
        engine.input(&keys_id.0);
        engine.input(name.as_bytes());
        sha256::Hash::from_engine(engine).to_byte_array()
    }

    fn secret(&self, keys_id: &KeysId, name: &str) -> SecretKey {
        SecretKey::from_slice(&self.hash(keys_id, name)).expect("a hash is a key")
    }

    fn public(&self, keys_id: &KeysId, name: &str) -> PublicKey {
        self.secret(keys_id, name).public_key(SECP256K1)
    }

    /// The channel's funding transaction spends it.
    pub fn coin(&self) -> OutPoint {
        OutPoint { txid: Txid::from_byte_array([self.seed; 32]), vout: 3 }
    }
}

impl Signer for KeysAndCoins {
    fn public_keys(&self, keys_id: &KeysId) -> ChannelPublicKeys {
        ChannelPublicKeys {
            funding_pubkey: self.public(keys_id, "funding"),
            revocation_basepoint: self.public(keys_id, "revocation"),
            payment_basepoint: self.public(keys_id, "payment"),
            delayed_payment_basepoint: self.public(keys_id, "delayed_payment"),
            htlc_basepoint: self.public(keys_id, "htlc"),
        }
    }

    fn per_commitment_point(&self, keys_id: &KeysId, number: CommitmentNumber) -> PublicKey {
        per_commitment_point(&self.per_commitment_secret(keys_id, number)).expect("a point")
    }

    fn per_commitment_secret(&self, keys_id: &KeysId, number: CommitmentNumber) -> [u8; 32] {
        per_commitment_secret(&self.hash(keys_id, "per_commitment"), number)
    }

    fn sign_funding_spend(
        &self,
        keys_id: &KeysId,
        funding: &FundingOutput,
        transaction: &Transaction,
    ) -> Signature {
        sign_message(&funding.sighash(transaction), &self.secret(keys_id, "funding"))
    }

    fn sign_sweep(&self, keys_id: &KeysId, _: SweepKey, sighash: &Message) -> Signature {
        sign_message(sighash, &self.secret(keys_id, "payment"))
    }

    fn sign_announcement(&self, keys_id: &KeysId, digest: &[u8; 32]) -> Signature {
        sign_message(&Message::from_digest(*digest), &self.secret(keys_id, "funding"))
    }

    fn sign_announcement_node(&self, digest: &[u8; 32]) -> Signature {
        sign_message(&Message::from_digest(*digest), &self.secret(&NODE, "node"))
    }

    fn node_id(&self) -> PublicKey {
        self.public(&NODE, "node")
    }
}

impl Funds for KeysAndCoins {
    /// The channel is output 1, behind the change.
    fn fund(
        &mut self,
        request: &FundRequest,
        _: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        self.asked = Some((request.feerate, request.max_fee));
        let input = TxIn {
            previous_output: self.coin(),
            sequence: Sequence::ENABLE_LOCKTIME_NO_RBF,
            witness: Witness::from_slice(&[[1_u8; 72].as_slice(), &[2; 33]]),
            ..TxIn::default()
        };
        let change = TxOut { value: Amount::from_sat(50_000), script_pubkey: self.fresh_script() };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![change, request.output.clone()],
        };
        let fee = Amount::from_sat(200);
        Ok(Funded { transaction, output_index: 1, fee, coins: vec![self.coin()] })
    }

    fn fresh_script(&mut self) -> ScriptBuf {
        ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([self.seed; 20]))
    }

    /// The anchor, one more coin, and change.
    fn bump(
        &mut self,
        request: &BumpRequest,
        _: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        self.asked = Some((request.feerate, request.max_fee));
        if !self.has_coins {
            return Err(FundsError::CoinNotAvailable(self.coin()));
        }
        let coin = OutPoint { vout: 4, ..self.coin() };
        let spend = |previous_output| TxIn { previous_output, ..TxIn::default() };
        let change = TxOut { value: self.change, script_pubkey: self.fresh_script() };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![spend(request.anchor), spend(coin)],
            output: vec![change],
        };
        let fee = Amount::from_sat(2_000);
        Ok(Funded { transaction, output_index: 0, fee, coins: vec![coin] })
    }

    fn owns(&self, _: &Script) -> bool {
        false
    }
}

/// The same signature with the other S.
pub fn with_high_s(signature: &Signature) -> Signature {
    // The order of the curve.
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let mut compact = signature.serialize_compact();
    let mut borrow = 0_i32;
    for (byte, order) in compact[32..].iter_mut().zip(order).rev() {
        let difference = 256 + i32::from(order) - i32::from(*byte) - borrow;
        borrow = i32::from(difference < 256);
        *byte = u8::try_from(difference % 256).expect("a byte");
    }
    Signature::from_compact(&compact).expect("a signature")
}

const NODE: KeysId = KeysId([0xff; 16]);
