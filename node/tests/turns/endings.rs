//! Every way out, on a chain that runs the scripts: what is in the channel comes home on both sides.

use bitcoin::{Amount, OutPoint, Transaction};
use chain::Backend as _;
use node::OpenCommand;
use transactions::Signer as _;
use wire::{ChannelId, ChannelType, Message};

use crate::stage::{ALICE, BOB, Stage};

/// 200,000 sat, of which 50,000 are bob's.
fn with_gift() -> (Stage, OutPoint) {
    with_gift_of(ChannelType::anchors_zero_fee_htlc_tx())
}

fn with_gift_of(channel_type: ChannelType) -> (Stage, OutPoint) {
    let mut stage = Stage::with_connection();
    let gift = Amount::from_sat(50_000);
    let wish = OpenCommand { push: gift, channel_type, ..stage.open_command("a") };
    stage.open(wish).expect("a good wish");
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
    // The commitment of a static_remotekey channel pays four times the estimate.
    assert!((140_000..150_000).contains(&alice), "{alice}");
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

#[test]
fn a_static_remotekey_channel_is_closed_together() {
    let (mut stage, outpoint) = with_gift_of(ChannelType::static_remotekey());
    let before = money(&stage, ALICE);
    stage.close(outpoint, false).expect("both are there");
    stage.mine(7);
    are_home(&stage, before);
    assert_eq!(money(&stage, BOB), 50_000);
}

#[test]
fn a_static_remotekey_channel_is_closed_by_force() {
    let (mut stage, outpoint) = with_gift_of(ChannelType::static_remotekey());
    let before = money(&stage, ALICE);
    stage.close(outpoint, true).expect("force needs nobody");
    stage.mine(1);
    assert!(stage.chain.txout(outpoint).expect("a chain").is_none(), "it pays for itself");
    stage.mine(7);
    assert_eq!(stage.states(BOB), ["Closed"], "no delay for what was never revoked");
    stage.mine(144);
    are_home(&stage, before);
}

/// A commitment of bob's that alice never saw: a payment of 1,000 sat later, signed by both.
fn later_commitment(stage: &Stage) -> Transaction {
    let [ours, theirs] = [ALICE, BOB].map(|who| {
        let mut channels = stage.machines[who].node.channels().values();
        channels.next().and_then(|channel| channel.state.channel()).expect("a channel")
    });
    let mut later = theirs.local_commitment().expect("commitment #0").transaction;
    later.lock_time = bitcoin::absolute::LockTime::from_consensus(0x2000_0009);
    let largest = later.output.iter_mut().max_by_key(|output| output.value).expect("outputs");
    largest.value += Amount::from_sat(1_000);
    let is_bobs = |value: u64| (45_000..=50_000).contains(&value);
    let of_bob = later.output.iter_mut().find(|output| is_bobs(output.value.to_sat()));
    of_bob.expect("bob's").value -= Amount::from_sat(1_000);
    let funding = ours.funding_output();
    let signed = [(ALICE, ours), (BOB, theirs)].map(|(who, channel)| {
        let wallet = stage.machines[who].node.wallet();
        let key = channel.agreed.keys(channel.role).funding_pubkey;
        (key, wallet.sign_funding_spend(&channel.keys_id, &funding, &later))
    });
    let [(alice, by_alice), (bob, by_bob)] = &signed;
    later.input[0].witness = funding.witness((alice, by_alice), (bob, by_bob));
    later
}

#[test]
fn an_unknown_commitment_of_the_peers_pays_us_all_the_same() {
    for channel_type in [ChannelType::anchors_zero_fee_htlc_tx(), ChannelType::static_remotekey()] {
        let (mut stage, _) = with_gift_of(channel_type);
        let before = money(&stage, ALICE);
        let later = later_commitment(&stage);
        stage.chain.broadcast(&[later]).expect("its scripts are right");
        stage.mine(2 + 6);
        assert_eq!(stage.states(ALICE), ["Closed"]);
        let view = stage.channels(ALICE).pop().expect("a channel");
        assert_eq!(view.ending, Some("a transaction that we do not know"));
        let brought = money(&stage, ALICE) - before;
        assert!((141_000..151_000).contains(&brought), "{brought}");
        assert!(stage.machines[ALICE].node.leases().is_empty());
    }
}

#[test]
fn a_reorganisation_of_a_sweep_loses_nothing() {
    let (mut stage, outpoint) = with_gift();
    let before = money(&stage, ALICE);
    stage.close(outpoint, true).expect("force needs nobody");
    stage.mine(144);
    let sweep = stage.channels(ALICE).pop().and_then(|view| view.sweep_txid).expect("a sweep");
    stage.mine(1);
    let is_deep =
        |stage: &Stage| stage.chain.transaction(&sweep).is_some_and(|t| t.confirmed.is_some());
    assert!(is_deep(&stage));
    stage.mine(5);
    assert_eq!(stage.states(ALICE), ["Closed"]);
    // Its block goes, and it has to come again from the node: the mempool has lost it.
    stage.chain.reorg(6, 7).expect("the chain is longer");
    stage.chain.drop_from_mempool(&sweep);
    stage.settle();
    assert_eq!(stage.states(ALICE), ["Closing"]);
    stage.mine(1);
    assert!(is_deep(&stage), "broadcast again");
    stage.mine(6);
    are_home(&stage, before);
}
