//! Requests: one name is one open, whatever happens in between.

use bitcoin::Amount;
use funding::{Origin, RequestId};
use node::{Command, OpenCommand};
use wire::{ChannelId, ChannelType, Features, Message};

use crate::stage::{ALICE, BOB, Stage};

fn opens(stage: &Stage) -> Vec<ChannelId> {
    let opens = stage.wire.iter().filter_map(|(_, message)| {
        if let Message::OpenChannel(open) = message {
            Some(open.temporary_channel_id)
        } else {
            None
        }
    });
    opens.collect()
}

#[test]
fn the_same_name_is_the_same_open() {
    let mut stage = Stage::with_connection();
    let first = stage.open(stage.open_command("r")).expect("a good wish");
    let other = OpenCommand { funding: Amount::from_sat(300_000), ..stage.open_command("r") };
    let second = stage.open(other.clone()).expect("known");
    assert_eq!((second.id, second.funding), (first.id, first.funding));
    assert_eq!(opens(&stage).len(), 1);
    let outpoint = stage.request("r").outpoint;
    stage.crash(ALICE);
    stage.wait(60);
    let third = stage.open(other).expect("known after a restart too");
    assert_eq!((third.status, third.outpoint), ("funded", outpoint));
    assert_eq!(opens(&stage).len(), 1);
}

#[test]
fn a_type_that_the_peer_does_not_offer_is_not_asked_for() {
    let mut stage = Stage::new();
    stage.features = Features::from_bits(&[13]);
    stage.open(stage.open_command("late")).expect("nothing is known of the peer yet");
    stage.wait(60);
    let view = stage.request("late");
    assert_eq!(view.status, "failed");
    assert!(view.text.contains("option_anchors"), "{}", view.text);
    let refused = stage.open(stage.open_command("r")).expect_err("known now");
    assert_eq!(refused.code, "channel_type");
    assert!(opens(&stage).is_empty());
    // BOLT 9 takes this one for granted.
    stage.features = Features::empty();
    stage.cut();
    stage.wait(60);
    let channel_type = ChannelType::static_remotekey();
    let command = OpenCommand { channel_type, ..stage.open_command("old") };
    stage.open(command).expect("a good wish");
    stage.wait(60);
    assert_eq!(stage.request("old").status, "funded");
}

#[test]
fn a_request_waits_for_its_peer_and_outlives_a_crash() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    let view = stage.open(stage.open_command("r")).expect("it can wait");
    assert_eq!(view.status, "wait_for_peer");
    stage.crash(ALICE);
    assert_eq!(stage.request("r").status, "wait_for_peer");
    stage.is_wired = true;
    stage.wait(120);
    assert_eq!(stage.request("r").status, "funded");
}

#[test]
fn an_open_is_tried_again_after_a_disconnect_with_other_keys() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.cut();
    let view = stage.request("r");
    assert_eq!((view.status, view.attempts), ("wait_for_retry", 1));
    assert!(stage.machines[ALICE].node.leases().is_empty(), "its coin is free");
    stage.loses.clear();
    stage.wait(60);
    let view = stage.request("r");
    assert_eq!((view.status, view.attempts), ("funded", 2));
    let opens = opens(&stage);
    assert!(opens.len() == 2 && opens[0] != opens[1]);
    assert_eq!(stage.channels(BOB).len(), 1, "bob has forgotten the first");
}

#[test]
fn an_open_is_tried_again_after_a_restart_with_other_keys() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.crash(ALICE);
    assert!(stage.channels(ALICE).is_empty());
    stage.loses.clear();
    stage.wait(60);
    assert_eq!(stage.request("r").status, "funded");
    let opens = opens(&stage);
    assert!(opens.len() == 2 && opens[0] != opens[1]);
}

#[test]
fn a_peer_that_does_not_answer_is_asked_again() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.wait(61);
    assert!(stage.sent(ALICE).contains(&"error"), "the peer need not wait for it");
    stage.loses.clear();
    stage.wait(60);
    assert_eq!(stage.request("r").status, "funded");
}

#[test]
fn an_error_of_the_peer_ends_the_request_with_its_text() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["open_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    let channel_id = opens(&stage)[0];
    stage.inject(ALICE, Message::Error(wire::Error { channel_id, data: b"too small".to_vec() }));
    let view = stage.request("r");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Peer)));
    assert!(view.text.contains("too small"), "{}", view.text);
    stage.wait(600);
    assert_eq!(opens(&stage).len(), 1);
}

#[test]
fn a_request_ends_after_ten_minutes() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    stage.open(stage.open_command("r")).expect("it can wait");
    stage.wait(599);
    assert_eq!(stage.request("r").status, "wait_for_peer");
    stage.wait(1);
    let view = stage.request("r");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Timeout)));
    stage.crash(ALICE);
    assert_eq!(stage.request("r").status, "failed");
}

#[test]
fn a_request_ends_after_144_blocks() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    stage.open(stage.open_command("r")).expect("it can wait");
    stage.mine(143);
    assert_eq!(stage.request("r").status, "wait_for_peer");
    stage.mine(1);
    assert_eq!(stage.request("r").status, "failed");
}

#[test]
fn a_request_waits_for_a_coin_that_is_busy() {
    let mut stage = Stage::with_connection();
    stage.open(stage.open_command("a")).expect("a good wish");
    let forced = OpenCommand { force: true, ..stage.open_command("b") };
    let view = stage.open(forced).expect("there will be change");
    assert_eq!(view.status, "wait_for_coin");
    assert!(!view.text.is_empty());
    stage.crash(ALICE);
    stage.wait(30);
    assert_eq!(stage.request("b").status, "wait_for_coin");
    stage.mine(1);
    assert_eq!(stage.request("b").status, "funded");
    assert_eq!(stage.channels(ALICE).len(), 2);
}

#[test]
fn a_wish_beyond_the_wallet_is_refused_with_numbers() {
    let mut stage = Stage::with_connection();
    let much = OpenCommand { funding: Amount::from_sat(5_000_000), ..stage.open_command("r") };
    let error = stage.open(much).expect_err("there is a million");
    assert_eq!(error.code, "funds");
    assert!(stage.machines[ALICE].node.requests().is_empty(), "it never was a request");
}

#[test]
fn a_second_open_at_a_peer_waits_for_the_first_or_is_forced() {
    let mut stage = Stage::with_connection();
    stage.give(Amount::from_sat(1_000_000));
    stage.open(stage.open_command("a")).expect("a good wish");
    let refused = stage.open(stage.open_command("b")).expect_err("one is pending");
    assert_eq!(refused.code, "pending_open_at_peer");
    let forced = OpenCommand { force: true, ..stage.open_command("b") };
    stage.open(forced).expect("forced");
    assert_eq!(stage.request("b").status, "funded");
    stage.mine(6);
    assert_eq!(stage.states(ALICE), ["Normal", "Normal"]);
    stage.open(stage.open_command("c")).expect("nothing is pending any more");
}

#[test]
fn an_open_that_died_after_funding_created_is_not_tried_again_but_can_be_forced() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_signed"];
    stage.open(stage.open_command("a")).expect("a good wish");
    stage.cut();
    stage.loses.clear();
    let view = stage.request("a");
    assert_eq!(view.status, "failed");
    assert_eq!(stage.states(ALICE), ["Tombstone"]);
    assert!(stage.machines[ALICE].node.leases().is_empty(), "its coin is free");
    // The peer is told as soon as it is there, and gives the place free.
    let refused = stage.open(stage.open_command("b")).map_err(|error| error.code);
    assert_eq!(refused.err(), Some("dead_open_at_peer"));
    let forced = OpenCommand { force: true, ..stage.open_command("b") };
    stage.open(forced).expect("forced");
    stage.wait(60);
    assert_eq!(stage.request("b").status, "funded");
    let ours = stage.channels(ALICE);
    let dead = ours.iter().find(|channel| channel.state == "Tombstone").expect("the first");
    assert_ne!(dead.outpoint, stage.request("b").outpoint);
    // The second spends the coin of the first, which kills it for good.
    stage.mine(6);
    assert!(stage.states(ALICE).contains(&"Normal"));
}

#[test]
fn a_dead_open_stands_in_the_way_until_the_peer_forgets_it() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["funding_signed"];
    let until = stage.machines[ALICE].node.follower().tip().height + 2_016;
    stage.open(stage.open_command("a")).expect("a good wish");
    stage.cut();
    let text = stage.request("a").text;
    assert!(text.contains(&format!("until block {until}")), "{text}");
    stage.mine(2_015);
    let refused = stage.open(stage.open_command("b")).expect_err("it may still be there");
    assert_eq!(refused.code, "dead_open_at_peer");
    assert!(refused.text.contains(&format!("block {until}")), "{}", refused.text);
    stage.mine(1);
    stage.open(stage.open_command("b")).expect("there is room again");
}

#[test]
fn a_polite_stop_ends_early_opens_and_takes_no_more() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.sent(ALICE);
    stage.command(ALICE, Command::Stop);
    assert_eq!(stage.sent(ALICE), ["error"]);
    assert!(stage.machines[ALICE].node.can_stop());
    let refused = stage.open(stage.open_command("s")).map_err(|error| error.code);
    assert_eq!(refused.err(), Some("stopping"));
    let id = RequestId("r".to_owned());
    assert!(stage.machines[ALICE].node.requests().contains_key(&id));
}

#[test]
fn an_open_after_a_polite_stop_is_tried_again_by_the_next_process() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.command(ALICE, Command::Stop);
    stage.loses.clear();
    stage.crash(ALICE);
    stage.wait(60);
    assert_eq!(stage.request("r").status, "funded");
}

#[test]
fn a_coin_that_a_stop_sets_free_begins_no_open() {
    let mut stage = Stage::with_connection();
    stage.loses = vec!["accept_channel"];
    stage.open(stage.open_command("a")).expect("a good wish");
    let forced = OpenCommand { force: true, ..stage.open_command("b") };
    assert_eq!(stage.open(forced).map(|view| view.status), Ok("wait_for_coin"));
    stage.sent(ALICE);
    stage.command(ALICE, Command::Stop);
    assert_eq!(stage.sent(ALICE), ["error"]);
    stage.cut();
    assert!(!stage.sent(ALICE).contains(&"open_channel"));
}

#[test]
fn a_request_without_a_block_chain_says_what_it_waits_for() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    stage.open(stage.open_command("r")).expect("it can wait");
    for (problem, words) in [(None, "following"), (Some("bitcoind is away"), "bitcoind is away")] {
        let problem = problem.map(str::to_owned);
        stage.tell_chain(ALICE, problem.is_some(), problem);
        let view = stage.request("r");
        assert_eq!(view.status, "wait_for_chain");
        assert!(view.text.contains(words), "{}", view.text);
    }
    stage.tell_chain(ALICE, true, None);
    assert_eq!(stage.request("r").status, "wait_for_peer");
}

#[test]
fn an_attempt_whose_request_had_its_time_is_not_called_cancelled() {
    let mut stage = Stage::new();
    stage.is_wired = false;
    stage.open(stage.open_command("r")).expect("it can wait");
    stage.wait(560);
    stage.loses = vec!["accept_channel"];
    stage.is_wired = true;
    stage.wait(39);
    assert_eq!(stage.request("r").status, "trying");
    stage.wait(1);
    let view = stage.request("r");
    assert_eq!((view.status, view.origin), ("failed", Some(Origin::Timeout)));
    assert!(view.text.contains("time is up"), "{}", view.text);
    let told = stage.wire.iter().rev().find_map(|(_, message)| {
        let Message::Error(error) = message else { return None };
        Some(String::from_utf8_lossy(&error.data).into_owned())
    });
    assert_eq!(told.as_deref(), Some("the open's time is up"));
}
