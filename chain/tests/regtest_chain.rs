//! Blocks of the embedded chain, and the chain as a backend for several nodes.
#![allow(clippy::arithmetic_side_effects, missing_docs, dead_code, reason = "tests")]

#[cfg(test)]
mod party;

use std::time::Duration;

use bitcoin::{Amount, Block, BlockHash, ScriptBuf, TxOut, hashes::Hash};
use chain::regtest::{
    BlockError, FaucetError, Options, Regtest, Reorg, ReorgError, faucet_script, solve,
};
use chain::{
    BIRTHDAY_DEPTH, Backend, BackendError, BroadcastError, ChainEvent, FeeEstimates, Follower,
    MAX_BLOCKS_PER_UPDATE, Rule, Seen, Tip, Untested, Verdict,
};
use party::{Party, output, sat};

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

#[test]
fn each_rule_for_a_block() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let spend = party.spend(party.coin(&chain, sat(100_000)), 1_000);
    let good = chain.template(std::slice::from_ref(&spend), &party.script());
    let changed = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        solve(&mut block);
        block
    };
    let reward = Amount::ONE_BTC * 50 + sat(1_001);
    let refused = [
        (BlockError::NotOnTip, changed(&|b| b.header.prev_blockhash = BlockHash::all_zeros())),
        (BlockError::Time, changed(&|b| b.header.time -= 6 * 600)),
        (BlockError::Coinbase, changed(&|b| b.txdata.clear())),
        (BlockError::Coinbase, changed(&|b| drop(b.txdata.remove(0)))),
        (BlockError::Coinbase, changed(&|b| b.txdata.push(b.txdata[0].clone()))),
        (
            BlockError::CoinbaseHeight,
            changed(&|b| b.txdata[0].input[0].script_sig = ScriptBuf::from_bytes(vec![1, 7, 0])),
        ),
        (BlockError::Reward, changed(&|b| b.txdata[0].output[0].value = reward)),
        (BlockError::WitnessCommitment, changed(&|b| drop(b.txdata[0].output.pop()))),
        (BlockError::WitnessCommitment, changed(&|b| b.txdata[0].input[0].witness.clear())),
        (BlockError::WitnessCommitment, changed(&|b| b.txdata[1].input[0].witness.push([1]))),
        (
            BlockError::Weight,
            changed(&|b| {
                let script_pubkey = ScriptBuf::from_bytes(vec![0x6a; 1_000_000]);
                b.txdata[0].output.insert(0, TxOut { value: Amount::ZERO, script_pubkey });
            }),
        ),
    ];
    for (error, block) in refused {
        assert_eq!(chain.submit_block(block), Err(error));
    }
    let mut root = good.clone();
    root.txdata.truncate(1);
    assert_eq!(chain.submit_block(root), Err(BlockError::MerkleRoot));
    let mut bits = good.clone();
    bits.header.bits = bitcoin::CompactTarget::from_consensus(0x207f_fffe);
    assert_eq!(chain.submit_block(bits), Err(BlockError::ProofOfWork));
    assert_eq!(chain.submit_block(good.clone()), Ok(good.block_hash()));
    assert_eq!(chain.submit_block(good), Err(BlockError::NotOnTip), "twice");
}

#[test]
fn a_wrong_commitment_to_the_witnesses_is_refused() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let spend = party.spend(party.coin(&chain, sat(100_000)), 1_000);
    let mut block = chain.template(&[spend], &party.script());
    let commitment = block.txdata[0].output.last_mut().unwrap();
    let mut script = commitment.script_pubkey.to_bytes();
    script[20] ^= 1;
    commitment.script_pubkey = ScriptBuf::from_bytes(script);
    solve(&mut block);
    assert_eq!(chain.submit_block(block), Err(BlockError::WitnessCommitment));
}

#[test]
fn a_bad_transaction_spoils_its_block_and_nothing_else() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let good = party.spend(coin, 1_000);
    let next = party.spend(output(&good, 0), 1_000);
    let again = party.spend(coin, 2_000);
    let before = chain.best();
    for (transactions, expected) in [
        (vec![good.clone(), again], Rule::InputsMissingOrSpent),
        (vec![next.clone(), good.clone()], Rule::InputsMissingOrSpent),
        (vec![good.clone(), Party::new(2).spend(output(&good, 0), 0)], Rule::ScriptInvalid),
    ] {
        match chain.mine_transactions(&transactions, &party.script()) {
            Err(BlockError::Transaction { refusal, .. }) => assert_eq!(refusal.rule, expected),
            other => panic!("{other:?}"),
        }
        assert_eq!(chain.best(), before);
    }
    let free = party.spend(output(&next, 0), 0);
    chain.mine_transactions(&[good, next, free], &party.script()).unwrap();
    let block = chain.clone().block(chain.best().hash).unwrap().unwrap();
    assert_eq!(block.txdata[0].output[0].value, Amount::ONE_BTC * 50 + sat(2_000));
}

#[test]
fn the_same_calls_make_the_same_blocks() {
    let run = || {
        let (chain, party) = (Regtest::default(), Party::new(1));
        let coin = party.coin(&chain, sat(100_000));
        chain.clone().broadcast(&[party.spend(coin, 1_000)]).unwrap();
        chain.advance(77);
        chain.mine(3, &party.script());
        chain.reorg(2, 3).unwrap();
        chain.best()
    };
    assert_eq!(run(), run());
}

#[test]
fn time_goes_by_the_block() {
    let chain = Regtest::new(Options { start_time: 1_800_000_000, ..Options::default() });
    chain.mine(1, &faucet_script());
    assert_eq!(chain.time(), 1_800_000_000);
    chain.advance(3);
    chain.mine(1, &faucet_script());
    assert_eq!(chain.time(), 1_800_000_603);
    chain.mine(1, &faucet_script());
    assert_eq!(chain.time(), 1_800_001_203);
}

#[test]
fn the_subsidy_halves() {
    let chain = Regtest::new(Options { halving_interval: 10, ..Options::default() });
    chain.mine(9, &faucet_script());
    let subsidy = || {
        let block = chain.clone().block(chain.best().hash).unwrap().unwrap();
        block.txdata[0].output[0].value
    };
    assert_eq!(subsidy(), Amount::ONE_BTC * 50);
    chain.mine(1, &faucet_script());
    assert_eq!(subsidy(), Amount::ONE_BTC * 25);
    chain.mine(640, &faucet_script());
    assert_eq!(subsidy(), Amount::ZERO);
}

#[test]
fn the_faucet_pays() {
    let (chain, party) = (Regtest::default(), Party::new(1));
    let outpoint = chain.fund(&party.script(), Amount::ONE_BTC * 120).unwrap();
    assert!(chain.best().height > 100, "it had to mine");
    let unspent = chain.clone().txout(outpoint).unwrap().unwrap();
    assert_eq!((unspent.txout.value, unspent.confirmations), (Amount::ONE_BTC * 120, 1));
    assert_eq!(unspent.txout.script_pubkey, party.script());
    let height = chain.best().height;
    let waiting = chain.pay(&party.script(), sat(5_000)).unwrap();
    assert_eq!(chain.best().height, height, "from the change");
    assert_eq!(chain.clone().txout(waiting).unwrap().unwrap().confirmations, 0);
    match chain.fund(&party.script(), sat(200)) {
        Err(FaucetError::Refused(refusal)) => assert_eq!(refusal.rule, Rule::Dust),
        other => panic!("{other:?}"),
    }
    match chain.fund(&party.script(), Amount::ONE_BTC * 1_000_000) {
        Err(FaucetError::NotEnough { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_nodes_follow_one_chain() {
    let chain = Regtest::default();
    let genesis = chain.best();
    let follow = |mut handle: Box<dyn Backend>| {
        let mut follower = Follower::new(genesis);
        loop {
            match handle.next(&follower.locator(), LONG).unwrap() {
                ChainEvent::Update(update) => {
                    follower.apply(&update).unwrap();
                    if follower.tip().height == 12 {
                        return follower.tip();
                    }
                }
                other @ (ChainEvent::Idle { .. } | ChainEvent::Syncing { .. }) => {
                    panic!("{other:?}")
                }
            }
        }
    };
    let tips = std::thread::scope(|scope| {
        let nodes = [0, 1].map(|_| {
            let handle = chain.another();
            scope.spawn(move || follow(handle))
        });
        for _ in 0..10 {
            chain.mine(1, &faucet_script());
        }
        chain.reorg(3, 4).unwrap();
        chain.mine(1, &faucet_script());
        nodes.map(|node| node.join().unwrap())
    });
    assert_eq!(tips, [chain.best(); 2]);
}

#[test]
fn news_comes_in_portions() {
    let mut chain = Regtest::default();
    let mut follower = Follower::new(chain.best());
    assert_eq!(chain.poll(&follower.locator()), Ok(None));
    chain.mine(120, &faucet_script());
    let mut portions = Vec::new();
    while let Some(update) = chain.poll(&follower.locator()).unwrap() {
        portions.push((update.connected.len(), update.remaining));
        follower.apply(&update).unwrap();
    }
    assert_eq!(portions, [(MAX_BLOCKS_PER_UPDATE, 70), (MAX_BLOCKS_PER_UPDATE, 20), (20, 0)]);
    let synced = chain.best();
    assert_eq!(chain.next(&follower.locator(), SOON), Ok(ChainEvent::Idle { synced }));
}

#[test]
fn a_chain_that_only_lost_blocks_is_no_news_yet() {
    let mut chain = Regtest::default();
    let mut follower = Follower::new(chain.best());
    chain.mine(5, &faucet_script());
    follower.apply(&chain.poll(&follower.locator()).unwrap().unwrap()).unwrap();
    let lost = follower.tip();
    chain.reorg(3, 0).unwrap();
    let synced = chain.best();
    assert_eq!(synced.height, 2);
    assert_eq!(chain.next(&follower.locator(), SOON), Ok(ChainEvent::Idle { synced }));
    chain.mine(1, &faucet_script());
    let update = chain.poll(&follower.locator()).unwrap().unwrap();
    let applied = follower.apply(&update).unwrap();
    assert_eq!((applied.fork, applied.disconnected.first()), (synced, Some(&lost)));
    assert_eq!(follower.tip(), chain.best());
    let again = chain.reorg(9, 1);
    assert_eq!(again, Err(ReorgError { depth: 9, height: 3 }));
    assert!(chain.block(lost.hash).unwrap().is_some(), "a stale block can still be read");
    assert_eq!(chain.tip_at(4), Ok(None));
}

#[test]
fn another_chain_has_nothing_in_common() {
    let mut chain = Regtest::default();
    chain.mine(3, &faucet_script());
    let strange = Tip { height: 2, hash: BlockHash::all_zeros() };
    let error = chain.next(&[strange], SOON).unwrap_err();
    assert_eq!(error, BackendError::NoCommonBlock { oldest: Some(strange) });
    assert_eq!(chain.next(&[], SOON), Err(BackendError::NoCommonBlock { oldest: None }));
}

#[test]
fn a_wallet_is_born_below_the_tip() {
    let mut chain = Regtest::default();
    assert_eq!(chain.birthday(), Ok(chain.best()));
    chain.mine(20, &faucet_script());
    assert_eq!(chain.birthday().unwrap().height, 0);
    chain.mine(BIRTHDAY_DEPTH, &faucet_script());
    assert_eq!(chain.birthday().unwrap().height, 20);
}

#[test]
fn an_outage_is_an_error_that_passes() {
    let (mut chain, party) = (Regtest::default(), Party::new(1));
    let spend = party.spend(party.coin(&chain, sat(100_000)), 1_000);
    let locator = [chain.best()];
    chain.outage(true);
    assert!(matches!(chain.next(&locator, LONG), Err(BackendError::Unavailable(_))));
    assert!(matches!(chain.poll(&locator), Err(BackendError::Unavailable(_))));
    let broadcast = chain.broadcast(std::slice::from_ref(&spend));
    assert!(matches!(broadcast, Err(BroadcastError::Unavailable(_))));
    let verdict = chain.test_accept(&spend);
    assert!(matches!(verdict, Verdict::Unknown(Untested::Unavailable(_))));
    assert_eq!(chain.feerate(6), None);
    assert!(chain.tip().is_err() && chain.tip_at(0).is_err() && chain.seen(&[]).is_err());
    assert!(chain.unspent(&[]).is_err() && chain.block(BlockHash::all_zeros()).is_err());
    chain.mine(1, &party.script());
    chain.outage(false);
    assert!(matches!(chain.next(&locator, LONG), Ok(ChainEvent::Update(_))));
}

#[test]
fn an_outage_ends_the_waiting() {
    let chain = Regtest::default();
    let (mut waiting, locator) = (chain.another(), [chain.best()]);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(move || waiting.next(&locator, LONG));
        chain.outage(true);
        assert!(matches!(waiter.join().unwrap(), Err(BackendError::Unavailable(_))));
    });
}

#[test]
fn seen_and_unspent_tell_chain_from_mempool() {
    let (mut chain, party) = (Regtest::default(), Party::new(1));
    let coin = party.coin(&chain, sat(100_000));
    let spend = party.spend(coin, 1_000);
    let (new, never) = (output(&spend, 0).outpoint, party.spend(output(&spend, 0), 0));
    let all = [coin.outpoint.txid, spend.compute_txid(), never.compute_txid()];
    chain.broadcast(std::slice::from_ref(&spend)).unwrap();
    let seen = chain.seen(&all).unwrap();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), {
        let mut seen = vec![(all[0], Seen::Chain), (all[1], Seen::Mempool)];
        seen.sort();
        seen
    });
    let unspent = chain.unspent(&[coin.outpoint, new, output(&never, 0).outpoint]).unwrap();
    assert_eq!(unspent.keys().collect::<Vec<_>>(), [&new], "the first is spent");
    chain.mine(2, &party.script());
    assert_eq!(chain.txout(new).unwrap().unwrap().confirmations, 2);
}

#[test]
fn a_test_changes_nothing() {
    let (mut chain, party) = (Regtest::default(), Party::new(1));
    let spend = party.spend(party.coin(&chain, sat(100_000)), 1_000);
    assert_eq!(chain.test_accept(&spend), Verdict::Accepted);
    assert!(chain.mempool().is_empty());
}

#[test]
fn fee_estimates_are_what_one_sets() {
    let mut chain = Regtest::default();
    assert_eq!(chain.feerate(6), Some(1_000));
    chain.set_feerate(None);
    assert_eq!(chain.feerate(6), None);
    let mut estimates = FeeEstimates::flat(9_000);
    estimates.set(6, Some(700));
    chain.set_estimates(estimates);
    assert_eq!((chain.feerate(2), chain.feerate(6)), (Some(9_000), Some(700)));
}

#[test]
fn a_long_chain_is_quick_to_make() {
    let chain = Regtest::default();
    chain.mine(2_500, &faucet_script());
    chain.reorg_with(&Reorg::new(2_300, 2_301)).unwrap();
    assert_eq!(chain.best().height, 2_501);
}
