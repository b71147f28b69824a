//! Peers: who is dialled, what strangers get, and what an `error` about everything means.

use bitcoin::Amount;
use bitcoin::hashes::Hash as _;
use node::{ConnId, Event, OpenCommand};
use wire::{ChannelId, ChannelReestablish, Features, Message};

use crate::stage::{ALICE, BOB, Stage};

#[test]
fn a_reestablish_of_an_unknown_channel_is_answered_by_zeros_and_an_error() {
    let mut stage = Stage::with_connection();
    stage.sent(ALICE);
    let channel_id = ChannelId([9; 32]);
    let point = stage.machines[BOB].node.node_id();
    stage.loses = vec!["channel_reestablish", "error"];
    stage.inject(
        ALICE,
        Message::ChannelReestablish(ChannelReestablish {
            channel_id,
            next_commitment_number: 7,
            next_revocation_number: 6,
            your_last_per_commitment_secret: [1; 32],
            my_current_per_commitment_point: point,
        }),
    );
    let ours: Vec<_> = stage.wire.iter().filter(|(who, _)| *who == ALICE).map(|(_, m)| m).collect();
    let [Message::ChannelReestablish(zeros), Message::Error(error)] = ours.as_slice() else {
        panic!("{ours:?}")
    };
    assert_eq!((zeros.channel_id, error.channel_id), (channel_id, channel_id));
    assert_eq!((zeros.next_commitment_number, zeros.next_revocation_number), (0, 0));
    assert_eq!(zeros.your_last_per_commitment_secret, [0; 32]);
}

#[test]
fn an_error_about_no_channel_of_ours_is_answered_by_nothing() {
    let mut stage = Stage::with_connection();
    stage.sent(ALICE);
    let channel_id = ChannelId([9; 32]);
    stage.inject(ALICE, Message::Error(wire::Error { channel_id, data: Vec::new() }));
    assert!(stage.sent(ALICE).is_empty() && stage.is_connected());
}

fn all_zero() -> Message {
    Message::Error(wire::Error { channel_id: ChannelId::ALL, data: b"go away".to_vec() })
}

#[test]
fn an_error_about_everything_ends_opens_and_the_connection_and_no_channel() {
    let mut stage = Stage::with_connection();
    stage.give(Amount::from_sat(1_000_000));
    stage.open_channel("a");
    stage.loses = vec!["open_channel"];
    stage.open(stage.open_command("b")).expect("a good wish");
    stage.is_wired = false;
    stage.inject(ALICE, all_zero());
    assert!(!stage.is_connected());
    assert_eq!(stage.states(ALICE), ["Normal"]);
    assert_eq!(stage.request("b").status, "failed");
    assert!(stage.chain.mempool().is_empty());
}

#[test]
fn an_error_about_everything_that_is_said_again_fails_the_channels() {
    let mut stage = Stage::with_connection();
    stage.open_channel("a");
    stage.inject(ALICE, all_zero());
    stage.wait(60);
    assert!(stage.is_connected(), "dialled again");
    assert_eq!(stage.states(ALICE), ["Normal"]);
    stage.inject(ALICE, all_zero());
    assert_eq!(stage.states(ALICE), ["Closing"]);
    assert_eq!(stage.chain.mempool().len(), 1, "commitment #0");
}

#[test]
fn a_peer_may_have_four_opens_pending_and_no_more() {
    let mut stage = Stage::with_connection();
    for _ in 0..5 {
        stage.give(Amount::from_sat(300_000));
    }
    let forced = |stage: &Stage, name| OpenCommand { force: true, ..stage.open_command(name) };
    for name in ["a", "b", "c", "d"] {
        stage.open(forced(&stage, name)).expect("a good wish");
        assert_eq!(stage.request(name).status, "funded");
    }
    stage.open(forced(&stage, "e")).expect("a good wish");
    let view = stage.request("e");
    assert_eq!(view.status, "failed");
    assert!(view.text.contains("pending"), "{}", view.text);
    // What is in a block does not count.
    stage.mine(1);
    stage.open(forced(&stage, "f")).expect("a good wish");
    assert_eq!(stage.request("f").status, "funded");
}

#[test]
fn an_open_is_refused_while_our_chain_is_behind_and_taken_after() {
    let mut stage = Stage::with_connection();
    let now = stage.now;
    let behind = Event::ChainState { synced: false, problem: None };
    let effects = stage.machines[BOB].turn(now, vec![behind]);
    assert!(effects.is_empty());
    stage.open(stage.open_command("a")).expect("alice does not know");
    assert_ne!(stage.request("a").status, "funded");
    stage.tell_synced(BOB);
    stage.settle();
    stage.wait(60);
    let name = if stage.request("a").status == "failed" { "b" } else { "a" };
    stage.open(stage.open_command(name)).expect("a good wish");
    assert_eq!(stage.request(name).status, "funded");
}

#[test]
fn a_newer_connection_takes_the_place_of_an_older_one() {
    let mut stage = Stage::with_connection();
    stage.open_channel("a");
    let before = stage.machines[ALICE].costs();
    stage.sent(ALICE);
    let node_id = stage.machines[BOB].node.node_id();
    let now = stage.now;
    let conn = ConnId(77);
    let connected = Event::Connected { conn, node_id, features: Features::empty(), address: None };
    let effects = stage.machines[ALICE].turn(now, vec![connected]);
    let sends: Vec<_> = effects
        .iter()
        .filter_map(|effect| {
            let node::Effect::Send { conn, message } = effect else { return None };
            Some((*conn, message.name()))
        })
        .collect();
    assert_eq!(sends, [(conn, "channel_reestablish")]);
    let ended = effects
        .iter()
        .any(|effect| matches!(effect, node::Effect::Disconnect { conn: old, .. } if *old != conn));
    assert!(ended);
    assert_eq!(stage.machines[ALICE].costs(), before);
}

#[test]
fn a_peer_with_a_channel_is_dialled_until_it_is_there() {
    let mut stage = Stage::with_connection();
    stage.open_channel("a");
    stage.is_wired = false;
    stage.cut();
    stage.wait(3_600);
    assert!(!stage.is_connected());
    stage.is_wired = true;
    stage.wait(31);
    assert!(stage.is_connected(), "no more than 30 seconds apart");
    stage.crash(ALICE);
    stage.wait(31);
    assert!(stage.is_connected(), "after a restart too");
}

#[test]
fn an_open_under_the_id_of_another_costs_no_channel() {
    let mut stage = Stage::with_connection();
    let outpoint = stage.open_channel("a");
    let open = stage.wire.iter().find_map(|(_, message)| {
        if let Message::OpenChannel(open) = message { Some(open.clone()) } else { None }
    });
    let open = open.expect("it was sent");
    for id in [ChannelId::ALL, ChannelId::from_funding(outpoint)] {
        let mut open = open.clone();
        open.temporary_channel_id = id;
        stage.sent(BOB);
        stage.inject(BOB, Message::OpenChannel(open));
        assert_eq!(stage.sent(BOB), ["warning"]);
        assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Normal"], vec!["Normal"]));
    }
}

/// The index is mixed into the last two bytes of the txid: another txid and index, the same `channel_id`.
#[test]
fn a_funding_output_with_the_channel_id_of_another_is_refused() {
    let mut stage = Stage::with_connection();
    let outpoint = stage.open_channel("a");
    stage.give(Amount::from_sat(1_000_000));
    stage.loses = vec!["funding_created"];
    stage.open(stage.open_command("b")).expect("a good wish");
    let created = stage.wire.iter().rev().find_map(|(_, message)| {
        if let Message::FundingCreated(created) = message { Some(created.clone()) } else { None }
    });
    let mut created = created.expect("it was sent");
    let mut bytes = outpoint.txid.to_byte_array();
    bytes[31] ^= 1;
    created.funding_txid = bitcoin::Txid::from_byte_array(bytes);
    created.funding_output_index = u16::try_from(outpoint.vout ^ 1).expect("small");
    stage.sent(BOB);
    stage.inject(BOB, Message::FundingCreated(created));
    let last = stage.wire.iter().rev().find(|(who, _)| *who == BOB).map(|(_, message)| message);
    let Some(Message::Error(error)) = last else { panic!("{last:?}") };
    assert!(String::from_utf8_lossy(&error.data).contains("another channel"));
}

/// Seconds between the dials of one side, in tenths.
fn gaps(stage: &Stage, who: usize) -> Vec<u64> {
    let times: Vec<u64> =
        stage.dials.iter().filter(|(dialler, _)| *dialler == who).map(|(_, at)| *at).collect();
    times.windows(2).map(|pair| (pair[1] - pair[0]) / 100).collect()
}

#[test]
fn redials_are_further_and_further_apart_and_never_in_step() {
    let mut stage = Stage::with_connection();
    stage.open_channel("a");
    stage.is_wired = false;
    let lost_at = stage.now;
    stage.cut();
    stage.wait(600);
    let first = stage.dials.first().expect("a dial").1;
    assert!((500..=1_000).contains(&(first - lost_at)), "{first}");
    let gaps = gaps(&stage, ALICE);
    // Half of 2, 4, 8, 16 and 30 seconds, and by chance as much again.
    for (gap, most) in gaps.iter().zip([20, 40, 80, 160].into_iter().chain(std::iter::repeat(300)))
    {
        assert!((most / 2..=most).contains(gap), "{gaps:?}");
    }
    assert!(gaps.len() > 20, "{gaps:?}");
    let late = &gaps[4..];
    assert!(late.iter().any(|gap| *gap != late[0]), "by chance: {late:?}");
    // Once it is there the next loss begins anew.
    stage.is_wired = true;
    stage.wait(31);
    assert!(stage.is_connected());
    stage.dials.clear();
    let lost_at = stage.now;
    stage.cut();
    stage.wait(5);
    assert!(stage.dials.first().expect("a dial").1 - lost_at <= 1_000);
}

#[test]
fn a_peer_with_a_pending_open_is_dialled_again_after_a_loss_and_a_restart() {
    let mut stage = Stage::with_connection();
    stage.open(stage.open_command("a")).expect("a good wish");
    assert_eq!(stage.states(ALICE), ["WaitForChannelReady"]);
    for restarts in [false, true] {
        if restarts {
            stage.crash(ALICE);
        } else {
            stage.cut();
        }
        stage.wait(2);
        assert!(stage.is_connected(), "within the first two seconds");
    }
    stage.mine(6);
    assert_eq!(stage.states(ALICE), ["Normal"]);
    assert!(stage.dials.iter().all(|(who, _)| *who == ALICE), "bob knows no address");
}

fn connect(stage: &mut Stage, address: &str) {
    let node_id = stage.machines[BOB].node.node_id();
    let address = address.to_owned();
    stage.command(ALICE, node::Command::Connect { node_id, address, keep: false });
    assert_eq!(stage.machines[ALICE].replies().pop(), Some(node::Reply::Done));
}

fn bob(stage: &mut Stage) -> node::PeerView {
    stage.command(ALICE, node::Command::Peers);
    match stage.machines[ALICE].replies().pop() {
        Some(node::Reply::Peers(mut peers)) => peers.pop().expect("bob"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connect_can_be_said_again_and_a_failed_one_says_why() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    connect(&mut stage, "bob:9735");
    let view = bob(&mut stage);
    assert!(!view.connected);
    assert_eq!(view.last_error.as_deref(), Some("refused"));
    stage.is_wired = true;
    connect(&mut stage, "bob:9735");
    assert!(bob(&mut stage).connected);
    stage.dials.clear();
    connect(&mut stage, "bob:9735");
    connect(&mut stage, "elsewhere:1");
    assert!(stage.dials.is_empty(), "it is there already");
    let view = bob(&mut stage);
    assert!(view.connected);
    assert_eq!(view.address.as_deref(), Some("bob:9735"), "and its address is known to be right");
}
