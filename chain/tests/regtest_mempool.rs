//! The mempool of the embedded chain: replacement, packages, conflicts, reorganisations.
#![allow(clippy::arithmetic_side_effects, missing_docs, dead_code, reason = "tests")]

#[cfg(test)]
mod party;

use bitcoin::{OutPoint, ScriptBuf, Transaction, Txid, Witness};
use chain::regtest::{Fill, Regtest, Reorg, Returned, faucet_script};
use chain::{Backend, BroadcastError, Rule};
use party::{Coin, Party, output, sat, to, unsigned};

#[cfg(test)]
fn broadcast(chain: &Regtest, transactions: &[&Transaction]) -> Result<(), Rule> {
    let transactions: Vec<Transaction> = transactions.iter().copied().cloned().collect();
    match chain.clone().broadcast(&transactions) {
        Ok(()) => Ok(()),
        Err(BroadcastError::Refused(refusal)) => Err(refusal.rule),
        Err(BroadcastError::Unavailable(text)) => panic!("{text}"),
    }
}

#[cfg(test)]
fn mempool(chain: &Regtest) -> Vec<Txid> {
    chain.mempool().iter().map(Transaction::compute_txid).collect()
}

#[cfg(test)]
fn setting() -> (Regtest, Party, Coin) {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(1_000_000));
    (chain, party, coin)
}

#[test]
fn a_child_pays_for_its_parent() {
    let (chain, party, coin) = setting();
    let parent = party.spend(coin, 0);
    let child = party.spend(output(&parent, 0), 1_000);
    assert_eq!(broadcast(&chain, &[&parent]), Err(Rule::FeeBelowMinimum));
    assert_eq!(broadcast(&chain, &[&child]), Err(Rule::InputsMissingOrSpent));
    let stingy = party.spend(output(&parent, 0), 15);
    assert_eq!(broadcast(&chain, &[&parent, &stingy]), Err(Rule::FeeBelowMinimum));
    assert!(mempool(&chain).is_empty(), "both or none");
    assert_eq!(broadcast(&chain, &[&parent, &child]), Ok(()));
    assert_eq!(mempool(&chain), [parent.compute_txid(), child.compute_txid()]);
    assert_eq!(broadcast(&chain, &[&parent, &child]), Ok(()), "again");
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &[&parent, &child]), Ok(()), "in the chain");
    let next = party.spend(output(&child, 0), 1_000);
    assert_eq!(broadcast(&chain, &[&child, &next]), Ok(()), "the parent is confirmed already");
}

#[test]
fn an_anchor_child_pays_with_a_coin_of_its_own() {
    let (chain, party, coin) = setting();
    let other = party.coin(&chain, sat(50_000));
    let outputs = vec![to(party.script(), 999_670), to(faucet_script(), 330)];
    let commitment = party.pay(&[coin], outputs);
    assert_eq!(broadcast(&chain, &[&commitment]), Err(Rule::FeeBelowMinimum));
    let anchor = output(&commitment, 1);
    let mut child = unsigned(&[other, anchor], vec![to(party.script(), 49_000)]);
    child = party.signed(child, &[other]);
    child.input[1].witness = Witness::from_slice(&[[0x51]]);
    assert_eq!(broadcast(&chain, &[&commitment, &child]), Ok(()));
    chain.mine(1, &party.script());
    assert!(chain.transaction(&child.compute_txid()).unwrap().confirmed.is_some());
}

#[test]
fn a_good_parent_stays_when_its_child_is_refused() {
    let (chain, party, coin) = setting();
    let parent = party.spend(coin, 1_000);
    let mut child = party.spend(output(&parent, 0), 1_000);
    child.input[0].witness = Witness::new();
    assert_eq!(broadcast(&chain, &[&parent, &child]), Err(Rule::ScriptInvalid));
    assert_eq!(mempool(&chain), [parent.compute_txid()]);
}

#[test]
fn a_pair_must_be_parent_and_child() {
    let (chain, party, coin) = setting();
    let parent = party.spend(coin, 0);
    let stranger = party.spend(party.coin(&chain, sat(10_000)), 1_000);
    assert_eq!(broadcast(&chain, &[&parent, &stranger]), Err(Rule::Malformed));
    let outpoints = [coin, output(&parent, 0)];
    let both = party.pay(&outpoints, vec![to(party.script(), 1_000_000)]);
    assert_eq!(broadcast(&chain, &[&parent, &both]), Err(Rule::InputsMissingOrSpent));
    assert_eq!(broadcast(&chain, &[&parent, &both, &stranger]), Err(Rule::Other));
    assert_eq!(broadcast(&chain, &[]), Ok(()));
}

#[test]
fn a_replacement_pays_for_what_leaves_and_for_itself() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    let child = party.spend(output(&first, 0), 500);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    assert_eq!(broadcast(&chain, &[&child]), Ok(()));
    for fee in [900, 1_000, 1_500, 1_510] {
        let refused = party.spend(coin, fee);
        let result = broadcast(&chain, &[&refused]);
        assert_eq!(result, if fee == 1_000 { Ok(()) } else { Err(Rule::ReplacementFeeTooLow) });
    }
    assert_eq!(mempool(&chain).len(), 2);
    let second = party.spend(coin, 1_511);
    assert_eq!(broadcast(&chain, &[&second]), Ok(()));
    assert_eq!(mempool(&chain), [second.compute_txid()], "the child left with its parent");
}

#[test]
fn a_replacement_has_the_higher_feerate() {
    let (chain, party, coin) = setting();
    let others: Vec<Coin> = (0..20).map(|_| party.coin(&chain, sat(10_000))).collect();
    let small = party.spend(coin, 1_000);
    assert_eq!(broadcast(&chain, &[&small]), Ok(()));
    let mut coins = vec![coin];
    coins.extend(others);
    let large = party.pay(&coins, vec![to(party.script(), 1_200_000 - 2_000)]);
    assert_eq!(broadcast(&chain, &[&large]), Err(Rule::ReplacementFeeTooLow));
    let larger = party.pay(&coins, vec![to(party.script(), 1_200_000 - 20_000)]);
    assert_eq!(broadcast(&chain, &[&larger]), Ok(()));
}

#[test]
fn a_replacement_does_not_spend_what_it_replaces() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    let coins = [coin, output(&first, 0)];
    let second = party.pay(&coins, vec![to(party.script(), 1_000_000)]);
    assert_eq!(broadcast(&chain, &[&second]), Err(Rule::Conflict));
}

#[test]
fn a_pair_replaces_another_commitment() {
    let (chain, party, coin) = setting();
    let theirs = party.spend(coin, 200);
    assert_eq!(broadcast(&chain, &[&theirs]), Ok(()));
    let ours = party.pay(&[coin], vec![to(party.script(), 1_000_000 - 150)]);
    assert_eq!(broadcast(&chain, &[&ours]), Err(Rule::ReplacementFeeTooLow));
    let poor = party.spend(output(&ours, 0), 50);
    assert_eq!(broadcast(&chain, &[&ours, &poor]), Err(Rule::ReplacementFeeTooLow));
    let child = party.spend(output(&ours, 0), 2_000);
    assert_eq!(broadcast(&chain, &[&ours, &child]), Ok(()));
    assert_eq!(mempool(&chain), [ours.compute_txid(), child.compute_txid()]);
}

#[test]
fn a_pair_with_unconfirmed_inputs_replaces_nothing() {
    let (chain, party, coin) = setting();
    let parent = party.spend(coin, 1_000);
    let first = party.spend(output(&parent, 0), 1_000);
    assert_eq!(broadcast(&chain, &[&parent]), Ok(()));
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    let second = party.spend(output(&parent, 0), 900);
    let child = party.spend(output(&second, 0), 9_000);
    assert_eq!(broadcast(&chain, &[&second, &child]), Err(Rule::ReplacementFeeTooLow));
}

#[test]
fn at_most_64_hang_together() {
    let (chain, party, coin) = setting();
    let mut last = party.spend(coin, 1_000);
    for _ in 0..64 {
        assert_eq!(broadcast(&chain, &[&last]), Ok(()));
        last = party.spend(output(&last, 0), 1_000);
    }
    assert_eq!(broadcast(&chain, &[&last]), Err(Rule::TooManyUnconfirmed));
    chain.mine(1, &party.script());
    assert!(mempool(&chain).is_empty());
    assert_eq!(broadcast(&chain, &[&last]), Ok(()));
}

#[test]
fn a_block_evicts_what_conflicts_with_it() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    let child = party.spend(output(&first, 0), 1_000);
    let bystander = party.spend(party.coin(&chain, sat(10_000)), 1_000);
    for transaction in [&first, &child, &bystander] {
        assert_eq!(broadcast(&chain, &[transaction]), Ok(()));
    }
    let other = party.spend(coin, 2_000);
    chain.mine_transactions(&[other], &party.script()).unwrap();
    assert_eq!(mempool(&chain), [bystander.compute_txid()]);
    assert_eq!(broadcast(&chain, &[&first]), Err(Rule::InputsMissingOrSpent));
}

#[test]
fn an_eviction_takes_the_descendants_along() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    let child = party.spend(output(&first, 0), 1_000);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    assert_eq!(broadcast(&chain, &[&child]), Ok(()));
    assert!(chain.drop_from_mempool(&first.compute_txid()));
    assert!(!chain.drop_from_mempool(&first.compute_txid()));
    assert!(mempool(&chain).is_empty());
}

#[test]
fn a_reorganisation_gives_its_transactions_back() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    let second = party.spend(output(&first, 0), 1_000);
    let third = party.spend(output(&second, 0), 1_000);
    for transaction in [&first, &second] {
        assert_eq!(broadcast(&chain, &[transaction]), Ok(()));
        chain.mine(1, &party.script());
    }
    assert_eq!(broadcast(&chain, &[&third]), Ok(()));
    let before = chain.best();
    let reorganised = chain.reorg(2, 3).unwrap();
    assert_eq!((reorganised.disconnected.len(), reorganised.connected.len()), (2, 3));
    assert_eq!(reorganised.disconnected.first(), Some(&before.hash));
    assert_eq!(chain.best().height, before.height + 1);
    let txids = [&first, &second, &third].map(|tx| tx.compute_txid());
    assert_eq!(mempool(&chain), txids);
    chain.mine(1, &party.script());
    let confirmed = |txid| chain.transaction(txid).unwrap().confirmed.unwrap();
    assert_eq!(txids.each_ref().map(|txid| confirmed(txid).1), [1, 2, 3]);
}

#[test]
fn a_reorganisation_can_lose_transactions() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    let second = party.spend(output(&first, 0), 1_000);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    chain.mine(1, &party.script());
    assert_eq!(broadcast(&chain, &[&second]), Ok(()));
    chain.reorg_with(&Reorg { returned: Returned::Nowhere, ..Reorg::new(1, 1) }).unwrap();
    assert!(mempool(&chain).is_empty(), "the second has lost its input");
    assert_eq!(chain.transaction(&first.compute_txid()), None);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()), "its coin is free again");
}

#[test]
fn a_reorganisation_can_confirm_them_again() {
    let (chain, party, coin) = setting();
    let first = party.spend(coin, 1_000);
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    chain.mine(2, &party.script());
    chain.reorg_with(&Reorg { fill: Fill::Mempool, ..Reorg::new(2, 2) }).unwrap();
    let (tip, tx_index) = chain.transaction(&first.compute_txid()).unwrap().confirmed.unwrap();
    assert_eq!((tip.height, tx_index), (chain.best().height - 1, 1));
}

#[test]
fn what_a_reorganisation_makes_premature_is_dropped() {
    let (chain, party, _) = setting();
    chain.mine(1, &party.script());
    let block = chain.clone().block(chain.best().hash).unwrap().unwrap();
    chain.mine(99, &ScriptBuf::new_op_return([]));
    let spend = party.spend(output(&block.txdata[0], 0), 1_000);
    assert_eq!(broadcast(&chain, &[&spend]), Ok(()));
    chain.reorg(1, 0).unwrap();
    assert!(mempool(&chain).is_empty(), "the reward is unripe again");
    assert_eq!(broadcast(&chain, &[&spend]), Err(Rule::CoinbaseImmature));
    chain.mine(1, &ScriptBuf::new_op_return([]));
    assert_eq!(broadcast(&chain, &[&spend]), Ok(()));
}

#[test]
fn the_other_branch_can_spend_the_same_coin() {
    let (chain, party, coin) = setting();
    let (first, other) = (party.spend(coin, 1_000), party.spend(coin, 2_000));
    assert_eq!(broadcast(&chain, &[&first]), Ok(()));
    chain.mine(1, &party.script());
    chain.reorg(1, 0).unwrap();
    chain.mine_transactions(std::slice::from_ref(&other), &party.script()).unwrap();
    assert!(mempool(&chain).is_empty());
    let spent = OutPoint { txid: other.compute_txid(), vout: 0 };
    let mut chain = chain;
    assert_eq!(chain.txout(spent).unwrap().unwrap().confirmations, 1);
}
