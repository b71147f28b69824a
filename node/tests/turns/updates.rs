//! A peer that wants another commitment, and peers that claim to have seen one of ours.

use bitcoin::{Amount, OutPoint};
use chain::Backend as _;
use transactions::{CommitmentNumber, Signer as _};
use wire::{ChannelId, ChannelReestablish, Message, RawMessage};

use crate::stage::{ALICE, BOB, Stage};

/// `update_fee` and `commitment_signed`: an id, and what nobody reads.
fn updates(channel_id: ChannelId) -> [Message; 2] {
    [134, 132].map(|type_number| {
        let mut payload = channel_id.0.to_vec();
        payload.extend_from_slice(&[0; 66]);
        Message::Raw(RawMessage { type_number, payload })
    })
}

fn update(stage: &mut Stage, channel_id: ChannelId) {
    for message in updates(channel_id) {
        stage.inject(ALICE, message);
    }
}

fn with_channel() -> (Stage, OutPoint, ChannelId) {
    let mut stage = Stage::with_connection();
    stage.give(Amount::from_sat(1_000_000));
    let outpoint = stage.open_channel("a");
    stage.sent(ALICE);
    (stage, outpoint, ChannelId::from_funding(outpoint))
}

#[test]
fn updates_are_warned_of_once_on_each_connection_and_answered_by_nothing() {
    let (mut stage, _, channel_id) = with_channel();
    for _ in 0..3 {
        update(&mut stage, channel_id);
    }
    assert_eq!(stage.sent(ALICE), ["warning"]);
    assert!(stage.is_connected());
    assert_eq!(stage.states(ALICE), ["Normal"]);
    stage.cut();
    stage.wait(60);
    assert!(stage.is_connected());
    // The peer's updates are gone with the connection: it is told before it sends them again.
    update(&mut stage, channel_id);
    let sent = stage.sent(ALICE);
    assert_eq!(sent.iter().filter(|name| **name == "warning").count(), 1, "{sent:?}");
    assert!(!sent.contains(&"error"));
}

#[test]
fn the_warning_waits_for_both_channel_reestablish() {
    let (mut stage, _, channel_id) = with_channel();
    stage.cut();
    stage.loses = vec!["channel_reestablish"];
    stage.wait(60);
    stage.sent(ALICE);
    update(&mut stage, channel_id);
    assert!(stage.sent(ALICE).is_empty());
    let theirs =
        stage.wire.iter().rev().find(|(who, message)| {
            *who == BOB && matches!(message, Message::ChannelReestablish(_))
        });
    let theirs = theirs.map(|(_, message)| message.clone());
    stage.inject(ALICE, theirs.expect("bob has sent it"));
    assert_eq!(stage.sent(ALICE), ["channel_ready", "warning"]);
}

#[test]
fn a_second_open_beside_a_channel_with_updates_succeeds() {
    let (mut stage, _, channel_id) = with_channel();
    update(&mut stage, channel_id);
    stage.open_channel("b");
    assert_eq!(stage.states(ALICE), ["Normal", "Normal"]);
}

#[test]
fn a_channel_with_updates_closes_by_force_only_and_its_coins_come_home() {
    let (mut stage, outpoint, channel_id) = with_channel();
    update(&mut stage, channel_id);
    stage.crash(ALICE);
    stage.wait(60);
    let refused = stage.close(outpoint, false).expect_err("the peer would not agree");
    assert_eq!(refused.code, "peer_update_pending");
    assert!(refused.text.contains("force"), "{}", refused.text);
    assert!(stage.channels(ALICE)[0].peer_update_pending);
    let before = stage.machines[ALICE].node.wallet().balance(&Default::default());
    stage.close(outpoint, true).expect("force");
    stage.mine(1 + 144 + 7);
    assert_eq!(stage.states(ALICE), ["Closed"]);
    let after = stage.machines[ALICE].node.wallet().balance(&Default::default());
    let gained = after.confirmed + after.unconfirmed - before.confirmed - before.unconfirmed;
    assert!(gained > Amount::from_sat(195_000), "{gained}");
    assert_eq!(after.unconfirmed, Amount::ZERO);
    assert!(stage.machines[ALICE].node.leases().is_empty());
}

/// Bob's `channel_reestablish` says that alice has revoked commitment #0.
fn claim_to_be_ahead(stage: &mut Stage, channel_id: ChannelId, with_proof: bool) {
    stage.cut();
    stage.loses = vec!["channel_reestablish"];
    stage.wait(60);
    let alice = &stage.machines[ALICE].node;
    let keys_id = alice.channel_views()[0].keys_id;
    let secret = alice.wallet().per_commitment_secret(&keys_id, CommitmentNumber(0));
    let theirs = ChannelReestablish {
        channel_id,
        next_commitment_number: 2,
        next_revocation_number: 1,
        your_last_per_commitment_secret: if with_proof { secret } else { [5; 32] },
        my_current_per_commitment_point: stage.machines[BOB].node.node_id(),
    };
    stage.sent(ALICE);
    stage.loses.push("error");
    stage.inject(ALICE, Message::ChannelReestablish(theirs));
}

#[test]
fn a_peer_that_proves_to_be_ahead_is_asked_to_close_and_our_commitment_never_goes_out() {
    let (mut stage, outpoint, channel_id) = with_channel();
    claim_to_be_ahead(&mut stage, channel_id, true);
    assert_eq!(stage.sent(ALICE), ["channel_reestablish", "error"]);
    assert_eq!(stage.states(ALICE), ["Closing"]);
    assert!(stage.chain.mempool().is_empty());
    stage.close(outpoint, true).expect("it is heard");
    stage.mine(3);
    stage.crash(ALICE);
    stage.close(outpoint, true).expect("it is heard");
    stage.mine(3);
    let spent = stage.chain.txout(outpoint);
    assert!(spent.is_ok_and(|output| output.is_some()), "nobody spent the funding output");
}

#[test]
fn a_peer_that_claims_to_be_ahead_without_proof_fails_the_channel() {
    let (mut stage, _, channel_id) = with_channel();
    claim_to_be_ahead(&mut stage, channel_id, false);
    assert_eq!(stage.sent(ALICE), ["error"]);
    assert_eq!(stage.states(ALICE), ["Closing"]);
    stage.mine(1 + 144 + 7);
    assert_eq!(stage.states(ALICE), ["Closed"]);
}
