//! Refusals with their exact numbers, and the order of preferences.

use super::World;
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, Txid};
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, FundRequest, Funds, FundsError};

fn sat(amount: u64) -> Amount {
    Amount::from_sat(amount)
}

/// To a P2WSH, at 1000 sat/kw: with one input 439 weight units, with change 563.
fn request(amount: u64) -> FundRequest {
    let script_pubkey = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    FundRequest {
        output: TxOut { value: sat(amount), script_pubkey },
        feerate: FeeratePerKw(1_000),
        max_fee: sat(5_000),
        coins: Vec::new(),
        reserve: Amount::ZERO,
        prefer: Vec::new(),
    }
}

fn none() -> BTreeSet<OutPoint> {
    BTreeSet::new()
}

#[test]
fn fees_are_exact() {
    let mut world = World::new();
    world.give(100_000);
    let funded = world.wallet.fund(&request(50_000), &none()).unwrap();
    assert_eq!(funded.fee, sat(609));
    let funded = world.wallet.fund(&request(100_000 - 485), &none()).unwrap();
    assert_eq!(funded.fee, sat(485));
    assert_eq!(funded.transaction.output.len(), 1);
}

#[test]
fn one_satoshi_is_missing() {
    let mut world = World::new();
    world.give(100_000);
    let refused = world.wallet.fund(&request(100_000 - 484), &none());
    let expected = FundsError::Insufficient { have: sat(100_000), need: sat(100_001) };
    assert_eq!(refused, Err(expected));
    assert_eq!(
        world.wallet.fund(&request(21_000_000 * 100_000_000), &none()),
        Err(FundsError::Insufficient { have: sat(100_000), need: sat(2_100_000_000_000_485) })
    );
    assert!(world.wallet.fund(&request(u64::MAX), &none()).is_err());
}

#[test]
fn an_empty_wallet_has_nothing() {
    let mut world = World::new();
    let refused = world.wallet.fund(&request(50_000), &none());
    // Without a coin there is no input to pay for.
    let expected = FundsError::Insufficient { have: sat(0), need: sat(50_214) };
    assert_eq!(refused, Err(expected));
}

#[test]
fn leased_and_unconfirmed_coins_make_it_busy() {
    let mut world = World::new();
    let first = world.give(100_000);
    let leased = BTreeSet::from([first]);
    let busy = FundsError::Busy { have: sat(0), need: sat(50_214) };
    assert_eq!(world.wallet.fund(&request(50_000), &leased), Err(busy.clone()));
    let funded = world.wallet.fund(&request(20_000), &none()).unwrap();
    world.insert(&funded.transaction, 1_000);
    assert_eq!(world.wallet.fund(&request(50_000), &none()), Err(busy));
    world.mine(&[funded.transaction]);
    assert!(world.wallet.fund(&request(50_000), &none()).is_ok());
}

#[test]
fn the_reserve_stays() {
    let mut world = World::new();
    world.give(100_000);
    let with_reserve = |reserve| FundRequest { reserve: sat(reserve), ..request(80_000) };
    let funded = world.wallet.fund(&with_reserve(100_000 - 80_000 - 609), &none());
    assert!(funded.is_ok());
    let refused = world.wallet.fund(&with_reserve(100_000 - 80_000 - 608), &none());
    let expected = FundsError::Insufficient { have: sat(100_000), need: sat(100_001) };
    assert_eq!(refused, Err(expected));
    // Another coin that stays counts as well.
    world.give(30_000);
    assert!(world.wallet.fund(&with_reserve(30_000), &none()).is_ok());
}

#[test]
fn the_fee_has_a_limit() {
    let mut world = World::new();
    world.give(100_000);
    let limited = FundRequest { max_fee: sat(608), ..request(50_000) };
    let refused = world.wallet.fund(&limited, &none());
    assert_eq!(refused, Err(FundsError::FeeExceedsLimit { fee: sat(609), limit: sat(608) }));
    // Change below dust goes to the fee, but not beyond the limit.
    let dusty = FundRequest { max_fee: sat(700), ..request(100_000 - 900) };
    let refused = world.wallet.fund(&dusty, &none());
    assert_eq!(refused, Err(FundsError::FeeExceedsLimit { fee: sat(900), limit: sat(700) }));
    let dusty = FundRequest { max_fee: sat(900), ..request(100_000 - 900) };
    assert_eq!(world.wallet.fund(&dusty, &none()).unwrap().fee, sat(900));
    // A second coin makes change possible, where it costs less than the limit.
    world.give(40_000);
    let dusty = FundRequest { max_fee: sat(899), ..request(100_000 - 900) };
    let funded = world.wallet.fund(&dusty, &none()).unwrap();
    assert_eq!((funded.coins.len(), funded.fee), (2, sat(880)));
}

#[test]
fn named_coins_are_used_and_no_others() {
    let mut world = World::new();
    let [first, second, _third] = [60_000, 50_000, 500_000].map(|amount| world.give(amount));
    let named = FundRequest { coins: vec![first, second, first], ..request(55_000) };
    let funded = world.wallet.fund(&named, &none()).unwrap();
    assert_eq!(BTreeSet::from_iter(funded.coins), BTreeSet::from([first, second]));
    let named = FundRequest { coins: vec![second], ..request(55_000) };
    let refused = world.wallet.fund(&named, &none());
    let expected = FundsError::Insufficient { have: sat(50_000), need: sat(55_485) };
    assert_eq!(refused, Err(expected));
    let unknown = OutPoint { txid: Txid::from_byte_array([1; 32]), vout: 0 };
    for (coin, leased) in [(unknown, none()), (first, BTreeSet::from([first]))] {
        let named = FundRequest { coins: vec![coin], ..request(55_000) };
        let refused = world.wallet.fund(&named, &leased);
        assert_eq!(refused, Err(FundsError::CoinNotAvailable(coin)));
    }
}

#[test]
fn coins_of_dead_opens_come_first() {
    let mut world = World::new();
    let [_, second, _] = [60_000, 20_000, 500_000].map(|amount| world.give(amount));
    let preferring = FundRequest { prefer: vec![second], ..request(30_000) };
    assert!(world.wallet.fund(&preferring, &none()).unwrap().coins.contains(&second));
    let enough = FundRequest { prefer: vec![second], ..request(15_000) };
    assert_eq!(world.wallet.fund(&enough, &none()).unwrap().coins, [second]);
    // But not where the open would fail of it.
    let tight = FundRequest { max_fee: sat(620), ..preferring };
    let funded = world.wallet.fund(&tight, &none()).unwrap();
    assert!(!funded.coins.contains(&second));
    let leased = BTreeSet::from([second]);
    let funded = world.wallet.fund(&enough, &leased).unwrap();
    assert!(!funded.coins.contains(&second));
}

#[test]
fn change_is_avoided_where_coins_fit() {
    let mut world = World::new();
    let [_, exact, _] = [60_000, 30_500, 500_000].map(|amount| world.give(amount));
    let funded = world.wallet.fund(&request(30_000), &none()).unwrap();
    assert_eq!(funded.coins, [exact]);
    assert_eq!(funded.transaction.output.len(), 1);
    assert_eq!(funded.fee, sat(500));
}

#[test]
fn coins_not_worth_their_fee_are_no_money() {
    let mut world = World::new();
    world.give(250);
    world.give(100_000);
    let all = request(100_000 - 484);
    let expected = FundsError::Insufficient { have: sat(100_000), need: sat(100_001) };
    assert_eq!(world.wallet.fund(&all, &none()), Err(expected));
}

#[test]
fn more_inputs_than_one_byte_counts() {
    let mut world = World::new();
    let scripts: Vec<_> = (0..300).map(|_| world.wallet.fresh_address().script_pubkey()).collect();
    let payments: Vec<_> =
        scripts.into_iter().map(|script| world.foreign(script, 10_000)).collect();
    world.mine(&payments);
    // 300 inputs of 271, a count of 3 bytes, the rest as with one input.
    let fee = 300 * 271 + 214 + 8;
    let all = FundRequest { max_fee: sat(100_000), ..request(3_000_000 - fee) };
    let funded = world.wallet.fund(&all, &none()).unwrap();
    assert_eq!((funded.coins.len(), funded.fee), (300, sat(fee)));
    assert!(funded.transaction.weight().to_wu() <= fee);
    for index in 0..300 {
        world.check_signature(&funded.transaction, index);
    }
    let more = FundRequest { max_fee: sat(100_000), ..request(3_000_000 - fee + 1) };
    let refused = world.wallet.fund(&more, &none());
    let expected = FundsError::Insufficient { have: sat(3_000_000), need: sat(3_000_001) };
    assert_eq!(refused, Err(expected));
    let some = FundRequest { max_fee: sat(100_000), ..request(2_600_000) };
    let funded = world.wallet.fund(&some, &none()).unwrap();
    assert!(funded.coins.len() > 253);
    assert_eq!(world.fee(&funded.transaction), funded.fee);
}
