//! What following a large block costs beyond reading it.

use crate::clock::side_by_side;
use crate::table::{Row, millis};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, Transaction,
    TxIn, TxMerkleNode, TxOut, Txid, Witness,
};
use chain::{Watch, Watches};
use std::collections::BTreeSet;
use std::hint::black_box;
use wallet::{BlockId, Seed, Wallet};

/// A 4 MB block, in memory, read, given to the wallet and searched for 100,000 outputs and as many transactions.
pub fn run() {
    let first = BlockHash::all_zeros();
    let bytes = serialize(&block(first));
    let mut watches = Watches::new();
    for number in 0..WATCHED {
        let outpoint = OutPoint { txid: txid(number), vout: 0 };
        let watch = [Watch::Spent(outpoint), Watch::Confirmed(outpoint.txid)];
        watches.set(&number, BTreeSet::from(watch));
    }
    let seed = Seed::from_entropy([1; 32]);
    let birthday = BlockId { height: 0, hash: first };
    // A block is followed once: the wallets are made before the clock runs.
    let mut wallets: Vec<Wallet> =
        (0..ROUNDS).map(|_| Wallet::new(&seed, Network::Regtest, birthday)).collect();
    let [parse, it] = side_by_side(
        ROUNDS,
        1,
        [&mut || drop(black_box(deserialize::<Block>(&bytes).unwrap())), &mut || {
            let block: Block = deserialize(&bytes).unwrap();
            let mut wallet = wallets.pop().unwrap();
            wallet.apply_block(1, &block).unwrap();
            assert_eq!(watches.find(&block).len(), 0);
        }],
    );
    Row {
        work: "a 4 MB block against 100,000 watched channels",
        ours: millis(it),
        baseline: "parsing alone".to_owned(),
        theirs: millis(parse),
        ratio: Some(it / parse),
        goal: "at most 2",
        met: Some(it / parse <= 2.0),
    }
    .print();
}

/// Two inputs with the witness of a key, two outputs: what most payments are.
fn block(prev_blockhash: BlockHash) -> Block {
    let payment = |number: u32| Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: (0..2)
            .map(|vout| TxIn {
                previous_output: OutPoint { txid: txid(WATCHED + number), vout },
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::from_slice(&[vec![3; 72], vec![2; 33]]),
            })
            .collect(),
        output: (0..2)
            .map(|_| TxOut {
                value: Amount::from_sat(u64::from(number)),
                script_pubkey: ScriptBuf::from_bytes([&[0, 20][..], &[9; 20]].concat()),
            })
            .collect(),
    };
    let size = serialize(&payment(0)).len();
    let count = u32::try_from(4_000_000 / size).unwrap();
    let header = Header {
        version: Version::TWO,
        prev_blockhash,
        merkle_root: TxMerkleNode::all_zeros(),
        time: 1,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    Block { header, txdata: (0..count).map(payment).collect() }
}

/// Spread over the whole range, as ids are.
fn txid(number: u32) -> Txid {
    Txid::from_byte_array(
        bitcoin::hashes::sha256::Hash::hash(&number.to_be_bytes()).to_byte_array(),
    )
}

const WATCHED: u32 = 100_000;
const ROUNDS: usize = 9;
