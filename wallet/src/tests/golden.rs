//! Rows as they are on disk. A change here needs a new version byte.

use super::{World, restore, state};
use bitcoin::hashes::Hash;
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::{Amount, ScriptBuf};
use std::collections::BTreeSet;
use transactions::FeeratePerKw;

/// One row a line: birth, a payment to us, a payment of ours, its block, its end in a reorganisation.
fn rows() -> World {
    let mut world = World::new();
    world.give(100_000);
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let amount = Amount::from_sat(40_000);
    let rate = FeeratePerKw(500);
    let paid = world.wallet.send(script, amount, rate, amount, &BTreeSet::new()).unwrap();
    world.save();
    world.insert(&paid.transaction, 1_600_000_900);
    world.mine(std::slice::from_ref(&paid.transaction));
    world.mine_at(2, 1, &[]);
    world.wallet.forget(paid.transaction.compute_txid(), 1_600_001_000);
    world.save();
    world
}

#[test]
fn rows_are_the_golden_ones() {
    let world = rows();
    let written: Vec<String> = world.rows.iter().map(|row| row.to_lower_hex_string()).collect();
    let golden: Vec<&str> = include_str!("../../tests/golden/rows.hex").lines().collect();
    assert_eq!(written, golden);
    let read: Vec<Vec<u8>> = golden.iter().map(|row| Vec::from_hex(row).unwrap()).collect();
    assert_eq!(state(&restore(&read)), state(&world.wallet));
}

#[test]
fn the_folded_row_is_the_golden_one() {
    let world = rows();
    let folded = world.wallet.folded().to_lower_hex_string();
    assert_eq!(folded, include_str!("../../tests/golden/folded.hex").trim_end());
}
