//! What an open costs: every commit is a wait for the disk.

use funding::FundingPosition;
use node::Command;

use crate::stage::{ALICE, BOB, Stage};

fn costs(stage: &Stage, who: usize) -> (u64, u64) {
    stage.machines[who].costs()
}

fn since(now: (u64, u64), before: (u64, u64)) -> (u64, u64) {
    (now.0 - before.0, now.1 - before.1)
}

#[test]
fn an_open_costs_the_opener_three_commits_to_broadcast_and_the_accepter_one() {
    let mut stage = Stage::with_connection();
    // Not the first: a database that grows is synced once more.
    stage.open_channel("before");
    let before = [costs(&stage, ALICE), costs(&stage, BOB)];
    stage.machines[ALICE].at_broadcast = None;
    stage.open(stage.open_command("r")).expect("a good wish");
    let at_broadcast = stage.machines[ALICE].at_broadcast.expect("funding_signed came");
    // Two syncs for each commit: redb's quick repair writes twice.
    assert_eq!(since(at_broadcast, before[ALICE]), (3, 6));
    assert_eq!(since(costs(&stage, BOB), before[BOB]), (1, 2));
    // That the mempool has it is one more.
    assert_eq!(since(costs(&stage, ALICE), before[ALICE]), (4, 8));
    let in_mempool = |channel: &node::ChannelView| {
        matches!(channel.position, Some(FundingPosition::Mempool { .. }))
    };
    assert!(stage.channels(ALICE).iter().any(in_mempool));
}

#[test]
fn blocks_and_messages_that_change_nothing_cost_no_commit() {
    let mut stage = Stage::with_connection();
    stage.open_channel("r");
    let before = [costs(&stage, ALICE), costs(&stage, BOB)];
    stage.mine(20);
    stage.command(ALICE, Command::Balance);
    stage.command(ALICE, Command::Channels);
    stage.cut();
    stage.wait(60);
    assert!(stage.is_connected(), "dialled again");
    assert_eq!(since(costs(&stage, ALICE), before[ALICE]), (0, 0));
    assert_eq!(since(costs(&stage, BOB), before[BOB]), (0, 0));
}

#[test]
fn an_open_that_is_refused_at_once_costs_no_commit() {
    let mut stage = Stage::with_connection();
    let before = costs(&stage, ALICE);
    let too_small = bitcoin::Amount::from_sat(1_000);
    let refused = stage.open(node::OpenCommand { funding: too_small, ..stage.open_command("r") });
    assert_eq!(refused.map_err(|error| error.code), Err("terms"));
    assert_eq!(since(costs(&stage, ALICE), before), (0, 0));
}

#[test]
fn a_channel_costs_one_commit_for_its_block_and_one_for_each_channel_ready() {
    let mut stage = Stage::with_connection();
    stage.open(stage.open_command("r")).expect("a good wish");
    let before = [costs(&stage, ALICE), costs(&stage, BOB)];
    stage.mine(3);
    assert_eq!(stage.states(ALICE), ["Normal"]);
    for who in [ALICE, BOB] {
        let (commits, syncs) = since(costs(&stage, who), before[who]);
        assert_eq!((commits, syncs), (3, 6), "block, channel_ready sent, channel_ready received");
    }
}

#[test]
fn events_of_one_batch_share_a_commit() {
    let mut stage = Stage::with_connection();
    let before = costs(&stage, ALICE);
    let (address, now) = (Command::NewAddress, stage.now);
    let event = |id| node::Event::Command { id: node::CommandId(id), command: address.clone() };
    let effects = stage.machines[ALICE].turn(now, (0..10).map(event).collect());
    assert_eq!(effects.len(), 10);
    assert_eq!(since(costs(&stage, ALICE), before), (1, 2));
}

#[test]
fn a_stranger_that_opens_and_leaves_costs_no_commit() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_created"];
    let before = costs(&stage, BOB);
    stage.open(stage.open_command("r")).expect("a good wish");
    assert_eq!(stage.states(BOB), ["WaitForFundingCreated"]);
    stage.is_wired = false;
    stage.cut();
    assert!(stage.states(BOB).is_empty());
    assert_eq!(since(costs(&stage, BOB), before), (0, 0));
}
