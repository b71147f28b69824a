//! Opens of peers that no block has ever held: beyond a limit they rest on disk, and are there when it matters.

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, OutPoint};
use chain::Backend as _;
use chain::regtest::faucet_script;
use funding::Policy;
use node::{CloseCommand, Command, OpenCommand, Reply};

use crate::stage::{ALICE, BOB, Stage};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Alice has opened four channels to bob, who keeps one in memory; no block has any.
fn resting() -> (Stage, Vec<OutPoint>) {
    resting_with(|_| {})
}

fn resting_with(change: impl FnOnce(&mut Policy)) -> (Stage, Vec<OutPoint>) {
    let mut policy = Policy::new(ChainHash::REGTEST);
    policy.max_live_pending = 1;
    change(&mut policy);
    let mut stage = Stage::with_policy(policy);
    for _ in NAMES {
        stage.give(Amount::from_sat(500_000));
    }
    stage.connect();
    let mut outpoints = Vec::new();
    for name in NAMES {
        let push = Amount::from_sat(50_000);
        let open = OpenCommand { force: true, push, ..stage.open_command(name) };
        stage.open(open).expect("a good wish");
        let view = stage.request(name);
        assert_eq!(view.status, "funded", "{}", view.text);
        outpoints.push(view.outpoint.expect("an outpoint"));
    }
    assert_eq!(counts(&stage), (1, 3));
    (stage, outpoints)
}

/// Bob's channels in memory and at rest.
fn counts(stage: &Stage) -> (usize, usize) {
    (stage.channels(BOB).len(), stage.machines[BOB].node.dormant().len())
}

/// Bob's channels that are open, by their outpoints, sorted.
fn open(stage: &Stage) -> Vec<OutPoint> {
    let all = stage.channels(BOB).into_iter().filter(|channel| channel.state == "Normal");
    let mut all: Vec<OutPoint> = all.filter_map(|channel| channel.outpoint).collect();
    all.sort_unstable();
    all
}

fn sorted(mut outpoints: Vec<OutPoint>) -> Vec<OutPoint> {
    outpoints.sort_unstable();
    outpoints
}

#[test]
fn a_peer_has_four_promises_wherever_they_are() {
    let mut policy = Policy::new(ChainHash::REGTEST);
    policy.max_live_pending = 1;
    let mut stage = Stage::with_policy(policy);
    for _ in 0..5 {
        stage.give(Amount::from_sat(500_000));
    }
    stage.connect();
    for name in NAMES {
        let open = OpenCommand { force: true, ..stage.open_command(name) };
        stage.open(open).expect("a good wish");
    }
    assert_eq!(counts(&stage), (1, 3));
    let fifth = OpenCommand { force: true, ..stage.open_command("e") };
    stage.open(fifth).expect("a good wish");
    assert_eq!(stage.request("e").status, "failed");
}

#[test]
fn the_block_that_funds_them_wakes_them() {
    let (mut stage, outpoints) = resting();
    stage.mine(1);
    assert_eq!(counts(&stage), (4, 0));
    stage.mine(5);
    assert_eq!(open(&stage), sorted(outpoints));
    assert_eq!(stage.states(ALICE), ["Normal"; 4]);
}

#[test]
fn they_are_there_after_a_restart_and_when_the_peer_speaks_of_them() {
    let (mut stage, outpoints) = resting();
    stage.crash(BOB);
    assert_eq!(counts(&stage), (1, 3), "the disk knows them");
    stage.wire.clear();
    stage.wait(60);
    assert!(stage.is_connected());
    let reestablished = stage.sent(BOB);
    let count = reestablished.iter().filter(|name| **name == "channel_reestablish").count();
    assert_eq!(count, 4, "{reestablished:?}");
    assert!(!reestablished.contains(&"error"), "{reestablished:?}");
    stage.cut();
    stage.mine(6);
    stage.wait(60);
    assert_eq!(open(&stage), sorted(outpoints));
}

#[test]
fn what_a_block_showed_outlives_a_crash_before_the_row_was_read() {
    let (mut stage, outpoints) = resting();
    stage.reads_rows = false;
    stage.mine(1);
    assert_eq!(counts(&stage), (1, 3), "the disk is slow");
    stage.mine(2);
    stage.reads_rows = true;
    stage.crash(BOB);
    assert_eq!(counts(&stage), (4, 0));
    stage.wait(60);
    stage.mine(3);
    assert_eq!(open(&stage), sorted(outpoints));
}

#[test]
fn what_a_reorganisation_took_back_was_not_seen() {
    let (mut stage, outpoints) = resting();
    stage.reads_rows = false;
    stage.mine(1);
    stage.chain.reorg(1, 2).expect("the chain is longer");
    stage.settle();
    stage.reads_rows = true;
    stage.crash(BOB);
    stage.wait(60);
    let confirmed = stage.channels(BOB).into_iter().filter(|c| c.confirmations.0 > 0);
    assert_eq!(confirmed.count(), 0);
    stage.mine(6);
    assert_eq!(open(&stage), sorted(outpoints));
}

#[test]
fn a_close_behind_the_funding_in_one_update_is_seen() {
    let (mut stage, outpoints) = resting();
    stage.hears_of_blocks = false;
    stage.chain.mine(1, &faucet_script());
    let alice = stage.machines[ALICE].node.channels().values();
    let commitments: Vec<_> = alice
        .filter_map(|channel| channel.state.channel())
        .filter_map(|c| c.signed_local_commitment(stage.machines[ALICE].node.wallet()))
        .collect();
    for commitment in commitments {
        stage.chain.broadcast(&[commitment]).expect("its scripts are right");
    }
    stage.chain.mine(1, &faucet_script());
    stage.hears_of_blocks = true;
    stage.settle();
    assert_eq!(stage.states(BOB), ["Closing"; 4]);
    stage.mine(8);
    assert_eq!(stage.states(BOB), ["Closed"; 4]);
    let home = stage.machines[BOB].node.wallet().balance(&Default::default()).confirmed;
    assert!(home > Amount::from_sat(4 * 48_000), "{home}");
    assert_eq!(outpoints.len(), 4);
}

#[test]
fn a_command_that_names_one_waits_for_it() {
    let (mut stage, outpoints) = resting();
    for outpoint in outpoints {
        let (feerate, cap, script) = (None, None, None);
        let close = CloseCommand { outpoint, force: true, feerate, cap, script };
        stage.command(BOB, Command::Close(close));
        assert_eq!(stage.machines[BOB].replies().pop(), Some(Reply::Done));
    }
    assert_eq!(stage.states(BOB), ["Closing"; 4]);
}

#[test]
fn they_are_forgotten_when_their_time_has_passed() {
    let (mut stage, outpoints) = resting_with(|policy| policy.forget_after = 20);
    for outpoint in outpoints {
        stage.chain.drop_from_mempool(&outpoint.txid);
    }
    stage.hears_of_blocks = false;
    stage.chain.mine_empty(20, &faucet_script());
    stage.hears_of_blocks = true;
    stage.settle();
    assert_eq!(counts(&stage), (0, 0));
    stage.crash(BOB);
    assert_eq!(counts(&stage), (0, 0));
}

#[test]
fn a_disk_that_is_full_of_promises_takes_no_more() {
    let mut policy = Policy::new(ChainHash::REGTEST);
    (policy.max_live_pending, policy.max_dormant) = (1, 1);
    let mut stage = Stage::with_policy(policy);
    for _ in NAMES {
        stage.give(Amount::from_sat(500_000));
    }
    stage.connect();
    for (name, status) in NAMES.into_iter().zip(["funded", "funded", "failed", "failed"]) {
        let open = OpenCommand { force: true, ..stage.open_command(name) };
        stage.open(open).expect("a good wish");
        assert_eq!(stage.request(name).status, status);
    }
}
