//! Every way out, on a chain that runs the scripts: what is in the channel comes home on both sides.

use bitcoin::{Amount, OutPoint};
use chain::Backend as _;
use node::OpenCommand;
use wire::{ChannelId, Message};

use crate::stage::{ALICE, BOB, Stage};

/// 200,000 sat, of which 50,000 are bob's.
fn with_gift() -> (Stage, OutPoint) {
    let mut stage = Stage::with_connection();
    let gift = Amount::from_sat(50_000);
    stage.open(OpenCommand { push: gift, ..stage.open_command("a") }).expect("a good wish");
    let outpoint = stage.request("a").outpoint.expect("bob signs");
    stage.mine(6);
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Normal"], vec!["Normal"]));
    (stage, outpoint)
}

fn money(stage: &Stage, who: usize) -> u64 {
    let balance = stage.machines[who].node.wallet().balance(&Default::default());
    assert_eq!(balance.unconfirmed, Amount::ZERO);
    balance.confirmed.to_sat()
}

fn are_home(stage: &Stage, alice_before: u64) {
    assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Closed"], vec!["Closed"]));
    let (alice, bob) = (money(stage, ALICE) - alice_before, money(stage, BOB));
    assert!((145_000..150_000).contains(&alice), "{alice}");
    assert!((48_000..=50_000).contains(&bob), "{bob}");
    assert!(stage.machines.iter().all(|machine| machine.node.leases().is_empty()));
}

#[test]
fn a_mutual_close_pays_both() {
    let (mut stage, outpoint) = with_gift();
    assert_eq!(money(&stage, BOB), 0, "a gift in a channel is no coin");
    let before = money(&stage, ALICE);
    stage.close(outpoint, false).expect("both are there");
    stage.mine(7);
    are_home(&stage, before);
    assert_eq!(money(&stage, BOB), 50_000, "the opener pays the fee");
}

#[test]
fn a_forced_close_pays_both_by_our_commitment_and_theirs() {
    let (mut stage, outpoint) = with_gift();
    let before = money(&stage, ALICE);
    stage.close(outpoint, true).expect("force needs nobody");
    stage.mine(1);
    let spent = stage.chain.txout(outpoint).expect("a chain");
    assert!(spent.is_none());
    stage.mine(144 + 7);
    are_home(&stage, before);
}

#[test]
fn a_lost_last_signature_of_a_mutual_close_strands_nobody() {
    let (mut stage, outpoint) = with_gift();
    let before = money(&stage, ALICE);
    // Bob has signed and broadcast; alice has not heard his signature.
    stage.loses = vec!["closing_signed"];
    stage.close(outpoint, false).expect("both are there");
    let channel_id = ChannelId::from_funding(outpoint);
    let offer = stage.wire.iter().rev().find_map(|(who, message)| {
        (*who == ALICE && message.name() == "closing_signed").then(|| message.clone())
    });
    stage.inject(BOB, offer.expect("alice has offered"));
    assert_eq!(stage.states(BOB), ["Closing"]);
    assert_eq!(stage.states(ALICE), ["ShuttingDown"]);
    stage.crash(BOB);
    stage.inject_if_connected(ALICE, Message::Error(wire::Error { channel_id, data: Vec::new() }));
    stage.mine(7);
    are_home(&stage, before);
}

#[test]
fn a_reorganisation_of_a_forced_close_loses_nothing() {
    let (mut stage, outpoint) = with_gift();
    let before = money(&stage, ALICE);
    stage.close(outpoint, true).expect("force needs nobody");
    stage.mine(2);
    stage.chain.reorg(2, 3).expect("the chain is longer");
    stage.settle();
    stage.mine(1);
    assert!(stage.chain.txout(outpoint).expect("a chain").is_none(), "broadcast again");
    stage.crash(ALICE);
    stage.mine(144 + 8);
    are_home(&stage, before);
}
