//! Children that pay for their parents, and conflicts.

use super::World;
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TxOut, Txid};
use proptest::prelude::*;
use std::collections::BTreeSet;
use transactions::{ANCHOR_WITNESS_WEIGHT, BumpRequest, FeeratePerKw, Funded, Funds, FundsError};

fn sat(amount: u64) -> Amount {
    Amount::from_sat(amount)
}

fn none() -> BTreeSet<OutPoint> {
    BTreeSet::new()
}

fn anchor() -> (OutPoint, TxOut) {
    let outpoint = OutPoint { txid: Txid::from_byte_array([0xcc; 32]), vout: 2 };
    let script_pubkey = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    (outpoint, TxOut { value: sat(330), script_pubkey })
}

fn request(parent_fee: u64, feerate: u32) -> BumpRequest {
    let (anchor, anchor_output) = anchor();
    BumpRequest {
        anchor,
        anchor_output,
        anchor_witness_weight: ANCHOR_WITNESS_WEIGHT,
        parent_weight: 1_124,
        parent_fee: sat(parent_fee),
        feerate: FeeratePerKw(feerate),
        max_fee: sat(200_000),
        again: Vec::new(),
    }
}

fn world(amounts: &[u64]) -> World {
    let mut world = World::new();
    for amount in amounts {
        world.give(*amount);
    }
    let (outpoint, output) = anchor();
    world.outputs.insert(outpoint, output);
    world
}

fn check_child(world: &World, request: &BumpRequest, child: &Funded) {
    let transaction = &child.transaction;
    assert_eq!(transaction.version.0, 2);
    assert_eq!(transaction.input[0].previous_output, request.anchor);
    assert!(transaction.input[0].witness.is_empty());
    let inputs = transaction.input.iter();
    assert!(inputs.clone().all(|input| input.sequence == Sequence(0xffff_fffd)));
    assert_eq!(inputs.map(|input| input.previous_output).collect::<Vec<_>>(), child.coins);
    for index in 1..transaction.input.len() {
        world.check_signature(transaction, index);
    }
    assert_eq!(world.fee(transaction), child.fee);
    assert_eq!(transaction.output.len(), 1);
    assert!(world.wallet.owns(&transaction.output[0].script_pubkey));
    assert!(transaction.output[0].value >= sat(294));
    // The witness of the anchor is still to come; it replaces the byte that counts no items.
    let weight = transaction.weight().to_wu() - 1 + request.anchor_witness_weight;
    let both = request.feerate.fee_ceil(weight + request.parent_weight);
    let paid = child.fee + request.parent_fee;
    let least = FeeratePerKw(253).fee_ceil(weight);
    let enough = both.max(request.parent_fee + least);
    assert!(paid >= enough, "{paid} for {enough}");
    let above = paid - enough;
    assert!(above.to_sat() * 100 <= enough.to_sat() + 200, "{above} above {enough}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn parent_and_child_have_the_feerate(
        amounts in prop::collection::vec(300..80_000_u64, 1..8),
        parent_fee in 0..3_000_u64,
        feerate in 253..30_000_u32,
    ) {
        let mut world = world(&amounts);
        let request = request(parent_fee, feerate);
        let all: u64 = amounts.iter().sum();
        match world.wallet.bump(&request, &none()) {
            Ok(child) => check_child(&world, &request, &child),
            Err(FundsError::Insufficient { have, need }) => {
                prop_assert!(have < need && have <= sat(all + 330));
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn the_coin_of_a_child_that_is_replaced_is_spent_again() {
    let mut world = world(&[100_000]);
    let first = world.wallet.bump(&request(500, 2_000), &none()).unwrap();
    world.wallet.insert_own(&first.transaction, 0);
    let better = request(500, 3_000);
    assert!(world.wallet.bump(&better, &none()).is_err(), "there is no other coin");
    let again = first.coins[1..].to_vec();
    let child = world.wallet.bump(&BumpRequest { again, ..better.clone() }, &none()).unwrap();
    check_child(&world, &better, &child);
    assert_eq!(child.coins, first.coins);
}

#[test]
fn the_smallest_coin_that_suffices_is_spent() {
    let mut world = world(&[900, 5_000, 100_000]);
    let child = world.wallet.bump(&request(500, 2_000), &none()).unwrap();
    assert_eq!(world.value(&child.coins[1]), sat(5_000));
    assert_eq!(child.coins.len(), 2);
    let leased = BTreeSet::from([child.coins[1]]);
    let child = world.wallet.bump(&request(500, 2_000), &leased).unwrap();
    assert_eq!(world.value(&child.coins[1]), sat(100_000));
    let limited = BumpRequest { max_fee: child.fee - sat(1), ..request(500, 2_000) };
    let expected = FundsError::FeeExceedsLimit { fee: child.fee, limit: child.fee - sat(1) };
    assert_eq!(world.wallet.bump(&limited, &leased), Err(expected));
}

#[test]
fn a_second_bump_pays_to_the_same_address() {
    let mut world = world(&[20_000]);
    let first = world.wallet.bump(&request(500, 2_000), &none()).unwrap();
    let second = world.wallet.bump(&request(500, 4_000), &none()).unwrap();
    assert!(second.fee > first.fee);
    let script = |child: &Funded| child.transaction.output[0].script_pubkey.clone();
    assert_eq!(script(&first), script(&second));
}

#[test]
fn without_coins_a_bump_waits_or_fails() {
    let mut world = world(&[20_000]);
    let coin = world.wallet.coins().next().unwrap().outpoint;
    let refused = world.wallet.bump(&request(500, 2_000), &BTreeSet::from([coin]));
    assert!(
        matches!(refused, Err(FundsError::Busy { have: Amount::ZERO, .. })) || {
            matches!(refused, Err(FundsError::Busy { have, .. }) if have == sat(330))
        }
    );
    let refused = world.wallet.bump(&request(500, 30_000), &none());
    assert!(matches!(refused, Err(FundsError::Insufficient { .. })));
}

#[test]
fn change_pays_for_its_parent() {
    let mut world = World::new();
    world.give(100_000);
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let rate = FeeratePerKw(253);
    let parent = world.wallet.send(script, sat(40_000), rate, sat(5_000), &none()).unwrap();
    let early = world.wallet.bump_change(&parent.transaction, None, rate, sat(5_000), &none());
    assert!(matches!(early, Err(FundsError::CoinNotAvailable(_))));
    world.insert(&parent.transaction, 1_000);
    let rate = FeeratePerKw(5_000);
    let child =
        world.wallet.bump_change(&parent.transaction, None, rate, sat(9_000), &none()).unwrap();
    assert_eq!(child.transaction.input.len(), 1);
    world.check_signature(&child.transaction, 0);
    assert_eq!(world.fee(&child.transaction), child.fee);
    let weight = (child.transaction.weight() + parent.transaction.weight()).to_wu();
    let both = child.fee + parent.fee;
    let wanted = rate.fee_ceil(weight);
    assert!(both >= wanted && both <= wanted + wanted / 100);
    world.insert(&child.transaction, 1_001);
    // Again, at no higher feerate: it still has to outbid the first one.
    let replaced = Some(&child.transaction);
    let better =
        world.wallet.bump_change(&parent.transaction, replaced, rate, sat(9_000), &none()).unwrap();
    assert_eq!(better.coins, child.coins);
    let least = FeeratePerKw(250).fee_ceil(better.transaction.weight().to_wu());
    assert!(better.fee >= child.fee + least);
    world.check_signature(&better.transaction, 0);
    world.insert(&better.transaction, 1_002);
    world.mine(&[parent.transaction.clone(), better.transaction.clone()]);
    let left = sat(60_000) - parent.fee - better.fee;
    assert_eq!(world.wallet.balance(&none()).confirmed, left);
}

#[test]
fn a_conflict_takes_everything_back() {
    let mut world = World::new();
    world.give(50_000);
    world.give(40_000);
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let rate = FeeratePerKw(2_000);
    let open = world.wallet.send(script, sat(70_000), rate, sat(5_000), &none()).unwrap();
    world.insert(&open.transaction, 1_000);
    let low = FeeratePerKw(253);
    let tx = &open.transaction;
    let conflict = world.wallet.cancel(tx, &[tx], sat(0), low, sat(5_000)).unwrap();
    assert_eq!(conflict.coins, open.coins);
    for index in 0..2 {
        world.check_signature(&conflict.transaction, index);
    }
    // BIP 125: a higher fee, by what its own weight costs, and a higher feerate.
    let weight = conflict.transaction.weight().to_wu();
    assert!(conflict.fee >= open.fee + FeeratePerKw(250).fee_ceil(weight));
    assert!(weight < open.transaction.weight().to_wu());
    assert_eq!(world.fee(&conflict.transaction), conflict.fee);
    let foreign = world.foreign(ScriptBuf::new(), 1);
    let refused = world.wallet.cancel(&foreign, &[], sat(0), low, sat(5_000));
    let expected = FundsError::CoinNotAvailable(foreign.input[0].previous_output);
    assert_eq!(refused, Err(expected));
    let limit = conflict.fee - sat(1);
    let refused = world.wallet.cancel(tx, &[tx], sat(0), low, limit);
    assert_eq!(refused, Err(FundsError::FeeExceedsLimit { fee: conflict.fee, limit }));
    // Where its change has a child, that one's fee has to be outbid too.
    let child = world.wallet.bump_change(tx, None, FeeratePerKw(6_000), sat(9_000), &none());
    let child = child.unwrap();
    world.insert(&child.transaction, 1_001);
    let conflict =
        world.wallet.cancel(tx, &[tx, &child.transaction], sat(7), low, sat(9_000)).unwrap();
    assert_eq!(conflict.fee, open.fee + child.fee + sat(7) + FeeratePerKw(250).fee_ceil(weight));
    world.insert(&conflict.transaction, 1_002);
    assert_eq!(world.wallet.unconfirmed(), [conflict.transaction]);
}
