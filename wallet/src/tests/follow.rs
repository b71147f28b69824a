//! The wallet follows the chain and its own transactions, and a crash changes nothing.

use super::{World, block, coinbase, restore, seed, state};
use crate::{BlockId, Wallet, WalletError};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, BlockHash, Network};
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Funds};

fn none() -> BTreeSet<bitcoin::OutPoint> {
    BTreeSet::new()
}

#[test]
fn a_payment_is_a_coin_from_its_block_on() {
    let mut world = World::new();
    let outpoint = world.give(70_000);
    let coins: Vec<_> = world.wallet.coins().collect();
    assert_eq!(coins.len(), 1);
    assert_eq!(coins[0].outpoint, outpoint);
    assert_eq!(coins[0].height, Some(1));
    assert!(coins[0].is_spendable(1));
    assert_eq!(world.wallet.balance(&none()).confirmed, Amount::from_sat(70_000));
    let leased = world.wallet.balance(&BTreeSet::from([outpoint]));
    assert_eq!((leased.confirmed, leased.leased), (Amount::ZERO, Amount::from_sat(70_000)));
}

#[test]
fn every_row_restores_to_what_it_was_written_for() {
    let mut world = World::new();
    let mut states = vec![(world.rows.len(), state(&world.wallet))];
    let mut note = |world: &World| states.push((world.rows.len(), state(&world.wallet)));
    world.give(100_000);
    note(&world);
    world.give(50_000);
    note(&world);
    let script = world.wallet.fresh_script();
    world.save();
    let feerate = FeeratePerKw(500);
    let amount = Amount::from_sat(60_000);
    let paid = world.wallet.send(script, amount, feerate, amount, &none()).unwrap();
    world.save();
    note(&world);
    world.insert(&paid.transaction, 1_000);
    note(&world);
    world.mine(std::slice::from_ref(&paid.transaction));
    note(&world);
    world.mine_at(2, 1, &[]);
    note(&world);
    world.wallet.forget(paid.transaction.compute_txid(), 2_000);
    world.save();
    note(&world);
    world.mine(&[paid.transaction]);
    note(&world);
    for (rows, (coins, tip, folded)) in states {
        let restored = restore(&world.rows[..rows]);
        assert_eq!(state(&restored), (coins, tip, folded.clone()));
        // One folded row is as good as all of them.
        let again = restore(std::slice::from_ref(&folded));
        assert_eq!(state(&again), state(&restored));
        assert_eq!(restored.folded(), folded);
    }
}

#[test]
fn nothing_new_is_no_row() {
    let mut world = World::new();
    assert_eq!(world.wallet.take_changes(), None);
    assert_eq!(world.restored().take_changes(), None);
    world.give(1_000);
    assert_eq!(world.wallet.take_changes(), None);
}

#[test]
fn own_change_is_a_coin_once_it_confirms() {
    let mut world = World::new();
    let outpoint = world.give(100_000);
    let script = bitcoin::ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let amount = Amount::from_sat(40_000);
    let paid = world.wallet.send(script, amount, FeeratePerKw(500), amount, &none()).unwrap();
    assert_eq!(paid.coins, [outpoint]);
    // Until it is inserted, it is a lease that keeps the coin from being spent twice.
    assert_eq!(world.wallet.coins().count(), 1);
    world.insert(&paid.transaction, 1_000);
    let balance = world.wallet.balance(&none());
    assert_eq!(balance.confirmed, Amount::ZERO);
    assert_eq!(balance.unconfirmed, Amount::from_sat(60_000) - paid.fee);
    let change = world.wallet.coins().next().unwrap();
    assert!(change.is_unconfirmed() && !change.is_spendable(world.height()));
    world.mine(std::slice::from_ref(&paid.transaction));
    assert_eq!(world.wallet.balance(&none()).confirmed, Amount::from_sat(60_000) - paid.fee);
    // A reorganisation takes it away again: the transaction is unconfirmed once more.
    world.mine_at(world.height(), 1, &[]);
    let balance = world.wallet.balance(&none());
    assert_eq!(balance.unconfirmed, Amount::from_sat(60_000) - paid.fee);
    assert_eq!(balance.confirmed, Amount::ZERO);
    // And a dead open gives the coin back.
    world.wallet.forget(paid.transaction.compute_txid(), 1_000);
    let coins: Vec<_> = world.wallet.coins().map(|coin| coin.outpoint).collect();
    assert_eq!(coins, [outpoint]);
    // It may be broadcast again later.
    assert!(world.wallet.unconfirmed().is_empty());
    world.insert(&paid.transaction, 1_000);
    assert_eq!(world.wallet.balance(&none()).confirmed, Amount::ZERO);
    assert_eq!(world.wallet.unconfirmed(), [paid.transaction]);
}

#[test]
fn a_conflict_in_a_block_wins() {
    let mut world = World::new();
    world.give(100_000);
    let script = bitcoin::ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let amount = Amount::from_sat(40_000);
    let rate = FeeratePerKw(500);
    let first = world.wallet.send(script, amount, rate, amount, &none()).unwrap();
    world.insert(&first.transaction, 1_000);
    let second = world
        .wallet
        .cancel(&first.transaction, &[], Amount::ZERO, FeeratePerKw(1_000), amount)
        .unwrap();
    // In the same second, or with a clock that went back.
    world.insert(&second.transaction, 900);
    assert_eq!(world.wallet.unconfirmed(), std::slice::from_ref(&second.transaction));
    world.mine(std::slice::from_ref(&second.transaction));
    let balance = world.wallet.balance(&none());
    assert_eq!(balance.confirmed, Amount::from_sat(100_000) - second.fee);
    assert_eq!(balance.unconfirmed, Amount::ZERO);
    assert_eq!(state(&world.restored()), state(&world.wallet));
}

#[test]
fn coinbase_outputs_wait_for_100_blocks() {
    let mut world = World::new();
    let script = world.wallet.fresh_script();
    let before = world.chain[0].block_hash();
    let mut first = block(before, 1, 0, &[]);
    first.txdata = vec![coinbase(1, 0, script)];
    world.wallet.apply_block(1, &first).unwrap();
    world.chain.push(first);
    let value = Amount::from_sat(5_000_000_000);
    for height in 1..=99 {
        assert_eq!(world.wallet.balance(&none()).immature, value, "at {height}");
        world.mine(&[]);
    }
    // At height 100 the next block is the first that may spend it.
    assert_eq!(world.wallet.balance(&none()).confirmed, value);
    // Without its block it is nothing.
    let other = block(before, 1, 1, &[]);
    world.wallet.apply_block(1, &other).unwrap();
    assert_eq!(world.wallet.coins().count(), 0);
    assert!(world.wallet.unconfirmed().is_empty());
}

#[test]
fn a_payment_to_us_outlives_its_block() {
    let mut world = World::new();
    let outpoint = world.give(70_000);
    let payment = world.chain[1].txdata[1].clone();
    world.mine_at(1, 1, &[]);
    assert_eq!(world.wallet.balance(&none()).unconfirmed, Amount::from_sat(70_000));
    assert_eq!(world.wallet.unconfirmed(), [payment]);
    assert_eq!(world.wallet.coins().next().unwrap().outpoint, outpoint);
}

#[test]
fn a_reorganisation_across_the_birthday() {
    let genesis = bitcoin::constants::genesis_block(Network::Regtest).block_hash();
    let hash = |byte| BlockHash::from_byte_array([byte; 32]);
    for depth in 0..3_u32 {
        let birthday = BlockId { height: 500, hash: hash(1) };
        let mut wallet = Wallet::new(&seed(), Network::Regtest, birthday);
        let mut rows: Vec<Vec<u8>> = wallet.take_changes().into_iter().collect();
        let next = block(hash(1), 501, 0, &[]);
        wallet.apply_block(501, &next).unwrap();
        let other = block(hash(2), 500 - depth, 1, &[]);
        wallet.apply_block(500 - depth, &other).unwrap();
        assert_eq!(wallet.tip(), (500 - depth, other.block_hash()));
        let script = wallet.fresh_script();
        let mut world = World::new();
        let paid = world.foreign(script, 9_000);
        let next = block(other.block_hash(), 501 - depth, 1, &[paid]);
        wallet.apply_block(501 - depth, &next).unwrap();
        assert_eq!(wallet.balance(&none()).confirmed, Amount::from_sat(9_000));
        rows.extend(wallet.take_changes());
        assert_eq!(state(&restore(&rows)), state(&wallet));
        assert_ne!(wallet.tip().1, genesis);
    }
}

#[test]
fn a_reorganisation_down_to_the_first_block() {
    let genesis = bitcoin::constants::genesis_block(Network::Regtest).block_hash();
    let birthday = BlockId { height: 2, hash: BlockHash::from_byte_array([1; 32]) };
    let mut wallet = Wallet::new(&seed(), Network::Regtest, birthday);
    let stranger = block(BlockHash::from_byte_array([3; 32]), 1, 1, &[]);
    assert!(wallet.apply_block(1, &stranger).is_err());
    let other = block(genesis, 1, 1, &[]);
    wallet.apply_block(1, &other).unwrap();
    assert_eq!(wallet.tip(), (1, other.block_hash()));
    let rows: Vec<Vec<u8>> = wallet.take_changes().into_iter().collect();
    assert_eq!(state(&restore(&rows)), state(&wallet));
}

#[test]
fn a_block_that_does_not_connect_is_refused_and_changes_nothing() {
    let mut world = World::new();
    world.give(1_000);
    world.mine(&[]);
    let before = state(&world.wallet);
    let stranger = block(BlockHash::from_byte_array([9; 32]), 3, 0, &[]);
    let error = world.wallet.apply_block(3, &stranger).unwrap_err();
    assert_eq!(error, WalletError::Disconnected { height: 3, tip: 2 });
    let far = block(world.chain[2].block_hash(), 9, 0, &[]);
    assert!(world.wallet.apply_block(9, &far).is_err());
    assert_eq!(state(&world.wallet), before);
    assert_eq!(world.wallet.take_changes(), None);
}

#[test]
fn rows_of_another_wallet_are_refused() {
    let mut world = World::new();
    world.give(1_000);
    let rows = || world.rows.iter().map(Vec::as_slice);
    let other = crate::Seed::from_entropy([8; 32]);
    let restored = Wallet::restore(&other, Network::Regtest, rows());
    assert_eq!(restored.err(), Some(WalletError::OtherSeed));
    let restored = Wallet::restore(&seed(), Network::Signet, rows());
    assert_eq!(restored.err(), Some(WalletError::OtherNetwork));
    let none = Wallet::restore(&seed(), Network::Regtest, []);
    assert_eq!(none.err(), Some(WalletError::Corrupt));
}

#[test]
fn a_damaged_row_is_refused() {
    let mut world = World::new();
    world.give(1_000);
    for row in &world.rows {
        for cut in 0..row.len() {
            assert_eq!(crate::record::decode(&row[..cut]), None, "cut at {cut}");
        }
        let mut longer = row.clone();
        longer.push(0);
        assert_eq!(crate::record::decode(&longer), None);
        let mut newer = row.clone();
        newer[0] = 2;
        assert_eq!(crate::record::decode(&newer), None);
    }
}

#[test]
fn folding_keeps_what_is_needed_of_a_long_chain() {
    let mut world = World::new();
    let outpoint = world.give(1_000);
    for _ in 0..2_500 {
        world.mine(&[]);
    }
    let folded = world.wallet.folded();
    let length = crate::record::decode(&folded).unwrap().local_chain.blocks.len();
    assert_eq!(length, 2_300 + 1 + 2);
    let mut restored = restore(&[folded]);
    assert_eq!(restored.coins().next().unwrap().outpoint, outpoint);
    assert_eq!(restored.coins().next().unwrap().height, Some(1));
    assert_eq!(restored.tip(), world.wallet.tip());
    let fork = world.height() - 2_000;
    let other = block(world.chain[fork as usize - 1].block_hash(), fork, 1, &[]);
    restored.apply_block(fork, &other).unwrap();
    assert!(restored.balance(&none()).confirmed > Amount::ZERO);
    assert_eq!(restored.tip(), (fork, other.block_hash()));
    assert_eq!(restored.coins().next().unwrap().height, Some(1));
    // Between the first coin's block and those that were kept nothing is known to build on.
    let other = block(world.chain[99].block_hash(), 100, 1, &[]);
    let error = WalletError::Disconnected { height: 100, tip: fork };
    assert_eq!(restored.apply_block(100, &other), Err(error));
    let other = block(world.chain[1].block_hash(), 2, 1, &[]);
    restored.apply_block(2, &other).unwrap();
    assert_eq!(restored.tip(), (2, other.block_hash()));
}

#[test]
fn what_builds_on_a_transaction_that_lost_its_coins_has_lost_them_too() {
    let mut world = World::new();
    world.give(100_000);
    let send = |world: &mut World, feerate: u32| {
        let script = world.wallet.fresh_script();
        let (amount, feerate) = (Amount::from_sat(60_000), FeeratePerKw(feerate));
        world.wallet.send(script, amount, feerate, amount, &none()).unwrap().transaction
    };
    let first = send(&mut world, 500);
    let other = send(&mut world, 900);
    world.insert(&first, 1_000);
    world.mine(std::slice::from_ref(&first));
    let second = send(&mut world, 500);
    world.insert(&second, 2_000);
    // The wallet itself spends nothing that may never confirm: somebody's child of it, as of a stuck open's change.
    let third = bitcoin::Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![bitcoin::TxIn {
            previous_output: bitcoin::OutPoint::new(second.compute_txid(), 0),
            ..bitcoin::TxIn::default()
        }],
        output: Vec::new(),
    };
    assert!(world.wallet.conflict_of(&second).is_none());
    // The block is another one now.
    world.mine_at(2, 1, &[]);
    assert!(world.wallet.conflict_of(&second).is_none(), "both can come back");
    world.mine(std::slice::from_ref(&other));
    let conflict = Some((other.compute_txid(), 3));
    for lost in [&first, &second, &third] {
        assert_eq!(world.wallet.conflict_of(lost), conflict);
    }
    assert_eq!(restore(&world.rows).conflict_of(&second), conflict);
    assert!(world.wallet.conflict_of(&other).is_none());
    world.mine_at(3, 1, &[]);
    assert!(world.wallet.conflict_of(&second).is_none());
}
