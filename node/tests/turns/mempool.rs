//! What the mempool holds of ours, and of what peers promised.

use bitcoin::{Amount, Txid};
use funding::FundingPosition;
use node::{CloseCommand, Command, Effect, Notice, OpenCommand, Standing};

use crate::stage::{ALICE, BOB, Stage};

/// Alice's open is in the mempool; the funding transaction.
fn pending(stage: &mut Stage) -> Txid {
    stage.open(stage.open_command("r")).expect("a good wish");
    stage.request("r").outpoint.expect("bob signs").txid
}

fn position(stage: &Stage, who: usize) -> FundingPosition {
    stage.channels(who)[0].position.clone().expect("a channel")
}

fn is_held(stage: &Stage, who: usize) -> bool {
    matches!(position(stage, who), FundingPosition::Mempool { .. })
}

fn causes(stage: &Stage, who: usize) -> Vec<String> {
    stage.channels(who)[0].history.iter().map(|entry| entry.cause.clone()).collect()
}

fn notes(stage: &Stage) -> usize {
    let is_note = |effect: &&Effect| matches!(effect, Effect::Notify(n) if matches!(**n, Notice::Note { .. }));
    stage.machines[ALICE].said.iter().filter(is_note).count()
}

#[test]
fn an_evicted_transaction_is_back_before_the_next_block() {
    let mut stage = Stage::with_connection();
    let txid = pending(&mut stage);
    assert!(is_held(&stage, ALICE));
    assert!(stage.chain.drop_from_mempool(&txid));
    stage.wait(31);
    assert_eq!(stage.chain.mempool().len(), 1, "broadcast again");
    assert!(is_held(&stage, ALICE));
    let causes = causes(&stage, ALICE);
    assert!(causes.contains(&"the funding transaction left the mempool".to_owned()), "{causes:?}");
}

#[test]
fn a_transaction_that_the_mempool_does_not_take_again_is_not_said_to_be_pending() {
    let mut stage = Stage::with_connection();
    let txid = pending(&mut stage);
    assert!(stage.chain.drop_from_mempool(&txid));
    stage.chain.set_min_relay(1_000_000);
    stage.wait(31);
    let FundingPosition::Unbroadcast { refused: Some(reason) } = position(&stage, ALICE) else {
        panic!("{:?}", position(&stage, ALICE));
    };
    assert!(reason.contains("fee-below-minimum"), "{reason}");
    let standing = stage.channels(ALICE)[0].unconfirmed[0].standing.clone();
    assert_eq!(standing, Standing::Refused(reason));
    let before = stage.machines[ALICE].costs();
    stage.wait(600);
    assert_eq!(stage.machines[ALICE].costs(), before, "nothing new");
    // Each block is another try.
    stage.chain.set_min_relay(100);
    stage.chain.mine_empty(1, &chain::regtest::faucet_script());
    stage.settle();
    assert!(is_held(&stage, ALICE));
    stage.mine(6);
    assert_eq!(stage.states(ALICE), ["Normal"]);
    assert!(stage.channels(ALICE)[0].unconfirmed.is_empty());
}

#[test]
fn the_accepter_sees_what_it_was_promised() {
    let mut stage = Stage::with_connection();
    let txid = pending(&mut stage);
    stage.wait(31);
    assert!(is_held(&stage, BOB));
    // Alice is not there to bring it back.
    stage.cut();
    stage.is_wired = false;
    stage.chain.set_min_relay(1_000_000);
    assert!(stage.chain.drop_from_mempool(&txid));
    stage.wait(31);
    assert_eq!(position(&stage, BOB), FundingPosition::NEW);
    stage.crash(BOB);
    stage.chain.set_min_relay(100);
    stage.chain.mine_empty(1, &chain::regtest::faucet_script());
    stage.settle();
    stage.wait(31);
    assert!(is_held(&stage, BOB), "after a restart too");
    stage.is_wired = true;
    stage.connect();
    stage.mine(6);
    assert_eq!(stage.states(BOB), ["Normal"]);
}

#[test]
fn opens_that_the_mempool_holds_leave_room_for_others() {
    let mut stage = Stage::with_connection();
    for _ in 0..6 {
        stage.give(Amount::from_sat(1_000_000));
    }
    for number in 0..6 {
        let name = format!("r{number}");
        let command = OpenCommand { force: true, ..stage.open_command(&name) };
        stage.open(command).expect("a good wish");
        assert!(stage.request(&name).outpoint.is_some(), "{:?}", stage.request(&name));
        stage.wait(31);
    }
    assert_eq!(stage.channels(BOB).len(), 6);
}

#[test]
fn a_refused_close_says_why_until_it_is_taken() {
    let mut stage = Stage::with_connection();
    let outpoint = stage.open_channel("r");
    stage.chain.set_min_relay(1_000_000);
    let (feerate, cap, script) = (None, None, None);
    let close = CloseCommand { outpoint, force: true, feerate, cap, script };
    stage.command(ALICE, Command::Close(close));
    let unconfirmed = stage.channels(ALICE)[0].unconfirmed.clone();
    assert!(!unconfirmed.is_empty());
    for transaction in &unconfirmed {
        let Standing::Refused(reason) = &transaction.standing else { panic!("{transaction:?}") };
        assert!(reason.contains("fee"), "{reason}");
    }
    assert_eq!(notes(&stage), 1, "once");
    stage.wait(100);
    stage.chain.mine_empty(1, &chain::regtest::faucet_script());
    stage.settle();
    assert_eq!(notes(&stage), 1, "and not with each block");
    stage.chain.set_min_relay(100);
    stage.chain.mine_empty(1, &chain::regtest::faucet_script());
    stage.settle();
    let unconfirmed = stage.channels(ALICE)[0].unconfirmed.clone();
    assert!(!unconfirmed.is_empty());
    assert!(unconfirmed.iter().all(|transaction| transaction.standing == Standing::Held));
    // And evicted, it is back at once.
    let txids: Vec<Txid> = stage.chain.mempool().iter().map(|t| t.compute_txid()).collect();
    for txid in &txids {
        stage.chain.drop_from_mempool(txid);
    }
    stage.wait(31);
    assert_eq!(stage.chain.mempool().len(), txids.len());
}

#[test]
fn an_idle_node_looks_for_nothing() {
    let mut stage = Stage::with_connection();
    stage.open_channel("r");
    stage.wait(31);
    assert_eq!(stage.machines[ALICE].deadline(), None);
    assert_eq!(stage.machines[BOB].deadline(), None);
    stage.command(ALICE, Command::Balance);
    assert_eq!(stage.machines[ALICE].deadline(), None);
}
