//! Opens that do not get on: their coins are taken back, or a child pays for them.

use bitcoin::{Amount, OutPoint};
use chain::Backend as _;
use chain::regtest::{Reorg, Returned, faucet_script};
use funding::{Origin, RequestId};
use node::{Command, OpenCommand, OpenName, Reply};
use transactions::FeeratePerKw;

use crate::stage::{ALICE, BOB, Stage};

fn name() -> OpenName {
    OpenName::Request(RequestId("a".to_owned()))
}

fn cancel(stage: &mut Stage, feerate: Option<u32>) -> Reply {
    let (open, feerate) = (name(), feerate.map(FeeratePerKw));
    stage.command(ALICE, Command::CancelOpen { open, feerate, max_fee: None });
    stage.machines[ALICE].replies().pop().expect("a reply")
}

fn bump(stage: &mut Stage, feerate: u32) -> Reply {
    let (open, feerate) = (name(), Some(FeeratePerKw(feerate)));
    stage.command(ALICE, Command::BumpOpen { open, feerate, max_fee: None });
    stage.machines[ALICE].replies().pop().expect("a reply")
}

fn code(reply: &Reply) -> &'static str {
    let Reply::Failed(error) = reply else { panic!("{reply:?}") };
    error.code
}

fn txid(reply: &Reply) -> bitcoin::Txid {
    let Reply::Sent { txid, .. } = reply else { panic!("{reply:?}") };
    *txid
}

/// Broadcast, and in no block.
fn pending() -> (Stage, OutPoint) {
    let mut stage = Stage::with_connection();
    stage.open(stage.open_command("a")).expect("a good wish");
    let outpoint = stage.request("a").outpoint.expect("bob signs");
    assert_eq!(in_mempool(&stage), [outpoint.txid]);
    (stage, outpoint)
}

fn in_mempool(stage: &Stage) -> Vec<bitcoin::Txid> {
    stage.chain.mempool().iter().map(bitcoin::Transaction::compute_txid).collect()
}

fn text(stage: &Stage) -> String {
    stage.channels(ALICE).pop().expect("a channel").text
}

fn confirmed(stage: &Stage) -> u64 {
    stage.machines[ALICE].node.wallet().balance(&Default::default()).confirmed.to_sat()
}

#[test]
fn a_request_that_waits_can_be_cancelled() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    stage.open(stage.open_command("a")).expect("it can wait");
    assert_eq!(cancel(&mut stage, None), Reply::Done);
    let view = stage.request("a");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Local)));
    assert!(view.text.contains("cancelled"), "{}", view.text);
    stage.is_wired = true;
    stage.crash(ALICE);
    stage.wait(60);
    assert!(stage.channels(ALICE).is_empty() && stage.request("a").status == "failed");
    assert_eq!(code(&cancel(&mut stage, None)), "unknown_open", "it holds nothing");
}

#[test]
fn an_open_before_funding_created_is_ended_and_the_peer_told() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("a")).expect("a good wish");
    stage.sent(ALICE);
    assert_eq!(cancel(&mut stage, None), Reply::Done);
    assert_eq!(stage.sent(ALICE), ["error"]);
    let view = stage.request("a");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Local)));
    assert!(stage.machines[ALICE].node.leases().is_empty());
    stage.wait(600);
    assert!(stage.channels(ALICE).is_empty() && stage.channels(BOB).is_empty());
}

#[test]
fn the_coins_of_a_dead_open_can_be_spent_to_be_sure() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_signed"];
    stage.open(stage.open_command("a")).expect("a good wish");
    // Now it ends, and the peer may believe in it.
    assert_eq!(cancel(&mut stage, None), Reply::Done);
    assert_eq!(stage.states(ALICE), ["Tombstone"]);
    let killer = txid(&cancel(&mut stage, Some(500)));
    assert_eq!(in_mempool(&stage), [killer]);
    assert!(text(&stage).contains(&killer.to_string()), "{}", text(&stage));
    let dearer = txid(&cancel(&mut stage, Some(1_000)));
    assert_eq!(in_mempool(&stage), [dearer], "the second one replaces the first");
    stage.mine(6);
    assert!((990_000..1_000_000).contains(&confirmed(&stage)));
    assert_eq!(code(&cancel(&mut stage, None)), "wrong_state");
}

#[test]
fn a_dead_open_whose_coin_another_one_took_is_left_to_that_one() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_signed"];
    stage.open(stage.open_command("a")).expect("a good wish");
    cancel(&mut stage, None);
    stage.loses.clear();
    let forced = OpenCommand { force: true, ..stage.open_command("b") };
    stage.open(forced).expect("forced");
    assert_eq!(stage.request("b").status, "funded");
    assert_eq!(code(&cancel(&mut stage, None)), "coin_busy");
}

#[test]
fn a_pending_open_is_cancelled_by_a_conflict_and_the_peer_told_when_that_is_final() {
    let (mut stage, outpoint) = pending();
    let first = txid(&cancel(&mut stage, Some(300)));
    assert_eq!(in_mempool(&stage), [first], "it took the place of the funding transaction");
    assert!(text(&stage).contains(&first.to_string()), "{}", text(&stage));
    stage.crash(ALICE);
    assert!(text(&stage).contains(&first.to_string()), "it is durable");
    let second = txid(&cancel(&mut stage, Some(900)));
    assert_eq!(in_mempool(&stage), [second]);
    stage.wait(60);
    stage.sent(ALICE);
    stage.mine(5);
    assert!(!stage.sent(ALICE).contains(&"error"), "a reorganisation could bring it back");
    assert_eq!(stage.states(ALICE), ["WaitForChannelReady"]);
    stage.mine(1);
    assert_eq!(stage.sent(ALICE), ["error"]);
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Tombstone"], vec!["Tombstone"]));
    let view = stage.request("a");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Local)));
    assert!(text(&stage).contains("cancelled"), "{}", text(&stage));
    assert!((990_000..1_000_000).contains(&confirmed(&stage)));
    assert!(stage.machines[ALICE].node.leases().is_empty());
    assert!(stage.chain.txout(outpoint).expect("a chain").is_none());
}

#[test]
fn only_the_cancelling_transaction_is_broadcast_again() {
    let (mut stage, _) = pending();
    let killer = txid(&cancel(&mut stage, Some(300)));
    stage.chain.drop_from_mempool(&killer);
    assert!(in_mempool(&stage).is_empty());
    stage.crash(ALICE);
    assert_eq!(in_mempool(&stage), [killer]);
    // Its block is taken back, and it goes out again.
    stage.mine(1);
    stage.chain.reorg(1, 2).expect("the chain is longer");
    stage.settle();
    assert_eq!(in_mempool(&stage), [killer]);
    stage.mine(6);
    assert_eq!(stage.states(ALICE), ["Tombstone"]);
}

#[test]
fn a_funding_transaction_that_wins_over_its_cancellation_is_a_channel() {
    let (mut stage, outpoint) = pending();
    // A miner had the block already.
    stage.hears_of_blocks = false;
    stage.chain.mine(1, &faucet_script());
    let killer = txid(&cancel(&mut stage, Some(300)));
    assert!(text(&stage).contains("refused"), "{}", text(&stage));
    stage.hears_of_blocks = true;
    stage.settle();
    stage.mine(5);
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Normal"], vec!["Normal"]));
    assert!(text(&stage).is_empty());
    assert_eq!(stage.request("a").status, "funded");
    assert!(stage.machines[ALICE].node.wallet().unconfirmed().is_empty(), "{killer} is nothing");
    assert!(stage.chain.txout(outpoint).expect("a chain").is_some());
    assert_eq!(code(&cancel(&mut stage, None)), "wrong_state");
}

#[test]
fn a_confirmed_open_is_not_cancelled() {
    let (mut stage, _) = pending();
    stage.mine(1);
    assert_eq!(code(&cancel(&mut stage, None)), "wrong_state");
    assert_eq!(code(&bump(&mut stage, 2_000)), "wrong_state");
    let outpoint = stage.channels(BOB)[0].outpoint.expect("an outpoint");
    let open = OpenName::Outpoint(outpoint);
    stage.command(BOB, Command::CancelOpen { open, feerate: None, max_fee: None });
    assert_eq!(code(&stage.machines[BOB].replies().pop().expect("a reply")), "wrong_state");
}

#[test]
fn a_forced_close_of_a_pending_open_can_still_be_cancelled() {
    let (mut stage, outpoint) = pending();
    stage.close(outpoint, true).expect("force needs nobody");
    assert_eq!(stage.states(ALICE), ["Closing"]);
    let killer = txid(&cancel(&mut stage, Some(2_000)));
    assert_eq!(in_mempool(&stage), [killer], "funding and commitment are gone");
    stage.mine(6);
    assert!((990_000..1_000_000).contains(&confirmed(&stage)));
    assert!(stage.machines[ALICE].node.leases().is_empty());
}

#[test]
fn a_child_of_the_change_pays_for_the_funding_transaction() {
    let (mut stage, outpoint) = pending();
    let first = txid(&bump(&mut stage, 2_000));
    assert_eq!(in_mempool(&stage), [outpoint.txid, first]);
    assert!(text(&stage).contains(&first.to_string()), "{}", text(&stage));
    // Both are gone from a mempool whose minimum has risen, and come back together.
    stage.chain.drop_from_mempool(&outpoint.txid);
    stage.crash(ALICE);
    assert_eq!(in_mempool(&stage), [outpoint.txid, first]);
    let second = txid(&bump(&mut stage, 4_000));
    assert_eq!(in_mempool(&stage), [outpoint.txid, second]);
    stage.wait(60);
    stage.mine(6);
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Normal"], vec!["Normal"]));
    assert!(text(&stage).is_empty());
    assert!((780_000..800_000).contains(&confirmed(&stage)));
}

#[test]
fn an_open_that_was_bumped_can_be_cancelled() {
    let (mut stage, outpoint) = pending();
    let child = txid(&bump(&mut stage, 2_000));
    assert_eq!(in_mempool(&stage), [outpoint.txid, child]);
    let killer = txid(&cancel(&mut stage, Some(300)));
    assert_eq!(in_mempool(&stage), [killer], "it outbids both");
    assert_eq!(code(&bump(&mut stage, 9_000)), "wrong_state");
    stage.mine(6);
    assert_eq!(stage.states(ALICE), ["Tombstone"]);
    assert!((980_000..1_000_000).contains(&confirmed(&stage)));
}

/// Found by the simulator: 101202, 101348 and others.
#[test]
fn an_open_that_builds_on_one_that_lost_its_coins_is_dead_with_it() {
    for is_forced in [false, true] {
        let (mut stage, _) = pending();
        stage.mine(1);
        let next = OpenCommand { force: true, ..stage.open_command("b") };
        stage.open(next).expect("the change of the first is a coin");
        let outpoint = stage.request("b").outpoint.expect("bob signs");
        if is_forced {
            stage.close(outpoint, true).expect("force needs nobody");
        }
        stage.chain.reorg(1, 2).expect("the chain is longer");
        stage.settle();
        let killer = txid(&cancel(&mut stage, Some(20_000)));
        assert_eq!(in_mempool(&stage), [killer], "both are out of the mempool");
        stage.mine(2);
        let view = stage.channels(ALICE).into_iter().find(|c| c.outpoint == Some(outpoint));
        let text = view.expect("it could come back").text;
        assert!(!text.contains("refused"), "{text}");
        stage.crash(ALICE);
        stage.mine(5);
        assert!(is_forced || stage.request("b").status == "failed");
        assert!(stage.machines[ALICE].node.leases().is_empty(), "it promises no coin");
        assert!((980_000..1_000_000).contains(&confirmed(&stage)));
        stage.mine(100);
        assert!(!stage.states(ALICE).contains(&"Closing") && in_mempool(&stage).is_empty());
    }
}

/// The same, and the blocks that took the coins away are taken back themselves.
#[test]
fn an_open_lives_again_with_the_one_that_it_builds_on() {
    let (mut stage, _) = pending();
    let first = stage.chain.mempool();
    stage.mine(1);
    let next = OpenCommand { force: true, ..stage.open_command("b") };
    stage.open(next).expect("the change of the first is a coin");
    let outpoint = stage.request("b").outpoint.expect("bob signs");
    let both = [first, stage.chain.mempool()].concat();
    stage.chain.reorg(1, 2).expect("the chain is longer");
    stage.settle();
    let killer = txid(&cancel(&mut stage, Some(5_000)));
    stage.mine(3);
    let reorg = Reorg { returned: Returned::Nowhere, ..Reorg::new(3, 3) };
    stage.chain.reorg_with(&reorg).expect("another chain");
    stage.chain.drop_from_mempool(&killer);
    stage.chain.mine_transactions(&both, &faucet_script()).expect("they are valid");
    stage.settle();
    stage.mine(8);
    assert!(stage.chain.txout(outpoint).expect("a chain").is_some());
    assert_eq!(stage.request("b").status, "funded");
    assert!(!stage.states(ALICE).contains(&"Tombstone"), "{:?}", stage.states(ALICE));
}

#[test]
fn without_change_there_is_no_child() {
    let mut stage = Stage::without_coins();
    stage.give(Amount::from_sat(200_600));
    stage.connect();
    let channel_type = wire::ChannelType::static_remotekey();
    let open = OpenCommand { channel_type, ..stage.open_command("a") };
    stage.open(open).expect("a good wish");
    assert_eq!(stage.request("a").status, "funded");
    assert_eq!(code(&bump(&mut stage, 2_000)), "no_change");
    let killer = txid(&cancel(&mut stage, None));
    assert_eq!(in_mempool(&stage), [killer]);
}

#[test]
fn a_fee_above_its_limit_changes_nothing() {
    let (mut stage, outpoint) = pending();
    assert_eq!(code(&cancel(&mut stage, Some(100_000))), "funds");
    assert_eq!(code(&bump(&mut stage, 100_000)), "funds");
    assert_eq!(in_mempool(&stage), [outpoint.txid]);
    assert_eq!(text(&stage), "");
}
