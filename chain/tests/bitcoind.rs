//! The bitcoind backend against a stand-in: what it follows and sends, and that nothing which a
//! server does leads to more than an error with a text that helps.
#![allow(clippy::arithmetic_side_effects, missing_docs, dead_code, reason = "tests")]

#[cfg(test)]
mod fake;
mod hostile;
#[cfg(test)]
mod party;

use std::time::Duration;

use bitcoin::constants::genesis_block;
use bitcoin::{Address, BlockHash, Network, Transaction, hashes::Hash};
use chain::bitcoind::{Auth, Bitcoind, Config};
use chain::regtest::faucet_script;
use chain::{
    Backend, BackendError, BroadcastError, ChainEvent, FEERATE_CEILING, Feerates, Follower, Rule,
    Seen, Tip, Untested, Verdict, ask_feerates,
};
use fake::{Fake, Raw, sleep};
use party::{Party, output, sat};
use proptest::prelude::*;
use serde_json::json;

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(20);

#[cfg(test)]
fn config(fake: &Fake) -> Config {
    let auth = Auth::Password { user: "navvy".into(), password: "secret".into() };
    let mut config = Config::new(&fake.address, auth, Network::Regtest).unwrap();
    config.poll_interval = Duration::from_millis(2);
    config
}

#[cfg(test)]
fn start() -> (Fake, Bitcoind) {
    let fake = Fake::start();
    let bitcoind = Bitcoind::new(config(&fake));
    (fake, bitcoind)
}

#[cfg(test)]
fn follow(bitcoind: &mut Bitcoind, follower: &mut Follower) -> Vec<u32> {
    let mut remaining = Vec::new();
    while let ChainEvent::Update(update) = bitcoind.next(&follower.locator(), SOON).unwrap() {
        remaining.push(update.remaining);
        follower.apply(&update).unwrap();
    }
    remaining
}

#[cfg(test)]
fn unavailable<T: std::fmt::Debug>(result: Result<T, BackendError>) -> String {
    match result {
        Err(BackendError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_chain_is_followed_through_reorganisations() {
    let (fake, mut bitcoind) = start();
    let mut follower = Follower::new(bitcoind.birthday().unwrap());
    fake.chain.mine(70, &faucet_script());
    assert_eq!(follow(&mut bitcoind, &mut follower), [20, 0], "in portions");
    assert_eq!(follower.tip(), fake.chain.best());
    for (depth, blocks) in [(1, 2), (40, 41), (5, 3)] {
        fake.chain.reorg(depth, blocks).unwrap();
        assert_eq!(follow(&mut bitcoind, &mut follower), [0]);
        assert_eq!(follower.tip(), fake.chain.best());
    }
    let synced = fake.chain.best();
    assert_eq!(bitcoind.next(&follower.locator(), SOON), Ok(ChainEvent::Idle { synced }));
    assert_eq!(bitcoind.tip(), Ok(synced));
    assert_eq!(bitcoind.tip_at(synced.height), Ok(Some(synced)));
    assert_eq!(bitcoind.tip_at(synced.height + 1), Ok(None));
    assert_eq!(fake.state().connections, 1, "kept open");
}

#[test]
fn waiting_ends_with_a_block() {
    for old in [false, true] {
        let (fake, mut bitcoind) = start();
        fake.state().old = old;
        let locator = [fake.chain.best()];
        let event = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| bitcoind.next(&locator, LONG));
            while fake.calls_of(if old { "getbestblockhash" } else { "waitfornewblock" }) == 0 {
                sleep(1);
            }
            fake.chain.mine(1, &faucet_script());
            waiter.join().unwrap()
        });
        assert!(matches!(event, Ok(ChainEvent::Update(_))), "{event:?}");
        let locator = [fake.chain.best()];
        let event = bitcoind.next(&locator, Duration::from_millis(20)).unwrap();
        assert_eq!(event, ChainEvent::Idle { synced: fake.chain.best() });
        assert_eq!(fake.calls_of("waitfornewblock"), if old { 1 } else { 2 }, "asked once if old");
    }
}

#[test]
fn a_chain_that_only_lost_blocks_is_no_news_yet() {
    let (fake, mut bitcoind) = start();
    let mut follower = Follower::new(fake.chain.best());
    fake.chain.mine(5, &faucet_script());
    follow(&mut bitcoind, &mut follower);
    fake.chain.reorg(2, 0).unwrap();
    let event = bitcoind.next(&follower.locator(), SOON).unwrap();
    assert_eq!(event, ChainEvent::Idle { synced: fake.chain.best() });
    fake.chain.mine(1, &faucet_script());
    follow(&mut bitcoind, &mut follower);
    assert_eq!(follower.tip(), fake.chain.best());
}

#[test]
fn a_node_that_is_behind_says_so() {
    let (fake, _) = start();
    fake.state().network = "signet";
    fake.state().genesis = Some(genesis_block(Network::Signet).block_hash());
    fake.state().downloading = Some(1_000);
    let mut config = config(&fake);
    config.network = Network::Signet;
    let mut bitcoind = Bitcoind::new(config);
    fake.chain.mine(1, &faucet_script());
    let mut follower = Follower::new(fake.chain.best());
    fake.chain.mine(3, &faucet_script());
    assert_eq!(follow(&mut bitcoind, &mut follower), [996]);
    let event = bitcoind.next(&follower.locator(), SOON);
    assert_eq!(event, Ok(ChainEvent::Syncing { height: 4, headers: 1_000 }));

    // One that begins anew has not even come as far as what we remember.
    let ours = Tip { height: 500, hash: BlockHash::all_zeros() };
    let event = bitcoind.next(&[ours], SOON);
    assert_eq!(event, Ok(ChainEvent::Syncing { height: 4, headers: 1_000 }));
}

#[test]
fn a_lonely_regtest_node_is_not_behind() {
    let (fake, mut bitcoind) = start();
    fake.state().downloading = Some(0);
    let synced = fake.chain.best();
    assert_eq!(bitcoind.next(&[synced], SOON), Ok(ChainEvent::Idle { synced }));
}

#[test]
fn the_wrong_chain_is_noticed() {
    let (fake, mut bitcoind) = start();
    fake.chain.mine(3, &faucet_script());
    let strange = Tip { height: 2, hash: BlockHash::all_zeros() };
    let error = bitcoind.next(&[strange], SOON).unwrap_err();
    assert_eq!(error, BackendError::NoCommonBlock { oldest: Some(strange) });
    assert_eq!(bitcoind.next(&[], SOON), Err(BackendError::NoCommonBlock { oldest: None }));
    fake.state().network = "main";
    let error = bitcoind.tip().unwrap_err();
    let (expected, found) = (Network::Regtest, "main".to_owned());
    assert_eq!(error, BackendError::WrongNetwork { expected, found });
    assert!(error.to_string().contains("\"main\""));
}

#[test]
fn another_bitcoind_at_the_same_address_is_noticed() {
    let (fake, mut bitcoind) = start();
    assert!(bitcoind.tip().is_ok());
    let party = Party::new(1);
    let spend = party.spend(party.coin(&fake.chain, sat(100_000)), 1_000);
    let genesis = genesis_block(Network::Testnet4).block_hash();
    fake.state().genesis = Some(genesis);
    fake.state().closes = true;
    assert!(bitcoind.tip().is_ok(), "on the old connection");
    sleep(10);
    let words = genesis.to_string();
    assert!(bitcoind.tip().unwrap_err().to_string().contains(&words));
    // Nothing is sent to it, and nothing that it says of our transactions is believed.
    let error = bitcoind.broadcast(std::slice::from_ref(&spend)).unwrap_err();
    assert!(matches!(error, BroadcastError::Unavailable(_)), "{error}");
    assert!(matches!(bitcoind.test_accept(&spend), Verdict::Unknown(Untested::Unavailable(_))));
    assert!(bitcoind.seen(&[spend.compute_txid()]).is_err());
    assert!(bitcoind.unspent(&[output(&spend, 0).outpoint]).is_err());
    assert_eq!((bitcoind.feerate(6), bitcoind.min_feerate()), (None, None));
    assert_eq!(fake.calls_of("sendrawtransaction"), 0);
    fake.state().genesis = None;
    assert_eq!(bitcoind.broadcast(&[spend]), Ok(()));
}

#[test]
fn a_long_chain_comes_in_few_calls() {
    let (fake, mut bitcoind) = start();
    let mut follower = Follower::new(fake.chain.best());
    fake.chain.mine(2_000, &faucet_script());
    follow(&mut bitcoind, &mut follower);
    assert_eq!(follower.tip(), fake.chain.best());
    assert_eq!(fake.calls_of("getblock"), 2_000);
    let requests = fake.state().requests;
    assert!(requests < 300, "{requests} requests");
}

#[test]
fn pruned_blocks_are_named() {
    let (fake, mut bitcoind) = start();
    let genesis = fake.chain.best();
    fake.chain.mine(3, &faucet_script());
    let pruned = || vec![Err((-1, "Block not available (pruned data)"))];
    fake.script("getblock", pruned());
    assert_eq!(
        bitcoind.next(&[genesis], SOON),
        Err(BackendError::Pruned { height: 1, kept_from: None })
    );
    fake.script("getblock", pruned());
    let error = bitcoind.block(fake.chain.best().hash).unwrap_err();
    assert_eq!(error, BackendError::Pruned { height: 7, kept_from: None });
    fake.script("getblock", pruned());
    fake.state().kept_from = Some(3);
    let text = bitcoind.next(&[genesis], SOON).unwrap_err().to_string();
    assert!(
        text.contains("block 1") && text.contains("3 on") && text.contains("-reindex"),
        "{text}"
    );
    assert_eq!(bitcoind.block(BlockHash::all_zeros()), Ok(None));
    let block = bitcoind.block(fake.chain.best().hash).unwrap().unwrap();
    assert_eq!(block.block_hash(), fake.chain.best().hash);
}

#[test]
fn a_reorganisation_between_two_questions_does_no_harm() {
    let (fake, mut bitcoind) = start();
    let mut follower = Follower::new(bitcoind.tip().unwrap());
    fake.chain.mine(3, &faucet_script());
    let stale: Vec<BlockHash> =
        (1..=3).map(|height| bitcoind.tip_at(height).unwrap().unwrap().hash).collect();
    fake.chain.reorg(2, 3).unwrap();
    let fresh = |height| bitcoind.tip_at(height).unwrap().unwrap().hash;
    // The fork, then hashes of which the last is of the other branch.
    let answers = [follower.tip().hash, stale[0], [2].map(fresh)[0], stale[2]];
    fake.script("getblockhash", answers.iter().map(|hash| Ok(json!(hash))).collect());
    let event = bitcoind.next(&follower.locator(), SOON).unwrap();
    let ChainEvent::Update(update) = event else { panic!("{event:?}") };
    assert_eq!(update.connected.len(), 2, "up to where it breaks");
    follower.apply(&update).unwrap();
    follow(&mut bitcoind, &mut follower);
    assert_eq!(follower.tip(), fake.chain.best());
}

#[test]
fn a_block_must_be_the_one_that_was_asked_for() {
    let (fake, mut bitcoind) = start();
    let genesis = fake.chain.best();
    fake.chain.mine(2, &faucet_script());
    let other = bitcoind.block(fake.chain.best().hash).unwrap().unwrap();
    let mut tampered = (*bitcoind.block(fake.chain.best().hash).unwrap().unwrap()).clone();
    tampered.txdata.push(tampered.txdata[0].clone());
    for hex in [
        bitcoin::consensus::encode::serialize_hex(&*other),
        bitcoin::consensus::encode::serialize_hex(&tampered),
        "00".into(),
        "zz".into(),
    ] {
        fake.script("getblock", vec![Ok(json!(hex))]);
        assert!(unavailable(bitcoind.next(&[genesis], SOON)).contains("getblock"));
    }
}

#[test]
fn broadcasts_and_tests_are_passed_on() {
    let (fake, mut bitcoind) = start();
    let party = Party::new(1);
    let coin = party.coin(&fake.chain, sat(100_000));
    let good = party.spend(coin, 1_000);
    let forged = Party::new(2).spend(coin, 1_000);
    let one = |transaction: &Transaction| [transaction.clone()];
    assert_eq!(bitcoind.test_accept(&good), Verdict::Accepted);
    assert!(matches!(bitcoind.test_accept(&forged), Verdict::Refused(_)));
    assert!(matches!(bitcoind.broadcast(&one(&forged)), Err(BroadcastError::Refused(_))));
    assert_eq!(bitcoind.broadcast(&one(&good)), Ok(()));
    assert_eq!(bitcoind.broadcast(&[]), Ok(()));
    for (code, message) in [
        (-27, "Transaction outputs already in utxo set"),
        (-26, "txn-already-known"),
        (-26, "txn-same-nonwitness-data-in-mempool"),
    ] {
        fake.script("sendrawtransaction", vec![Err((code, message))]);
        assert_eq!(bitcoind.broadcast(&one(&good)), Ok(()), "{message}");
    }
    for (code, message, rule) in [
        (-25, "bad-txns-inputs-missingorspent", Rule::InputsMissingOrSpent),
        (-26, "min relay fee not met, 0 < 11", Rule::FeeBelowMinimum),
        (-25, "Fee exceeds maximum configured by user", Rule::FeeAboveMaximum),
        (-22, "TX decode failed. Make sure the tx has at least one input.", Rule::Malformed),
    ] {
        fake.script("sendrawtransaction", vec![Err((code, message))]);
        match bitcoind.broadcast(&one(&good)) {
            Err(BroadcastError::Refused(refusal)) => {
                assert_eq!((refusal.rule, refusal.text.as_str()), (rule, message));
            }
            other => panic!("{other:?}"),
        }
    }
    fake.script("sendrawtransaction", vec![Err((-20, "database is down"))]);
    let error = bitcoind.broadcast(&one(&good)).unwrap_err();
    assert!(matches!(error, BroadcastError::Unavailable(_)) && error.to_string().contains("down"));
}

#[test]
fn verdicts_of_each_kind() {
    let (fake, mut bitcoind) = start();
    let party = Party::new(1);
    let spend = party.spend(party.coin(&fake.chain, sat(100_000)), 1_000);
    let txid = spend.compute_txid();
    let rejected =
        |reason: &str| json!([{"txid": txid, "allowed": false, "reject-reason": reason}]);
    let mut verdict = |answer| {
        fake.script("testmempoolaccept", vec![answer]);
        bitcoind.test_accept(&spend)
    };
    assert_eq!(verdict(Ok(rejected("txn-already-in-mempool"))), Verdict::Accepted);
    for (answer, rule) in [
        (Ok(rejected("missing-inputs")), Rule::InputsMissingOrSpent),
        (Ok(rejected("max-fee-exceeded")), Rule::FeeAboveMaximum),
        (Ok(json!([{ "txid": txid }])), Rule::Other),
        (Err((-22, "TX decode failed")), Rule::Malformed),
    ] {
        match verdict(answer) {
            Verdict::Refused(refusal) => assert_eq!(refusal.rule, rule),
            other @ (Verdict::Accepted | Verdict::Unknown(_)) => panic!("{other:?}"),
        }
    }
    for answer in [Ok(json!([])), Ok(json!({})), Err((-28, "Loading block index…"))] {
        let verdict = verdict(answer);
        assert!(matches!(verdict, Verdict::Unknown(Untested::Unavailable(_))), "{verdict:?}");
    }
}

#[test]
fn a_parent_and_its_child_go_as_a_package() {
    let (fake, mut bitcoind) = start();
    let party = Party::new(1);
    let parent = party.spend(party.coin(&fake.chain, sat(100_000)), 1_000);
    let child = party.spend(output(&parent, 0), 1_000);
    let pair = [parent.clone(), child.clone()];
    let answer = |message: &str, parent_error: Option<&str>, child_error: Option<&str>| {
        let result = |error: Option<&str>| match error {
            Some(error) => json!({ "error": error }),
            None => json!({}),
        };
        let results = json!({
            parent.compute_wtxid().to_string(): result(parent_error),
            child.compute_wtxid().to_string(): result(child_error),
        });
        Ok(json!({ "package_msg": message, "tx-results": results }))
    };
    let mut send = |answer| {
        fake.script("submitpackage", vec![answer]);
        bitcoind.broadcast(&pair)
    };
    assert_eq!(send(answer("success", None, None)), Ok(()));
    let failed = "transaction failed";
    let fee = Some("min relay fee not met, 0 < 11");
    match send(answer(failed, fee, Some("bad-txns-inputs-missingorspent"))) {
        Err(BroadcastError::Refused(refusal)) => {
            assert_eq!(refusal.rule, Rule::FeeBelowMinimum);
            assert!(refusal.text.contains(failed) && refusal.text.contains("child"));
        }
        other => panic!("{other:?}"),
    }
    match send(answer("package RBF failed: insufficient fee", Some("insufficient fee"), None)) {
        Err(BroadcastError::Refused(refusal)) => {
            assert_eq!(refusal.rule, Rule::ReplacementFeeTooLow);
        }
        other => panic!("{other:?}"),
    }
    match send(Err((-25, "package topology disallowed"))) {
        Err(BroadcastError::Refused(refusal)) => assert_eq!(refusal.rule, Rule::Malformed),
        other => panic!("{other:?}"),
    }

    // The parent is known: what is said of the child by itself counts.
    match send(answer(failed, Some("txn-already-known"), Some("package-not-validated"))) {
        Err(BroadcastError::Refused(refusal)) => assert!(refusal.text.contains("not there")),
        other => panic!("{other:?}"),
    }
    fake.chain.clone().broadcast(std::slice::from_ref(&parent)).unwrap();
    fake.chain.mine(1, &party.script());
    let missing = Some("bad-txns-inputs-missingorspent");
    assert_eq!(send(answer(failed, missing, None)), Ok(()));
    assert!(fake.chain.transaction(&child.compute_txid()).is_some(), "sent by itself");
}

#[test]
fn a_node_without_packages_gets_one_after_the_other() {
    let (fake, mut bitcoind) = start();
    let party = Party::new(1);
    let parent = party.spend(party.coin(&fake.chain, sat(100_000)), 1_000);
    let child = party.spend(output(&parent, 0), 1_000);
    for _ in 0..2 {
        assert_eq!(bitcoind.broadcast(&[parent.clone(), child.clone()]), Ok(()));
    }
    assert_eq!(fake.chain.mempool().len(), 2);
    assert_eq!(fake.calls_of("submitpackage"), 1, "not asked again");
}

#[test]
fn outputs_and_transactions_are_looked_up() {
    let (fake, mut bitcoind) = start();
    let party = Party::new(1);
    let coin = party.coin(&fake.chain, sat(123_456_789));
    let spend = party.spend(coin, 1_000);
    let never = party.spend(output(&spend, 0), 1_000);
    let txids = [coin.outpoint.txid, spend.compute_txid(), never.compute_txid()];
    let outpoints = [coin.outpoint, output(&spend, 0).outpoint, output(&never, 0).outpoint];
    let unspent = bitcoind.txout(coin.outpoint).unwrap();
    assert_eq!(unspent, fake.chain.clone().txout(coin.outpoint).unwrap());
    fake.chain.clone().broadcast(&[spend]).unwrap();
    let seen = bitcoind.seen(&txids).unwrap();
    assert_eq!(seen.get(&txids[0]), Some(&Seen::Chain), "by its change");
    assert_eq!(seen.get(&txids[1]), Some(&Seen::Mempool));
    assert_eq!(seen.get(&txids[2]), None);
    let many = vec![outpoints[1]; 450];
    assert_eq!(bitcoind.unspent(&many).unwrap().len(), 1, "in several batches");
    let mut chain = fake.chain;
    assert_eq!(bitcoind.unspent(&outpoints), chain.unspent(&outpoints));
}

#[test]
fn estimates_change_their_unit() {
    let (fake, mut bitcoind) = start();
    let mut estimate = |answer| {
        fake.script("estimatesmartfee", vec![answer]);
        bitcoind.feerate(6)
    };
    assert_eq!(estimate(Ok(json!({ "feerate": 0.00002, "blocks": 6 }))), Some(500));
    assert_eq!(estimate(Ok(json!({ "errors": ["Insufficient data"], "blocks": 6 }))), None);
    assert_eq!(estimate(Ok(json!({ "feerate": -1, "blocks": 6 }))), None);
    assert_eq!(estimate(Err((-28, "starting"))), None);
    let mut minimum = |pool: f64, relay: f64| {
        let info = json!({ "mempoolminfee": pool, "minrelaytxfee": relay });
        fake.script("getmempoolinfo", vec![Ok(info)]);
        bitcoind.min_feerate()
    };
    assert_eq!(minimum(0.000_001, 0.000_001), Some(25));
    assert_eq!(minimum(0.000_05, 0.000_001), Some(1_250));
    assert_eq!(minimum(0.000_001, 0.000_02), Some(500));
    fake.script("getmempoolinfo", vec![Ok(json!({})), Err((-28, "starting"))]);
    assert_eq!((bitcoind.min_feerate(), bitcoind.min_feerate()), (None, None));
}

#[test]
fn feerates_stay_within_what_relays_and_what_is_sane() {
    let (fake, mut bitcoind) = start();
    let mut last = Feerates::default();
    let mut ask = |normal: Option<f64>, fast: Option<f64>, minimum: Option<f64>| {
        let estimate = |rate: Option<f64>| {
            rate.map_or_else(
                || json!({ "errors": ["Insufficient data"] }),
                |r| json!({ "feerate": r }),
            )
        };
        fake.script("estimatesmartfee", vec![Ok(estimate(normal)), Ok(estimate(fast))]);
        let minimum = minimum.map_or(Err((-28, "starting")), |rate| {
            Ok(json!({ "mempoolminfee": rate, "minrelaytxfee": 0.000_001 }))
        });
        fake.script("getmempoolinfo", vec![minimum]);
        let asked = ask_feerates(&mut bitcoind, last);
        last = asked.feerates;
        let Feerates { fast, normal, floor } = last;
        ((fast, normal, floor), asked.absurd, asked.answered)
    };
    // An empty chain has no estimate.
    assert_eq!(ask(None, None, Some(0.000_001)), ((1_000, 1_000, 253), None, true));
    assert_eq!(ask(Some(0.000_02), Some(0.0001), Some(0.000_001)), ((2_500, 500, 253), None, true));
    // A full mempool raises everything to what it takes.
    let full = ask(Some(0.000_02), Some(0.0001), Some(0.000_2));
    assert_eq!(full, ((5_000, 5_000, 5_000), None, true));
    // No answer: as it was.
    assert_eq!(ask(None, None, None), ((5_000, 5_000, 5_000), None, false));
    let absurd = ask(Some(0.000_02), Some(0.5), Some(0.000_001));
    assert_eq!(absurd, ((FEERATE_CEILING, 500, 253), Some(12_500_000), true));
}

#[test]
fn blocks_are_made_to_order() {
    let (fake, mut bitcoind) = start();
    let script = Party::new(1).script();
    let address = Address::from_script(&script, Network::Regtest).unwrap();
    let hashes = bitcoind.generate_to_address(230, &address).unwrap();
    assert_eq!((hashes.len(), fake.chain.best().height), (230, 230));
    assert_eq!(hashes.last(), Some(&fake.chain.best().hash));
    fake.script("invalidateblock", vec![Ok(json!(null)), Err((-5, "Block not found"))]);
    assert_eq!(bitcoind.invalidate_block(hashes[0]), Ok(()));
    assert!(unavailable(bitcoind.invalidate_block(hashes[0])).contains("Block not found"));
    assert!(unavailable(bitcoind.reconsider_block(hashes[0])).contains("-32601"));
}
