//! What is found in a block, and for whom.
#![allow(clippy::arithmetic_side_effects, missing_docs, reason = "tests")]

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Block, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use chain::{Found, Match, Watch, Watches};
use proptest::prelude::*;

#[cfg(test)]
fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([number; 32]), vout: 0 }
}

#[cfg(test)]
fn script(number: u8) -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0x51, 0x02, 0, number])
}

#[cfg(test)]
fn transaction(spends: &[u8], pays: &[u8]) -> Transaction {
    let input = |number: &u8| TxIn {
        previous_output: outpoint(*number),
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let output = |number: &u8| TxOut {
        value: Amount::from_sat(u64::from(*number) * 1000),
        script_pubkey: script(*number),
    };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: spends.iter().map(input).collect(),
        output: pays.iter().map(output).collect(),
    }
}

#[cfg(test)]
fn block(txdata: Vec<Transaction>) -> Block {
    Block { txdata, ..genesis_block(Network::Regtest) }
}

#[test]
fn each_kind_is_found_in_order() {
    let txs = [transaction(&[1], &[1]), transaction(&[2, 3], &[2, 3]), transaction(&[4], &[3])];
    let txid = txs[1].compute_txid();
    let mut watches = Watches::new();
    watches.set(&"b", BTreeSet::from([Watch::Spent(outpoint(3)), Watch::Confirmed(txid)]));
    watches.set(&"a", BTreeSet::from([Watch::Paid(script(3)), Watch::Spent(outpoint(3))]));
    watches.set(&"c", BTreeSet::from([Watch::Spent(outpoint(9))]));
    let found = |key, tx_index: u32, found| {
        let txid = txs[tx_index as usize].compute_txid();
        Match { key, tx_index, txid, found }
    };
    let spent = Found::Spent { outpoint: outpoint(3), vin: 1 };
    let paid = |vout| Found::Paid { vout, value: Amount::from_sat(3000) };
    let expected = vec![
        found("a", 1, spent.clone()),
        found("b", 1, spent),
        found("b", 1, Found::Confirmed),
        found("a", 1, paid(1)),
        found("a", 2, paid(0)),
    ];
    assert_eq!(watches.find(&block(txs.to_vec())), expected);
    assert_eq!(watches.spenders_of(&outpoint(3)).collect::<Vec<_>>(), [&"a", &"b"]);
    assert_eq!(watches.owners().collect::<Vec<_>>(), [&"a", &"b", &"c"]);
    assert_eq!(watches.of(&"c").collect::<Vec<_>>(), [&Watch::Spent(outpoint(9))]);
}

#[test]
fn nothing_watched_is_nothing_found() {
    let mut watches = Watches::<u8>::default();
    let block = block(vec![transaction(&[1], &[1])]);
    assert!(watches.is_empty() && watches.find(&block).is_empty());
    watches.set(&1, BTreeSet::from([Watch::Spent(outpoint(1))]));
    assert_eq!(watches.find(&block).len(), 1);
    watches.set(&1, BTreeSet::new());
    assert!(watches.is_empty() && watches.find(&block).is_empty());
    assert_eq!(watches, Watches::new(), "nothing is left behind");
}

proptest! {
    /// Setting watches one after another leaves the same indexes as setting the last ones at once.
    #[test]
    fn differences_add_up(sets in prop::collection::vec((0..4_u8, prop::collection::btree_set(0..12_u8, 0..6)), 0..40)) {
        let watch = |number: &u8| match number % 3 {
            0 => Watch::Spent(outpoint(*number)),
            1 => Watch::Paid(script(*number)),
            _ => Watch::Confirmed(outpoint(*number).txid),
        };
        let mut by_steps = Watches::new();
        let mut last = std::collections::BTreeMap::new();
        for (key, numbers) in sets {
            let set: BTreeSet<Watch> = numbers.iter().map(watch).collect();
            by_steps.set(&key, set.clone());
            last.insert(key, set);
        }
        let mut at_once = Watches::new();
        for (key, set) in last {
            at_once.set(&key, set);
        }
        prop_assert_eq!(by_steps, at_once);
    }
}
