//! What somebody with many names and no money can do: nothing that lasts, and nothing to others.

use bitcoin::Amount;
use bitcoin::constants::ChainHash;
use funding::Policy;
use node::{Command, Effect, OpenCommand, Reply};
use wire::{ChannelId, Message, OpenChannel};

use crate::stage::{ALICE, BOB, Stage};

/// Bob has this policy, alice has coins for two opens, and they are connected.
fn stage_with(change: impl FnOnce(&mut Policy)) -> Stage {
    let mut policy = Policy::new(ChainHash::REGTEST);
    change(&mut policy);
    let mut stage = Stage::with_policy(policy);
    for _ in 0..2 {
        stage.give(Amount::from_sat(500_000));
    }
    stage.connect();
    stage
}

fn last_open(stage: &Stage) -> OpenChannel {
    let open = stage.wire.iter().rev().find_map(|(_, message)| {
        if let Message::OpenChannel(open) = message { Some(open.clone()) } else { None }
    });
    *open.expect("it was sent")
}

fn open_under(open: &OpenChannel, number: u8) -> Message {
    let temporary_channel_id = ChannelId([number; 32]);
    Message::OpenChannel(Box::new(OpenChannel { temporary_channel_id, ..open.clone() }))
}

/// The peer holds `funding_signed` back and tells a friend the outpoint. If the friend's open may have it too, the
/// friend's is the one that `close` finds.
#[test]
fn the_outpoint_of_our_own_pending_open_is_nobody_elses() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_signed"];
    stage.open(stage.open_command("ours")).expect("a good wish");
    assert_eq!(stage.states(ALICE), ["WaitForFundingSigned"]);
    let created = stage.wire.iter().find_map(|(_, message)| {
        if let Message::FundingCreated(created) = message { Some(created.clone()) } else { None }
    });
    let mut created = created.expect("it was sent");
    let open = last_open(&stage);
    stage.inject(ALICE, open_under(&open, 7));
    created.temporary_channel_id = ChannelId([7; 32]);
    stage.inject(ALICE, Message::FundingCreated(created));
    let last = stage.wire.iter().rev().find(|(who, _)| *who == ALICE).map(|(_, message)| message);
    let Some(Message::Error(error)) = last else { panic!("{last:?}") };
    let text = String::from_utf8_lossy(&error.data);
    assert!(text.contains("another channel"), "{text}");
}

#[test]
fn opens_that_stop_half_way_fill_no_places_for_good() {
    let mut stage = stage_with(|policy| policy.max_talks = 1);
    stage.open(stage.open_command("a")).expect("a good wish");
    let open = last_open(&stage);
    stage.inject(BOB, open_under(&open, 7));
    let states = |stage: &Stage| {
        let mut states = stage.states(BOB);
        states.sort_unstable();
        states
    };
    assert_eq!(states(&stage), ["WaitForChannelReady", "WaitForFundingCreated"]);
    stage.sent(BOB);
    stage.inject(BOB, open_under(&open, 8));
    assert_eq!(states(&stage), ["WaitForChannelReady", "WaitForFundingCreated"]);
    assert_eq!(stage.sent(BOB), ["error", "accept_channel"]);
}

#[test]
fn opens_that_were_given_up_fill_no_places_for_good() {
    let mut stage = stage_with(|policy| policy.max_given_up = 1);
    for name in ["a", "b"] {
        let open = OpenCommand { force: true, ..stage.open_command(name) };
        stage.open(open).expect("a good wish");
        let outpoint = stage.request(name).outpoint.expect("bob signs");
        let error = wire::Error {
            channel_id: ChannelId::from_funding(outpoint),
            data: b"not any more".to_vec(),
        };
        stage.inject(BOB, Message::Error(error));
    }
    assert_eq!(stage.states(BOB), ["Tombstone"], "the first made room");
    stage.crash(BOB);
    assert_eq!(stage.states(BOB), ["Tombstone"], "on disk too");
}

#[test]
fn a_promise_makes_no_acquaintance_and_a_block_does() {
    let mut stage = Stage::with_connection();
    let acquainted = |stage: &Stage| {
        let said = &stage.machines[BOB].said;
        said.iter().filter(|effect| matches!(effect, Effect::Acquaint { .. })).count()
    };
    stage.open(stage.open_command("a")).expect("a good wish");
    assert_eq!(acquainted(&stage), 0);
    stage.mine(2);
    assert_eq!(acquainted(&stage), 1);
}

#[test]
fn a_promise_of_a_peer_reserves_nothing_for_anchors() {
    let mut stage = Stage::with_connection();
    let reserved = |stage: &mut Stage| {
        stage.command(BOB, Command::Balance);
        match stage.machines[BOB].replies().pop() {
            Some(Reply::Balance(balance)) => balance.reserved,
            other => panic!("{other:?}"),
        }
    };
    let open = OpenCommand { push: Amount::from_sat(50_000), ..stage.open_command("a") };
    stage.open(open).expect("a good wish");
    assert_eq!(reserved(&mut stage), Amount::ZERO);
    stage.mine(6);
    assert_eq!(reserved(&mut stage), Amount::from_sat(25_000), "for the money that is ours now");
}
