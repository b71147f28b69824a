//! Tests over a chain that is made up block by block.

mod follow;
mod golden;
mod histories;
mod keys;
mod payment;
mod payment_errors;
mod recovery;
mod replacement;
mod seed_file;

use crate::{BlockId, Seed, Wallet};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::sighash::SighashCache;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, EcdsaSighashType, Network, OutPoint, ScriptBuf,
    Transaction, TxIn, TxMerkleNode, TxOut, Txid, Witness, transaction,
};
use secp256k1::{Message, PublicKey, SECP256K1};
use std::collections::BTreeMap;

/// A wallet, the chain that it follows, and the rows that were written for it.
pub(crate) struct World {
    pub(crate) wallet: Wallet,
    pub(crate) chain: Vec<Block>,
    pub(crate) rows: Vec<Vec<u8>>,
    pub(crate) outputs: BTreeMap<OutPoint, TxOut>,
    paid: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let genesis = bitcoin::constants::genesis_block(Network::Regtest);
        let birthday = BlockId { height: 0, hash: genesis.block_hash() };
        let wallet = Wallet::new(&seed(), Network::Regtest, birthday);
        let outputs = BTreeMap::new();
        let mut world = Self { wallet, chain: vec![genesis], rows: Vec::new(), outputs, paid: 0 };
        world.save();
        world
    }

    pub(crate) fn height(&self) -> u32 {
        self.chain.len() as u32 - 1
    }

    /// A block on top.
    pub(crate) fn mine(&mut self, transactions: &[Transaction]) {
        let height = self.height() + 1;
        self.mine_at(height, 0, transactions);
    }

    /// A block at a height, which replaces those from there on; `branch` makes it another one.
    pub(crate) fn mine_at(&mut self, height: u32, branch: u32, transactions: &[Transaction]) {
        self.chain.truncate(height as usize);
        let before = self.chain[height as usize - 1].block_hash();
        let block = block(before, height, branch, transactions);
        for transaction in transactions {
            self.know(transaction);
        }
        self.wallet.apply_block(height, &block).unwrap();
        self.chain.push(block);
        self.save();
    }

    /// Somebody pays us, in a block.
    pub(crate) fn give(&mut self, amount: u64) -> OutPoint {
        let script = self.wallet.fresh_address().script_pubkey();
        let transaction = self.foreign(script, amount);
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
        self.mine(&[transaction]);
        outpoint
    }

    /// Somebody's transaction to a script.
    pub(crate) fn foreign(&mut self, script: ScriptBuf, amount: u64) -> Transaction {
        self.paid += 1;
        let txid = Txid::from_byte_array([0xee; 32]);
        let input = TxIn {
            previous_output: OutPoint { txid, vout: self.paid },
            witness: Witness::from_slice(&[[0; 71]]),
            ..TxIn::default()
        };
        let output = TxOut { value: Amount::from_sat(amount), script_pubkey: script };
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![output],
        }
    }

    /// A transaction of ours, at the commit before its broadcast.
    pub(crate) fn insert(&mut self, transaction: &Transaction, seconds: u64) {
        self.know(transaction);
        self.wallet.insert_own(transaction, seconds);
        self.save();
    }

    fn know(&mut self, transaction: &Transaction) {
        let txid = transaction.compute_txid();
        for (vout, output) in (0..).zip(&transaction.output) {
            self.outputs.insert(OutPoint { txid, vout }, output.clone());
        }
    }

    pub(crate) fn save(&mut self) {
        self.rows.extend(self.wallet.take_changes());
    }

    /// The wallet after a crash.
    pub(crate) fn restored(&self) -> Wallet {
        restore(&self.rows)
    }

    pub(crate) fn value(&self, outpoint: &OutPoint) -> Amount {
        self.outputs[outpoint].value
    }

    /// Fee of a transaction whose inputs are known; panics if it pays more than it has.
    pub(crate) fn fee(&self, transaction: &Transaction) -> Amount {
        let inputs: Amount =
            transaction.input.iter().map(|input| self.value(&input.previous_output)).sum();
        let outputs: Amount = transaction.output.iter().map(|output| output.value).sum();
        inputs.checked_sub(outputs).unwrap()
    }

    /// Checks that an input is signed as the network wants it.
    pub(crate) fn check_signature(&self, transaction: &Transaction, index: usize) {
        let input = &transaction.input[index];
        let output = &self.outputs[&input.previous_output];
        let [signature, key] = [0, 1].map(|at| input.witness.nth(at).unwrap());
        assert_eq!(input.witness.len(), 2);
        assert!(signature.len() <= 71, "a signature of {} bytes", signature.len());
        let key = PublicKey::from_slice(key).unwrap();
        let hash = bitcoin::CompressedPublicKey(key).wpubkey_hash();
        assert_eq!(output.script_pubkey, ScriptBuf::new_p2wpkh(&hash));
        let sighash = SighashCache::new(transaction)
            .p2wpkh_signature_hash(
                index,
                &output.script_pubkey,
                output.value,
                EcdsaSighashType::All,
            )
            .unwrap();
        let signature = bitcoin::ecdsa::Signature::from_slice(signature).unwrap();
        assert_eq!(signature.sighash_type, EcdsaSighashType::All);
        let message = Message::from_digest(sighash.to_byte_array());
        // Refuses a high S.
        SECP256K1.verify_ecdsa(&message, &signature.signature, &key).unwrap();
    }
}

pub(crate) fn seed() -> Seed {
    Seed::from_entropy([7; 32])
}

pub(crate) fn restore(rows: &[Vec<u8>]) -> Wallet {
    Wallet::restore(&seed(), Network::Regtest, rows.iter().map(Vec::as_slice)).unwrap()
}

/// Everything that can be asked of a wallet.
pub(crate) fn state(wallet: &Wallet) -> (Vec<crate::Coin>, (u32, BlockHash), Vec<u8>) {
    (wallet.coins().cloned().collect(), wallet.tip(), wallet.folded())
}

pub(crate) fn block(
    before: BlockHash,
    height: u32,
    branch: u32,
    transactions: &[Transaction],
) -> Block {
    let header = Header {
        version: Version::TWO,
        prev_blockhash: before,
        merkle_root: TxMerkleNode::all_zeros(),
        time: 1_600_000_000 + height * 600,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: branch,
    };
    let mut txdata = vec![coinbase(height, branch, ScriptBuf::new())];
    txdata.extend_from_slice(transactions);
    Block { header, txdata }
}

pub(crate) fn coinbase(height: u32, branch: u32, to: ScriptBuf) -> Transaction {
    let script_sig = bitcoin::script::Builder::new()
        .push_int(i64::from(height))
        .push_int(i64::from(branch))
        .into_script();
    let input = TxIn { previous_output: OutPoint::null(), script_sig, ..TxIn::default() };
    let output = TxOut { value: Amount::from_sat(5_000_000_000), script_pubkey: to };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    }
}
