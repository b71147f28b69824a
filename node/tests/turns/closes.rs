//! Closes: where the money may go, and a peer that does not come back.

use bitcoin::{Amount, ScriptBuf};
use node::{CloseCommand, Command, Reply};
use wire::Features;

use crate::stage::{ALICE, BOB, Stage};

#[test]
fn a_close_goes_to_an_address_that_the_peer_takes() {
    let taproot = ScriptBuf::from_bytes([&[0x51, 32][..], &[1; 32]].concat());
    for any_segwit in [false, true] {
        let mut stage = Stage::new();
        stage.features = Features::from_bits(if any_segwit { &[13, 23, 27] } else { &[13, 23] });
        stage.connect();
        let outpoint = stage.open_channel("a");
        let close = CloseCommand {
            outpoint,
            force: false,
            feerate: None,
            cap: None,
            script: Some(taproot.clone()),
        };
        if any_segwit {
            stage.is_wired = false;
            stage.cut();
            stage.command(ALICE, Command::Close(close.clone()));
            let replies = stage.machines[ALICE].replies();
            let [Reply::Failed(error)] = replies.as_slice() else { panic!("{replies:?}") };
            assert_eq!(error.code, "address", "nothing is known of an absent peer");
            stage.is_wired = true;
            stage.wait(60);
        }
        stage.command(ALICE, Command::Close(close));
        let replies = stage.machines[ALICE].replies();
        let is_refused = matches!(replies.as_slice(), [Reply::Failed(_)]);
        assert_eq!(is_refused, !any_segwit, "{replies:?}");
        if any_segwit {
            stage.mine(1);
            assert_eq!(stage.states(ALICE), ["Closing"]);
        }
    }
}

#[test]
fn the_sweep_of_a_forced_close_goes_to_the_operators_address() {
    let taproot = ScriptBuf::from_bytes([&[0x51, 32][..], &[1; 32]].concat());
    for is_shutting_down in [false, true] {
        let mut stage = Stage::with_connection();
        let outpoint = stage.open_channel("a");
        let before = stage.machines[ALICE].node.wallet().balance(&Default::default()).confirmed;
        if is_shutting_down {
            stage.loses = vec!["shutdown"];
            stage.close(outpoint, false).expect("both are there");
            assert_eq!(stage.states(ALICE), ["ShuttingDown"]);
        }
        // The peer has no say in it: it does not offer option_shutdown_anysegwit.
        let close = CloseCommand {
            outpoint,
            force: true,
            feerate: None,
            cap: None,
            script: Some(taproot.clone()),
        };
        stage.command(ALICE, Command::Close(close));
        assert_eq!(stage.machines[ALICE].replies().pop(), Some(Reply::Done));
        stage.mine(144);
        stage.crash(ALICE);
        stage.mine(8);
        assert_eq!(stage.states(ALICE), ["Closed"]);
        let sweep = stage.channels(ALICE)[0].sweep_txid.expect("a sweep");
        let sweep = stage.chain.transaction(&sweep).expect("in the chain").transaction;
        assert_eq!(sweep.output.len(), 1);
        assert_eq!(sweep.output[0].script_pubkey, taproot);
        assert!(sweep.output[0].value > Amount::from_sat(190_000));
        let after = stage.machines[ALICE].node.wallet().balance(&Default::default()).confirmed;
        assert!(after <= before, "the money is where it was asked to go");
    }
}

fn text(stage: &Stage) -> String {
    stage.channels(ALICE).pop().expect("a channel").text
}

#[test]
fn a_peer_that_does_not_come_back_to_close_is_told_of() {
    let mut stage = Stage::with_connection();
    let outpoint = stage.open_channel("a");
    stage.is_wired = false;
    stage.cut();
    stage.close(outpoint, false).expect("it can wait");
    stage.wait(599);
    assert!(!text(&stage).contains("waiting"), "{}", text(&stage));
    stage.wait(1);
    let told = "waiting for the peer since 2023-11-14 22:13 UTC: close --force is offered";
    assert!(text(&stage).contains(told), "{}", text(&stage));
    stage.wait(6_000);
    let view = stage.channels(ALICE).pop().expect("a channel");
    let notes = view.history.iter().filter(|entry| entry.cause.contains("waiting"));
    assert_eq!(notes.count(), 1, "once");
    stage.crash(ALICE);
    assert!(text(&stage).contains(told), "it is durable");
    stage.is_wired = true;
    stage.wait(60);
    stage.mine(1);
    assert_eq!(stage.states(ALICE), ["Closing"]);
    assert!(!text(&stage).contains("waiting"), "{}", text(&stage));
}

#[test]
fn the_wait_for_a_peer_begins_anew_with_the_process_and_with_the_peer() {
    let mut stage = Stage::with_connection();
    let outpoint = stage.open_channel("a");
    stage.is_wired = false;
    stage.cut();
    stage.close(outpoint, false).expect("it can wait");
    stage.wait(400);
    stage.crash(ALICE);
    stage.wait(400);
    assert!(!text(&stage).contains("waiting"), "{}", text(&stage));
    // The peer is there for a moment, and says nothing more than where it stands.
    stage.loses = vec!["shutdown"];
    stage.is_wired = true;
    stage.wait(31);
    assert!(stage.is_connected());
    stage.is_wired = false;
    stage.cut();
    stage.wait(500);
    assert!(!text(&stage).contains("waiting"), "{}", text(&stage));
    stage.wait(600);
    assert!(text(&stage).contains("waiting for the peer"), "{}", text(&stage));
    assert_eq!(stage.states(BOB), ["Normal"]);
}

#[test]
fn a_simple_close_is_raised_and_a_legacy_one_is_not() {
    for is_simple in [true, false] {
        let mut stage = Stage::new();
        let bits: &[u16] = if is_simple { &[13, 23, 27, 61] } else { &[13, 23, 27] };
        stage.features = Features::from_bits(bits);
        stage.connect();
        let outpoint = stage.open_channel("a");
        let close = |feerate| CloseCommand {
            outpoint,
            force: false,
            feerate: Some(transactions::FeeratePerKw(feerate)),
            cap: None,
            script: None,
        };
        stage.command(ALICE, Command::Close(close(500)));
        let first = stage.chain.mempool().pop().expect("it is agreed").compute_txid();
        stage.command(ALICE, Command::Close(close(5_000)));
        let replies = stage.machines[ALICE].replies();
        let pool = stage.chain.mempool();
        assert_eq!(pool.len(), 1);
        if is_simple {
            assert!(stage.wire.iter().any(|(_, message)| message.name() == "closing_complete"));
            assert_eq!(replies.last(), Some(&Reply::Done));
            assert_ne!(pool[0].compute_txid(), first, "it was replaced");
        } else {
            let Some(Reply::Failed(error)) = replies.last() else { panic!("{replies:?}") };
            assert_eq!(error.code, "closing");
            assert_eq!(pool[0].compute_txid(), first);
        }
        stage.mine(7);
        assert_eq!((stage.states(ALICE), stage.states(BOB)), (vec!["Closed"], vec!["Closed"]));
    }
}
