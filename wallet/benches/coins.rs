//! What a wallet of 10,000 coins costs, as a ratio to one of 10.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a benchmark ends at the first surprise, and looks at the clock"
)]

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Transaction, TxIn,
    TxMerkleNode, TxOut, Txid, transaction,
};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use transactions::{FeeratePerKw, FundRequest, Funds};
use wallet::{BlockId, Seed, Wallet};

fn main() {
    println!("{:<46} {:>12} {:>12} {:>8}", "work", "it", "baseline", "ratio");
    let [few, many] = [10, 10_000].map(measure);
    for ((what, it), (_, baseline)) in many.iter().zip(&few) {
        let ratio = it.as_secs_f64() / baseline.as_secs_f64();
        println!("{what:<46} {it:>12.1?} {baseline:>12.1?} {ratio:>8.2}");
    }
}

fn measure(coins: u32) -> Vec<(&'static str, Duration)> {
    let mut wallet = filled(coins);
    let mut height = 1;
    let (nothing, request) = (BTreeSet::new(), request());
    let funded = wallet.fund(&request, &nothing).unwrap().transaction;
    let fund = timed(|| wallet.fund(&request, &nothing).unwrap());
    let mut seconds = 1_000;
    let insert = fastest(|| {
        seconds += 1;
        let before = wallet.fund(&request, &nothing).unwrap().transaction;
        let start = Instant::now();
        wallet.insert_own(&before, seconds);
        let inserted = start.elapsed();
        wallet.forget(before.compute_txid(), seconds);
        inserted
    });
    let forget = fastest(|| {
        wallet.insert_own(&funded, seconds);
        let start = Instant::now();
        wallet.forget(funded.compute_txid(), seconds);
        start.elapsed()
    });
    let empty = timed(|| {
        height += 1;
        wallet.apply_block(height, &block(wallet.tip().1, height, Vec::new())).unwrap();
    });
    let balance = timed(|| wallet.balance(&nothing));
    let row = wallet.folded();
    let restore = timed(|| Wallet::restore(&seed(), Network::Regtest, [row.as_slice()]).unwrap());
    vec![
        ("fund and sign", fund),
        ("insert a transaction", insert),
        ("forget a transaction", forget),
        ("follow a block without ours", empty),
        ("balance", balance),
        ("restore", restore),
    ]
}

fn filled(coins: u32) -> Wallet {
    let genesis = bitcoin::constants::genesis_block(Network::Regtest).block_hash();
    let birthday = BlockId { height: 0, hash: genesis };
    let mut wallet = Wallet::new(&seed(), Network::Regtest, birthday);
    let scripts: Vec<_> = (0..100).map(|_| wallet.fresh_address().script_pubkey()).collect();
    let payment = |number: u32| {
        let txid = Txid::from_byte_array([0xee; 32]);
        let previous_output = OutPoint { txid, vout: number };
        let value = Amount::from_sat(u64::from(10_000 + number));
        let script_pubkey = scripts[number as usize % scripts.len()].clone();
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output, ..TxIn::default() }],
            output: vec![TxOut { value, script_pubkey }],
        }
    };
    let payments = (0..coins).map(payment).collect();
    wallet.apply_block(1, &block(genesis, 1, payments)).unwrap();
    wallet
}

fn request() -> FundRequest {
    let script_pubkey = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    FundRequest {
        output: TxOut { value: Amount::from_sat(25_000), script_pubkey },
        feerate: FeeratePerKw(1_000),
        max_fee: Amount::from_sat(10_000),
        coins: Vec::new(),
        reserve: Amount::ZERO,
        prefer: Vec::new(),
    }
}

fn block(before: BlockHash, height: u32, txdata: Vec<Transaction>) -> Block {
    let header = Header {
        version: Version::TWO,
        prev_blockhash: before,
        merkle_root: TxMerkleNode::all_zeros(),
        time: 1_600_000_000 + height,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    Block { header, txdata }
}

fn seed() -> Seed {
    Seed::from_entropy([7; 32])
}

fn fastest(f: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(f).take(10).min().unwrap()
}

fn timed<T>(mut f: impl FnMut() -> T) -> Duration {
    fastest(|| {
        let start = Instant::now();
        let _ = std::hint::black_box(f());
        start.elapsed()
    })
}
