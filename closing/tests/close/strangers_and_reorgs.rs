//! What others take of our outputs, and what blocks that are taken back undo, up to a channel that was closed.

use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Transaction, Txid};
use closing::{Effect, Event, State};
use transactions::{CommitmentOutput, Height};

use crate::end::{End, ends, request};
use crate::on_chain::urgent;

fn commitment(end: &End) -> Transaction {
    end.channel().signed_local_commitment(&end.side.wallet).expect("both signed")
}

fn output(owner: &End, kind: CommitmentOutput) -> OutPoint {
    let commitment = owner.channel().local_commitment().expect("commitment #0");
    let vout = commitment.output_index(kind).expect("there is one");
    OutPoint { txid: commitment.transaction.compute_txid(), vout }
}

/// By force, with our commitment alone, in block 104.
fn forced() -> End {
    let (mut opener, _) = ends();
    opener.side.wallet.has_coins = false;
    opener.close(request());
    opener.step(Event::Forced(request()));
    opener.mine(&commitment(&opener), 104);
    opener
}

/// Closed by the peer's commitment in block 104, whose outputs a sweep is to bring home.
fn swept() -> (End, Transaction) {
    let (mut opener, accepter) = ends();
    opener.close(request());
    opener.mine(&commitment(&accepter), 104);
    let sweep = opener.broadcast().pop().expect("a sweep");
    (opener, sweep)
}

/// A transaction in the block at this height spends these outputs.
fn spend(end: &mut End, inputs: &[OutPoint], txid: Txid, height: u32) {
    end.side.tip = Height(height);
    for outpoint in inputs {
        let outpoint = *outpoint;
        end.step(Event::ClaimSpent { outpoint, txid, height: Height(height) });
    }
    end.step(Event::Block);
}

fn confirm(end: &mut End, sweep: &Transaction, height: u32) {
    let inputs: Vec<OutPoint> = sweep.input.iter().map(|input| input.previous_output).collect();
    spend(end, &inputs, sweep.compute_txid(), height);
}

fn rewind(end: &mut End, fork: u32) {
    end.side.tip = Height(fork);
    end.step(Event::Rewound { fork: Height(fork) });
}

fn spends(transaction: &Transaction, outpoint: OutPoint) -> bool {
    transaction.input.iter().any(|input| input.previous_output == outpoint)
}

fn stranger() -> Txid {
    Txid::from_byte_array([0x77; 32])
}

#[test]
fn an_anchor_that_a_stranger_took_is_written_off() {
    let mut opener = forced();
    let anchor = output(&opener, CommitmentOutput::OwnerAnchor);
    let to_local = output(&opener, CommitmentOutput::ToLocal);
    // From 16 blocks on it is anybody's.
    opener.grow(119);
    spend(&mut opener, &[anchor], stranger(), 120);
    let Some(State::Closing(closing)) = &opener.state else { panic!("{}", opener.name()) };
    assert_eq!(closing.lost, [(anchor, Height(120))]);
    let sweep = opener.grow(247).pop().expect("a sweep");
    assert!(spends(&sweep, to_local) && !spends(&sweep, anchor));
    confirm(&mut opener, &sweep, 248);
    opener.grow(252);
    assert_eq!(opener.name(), "Closing");
    opener.grow(253);
    assert_eq!(opener.name(), "Closed", "nothing waits for the anchor");
}

#[test]
fn a_sweep_whose_anchor_a_stranger_took_is_made_again_without_it() {
    let mut opener = forced();
    let anchor = output(&opener, CommitmentOutput::OwnerAnchor);
    let to_local = output(&opener, CommitmentOutput::ToLocal);
    let first = opener.grow(247).pop().expect("a sweep");
    assert!(spends(&first, anchor) && spends(&first, to_local));
    opener.side.tip = Height(248);
    opener.step(Event::ClaimSpent { outpoint: anchor, txid: stranger(), height: Height(248) });
    assert!(opener.effects.contains(&Effect::Disown(first.compute_txid())));
    let second = opener.broadcast().pop().expect("another sweep");
    assert!(spends(&second, to_local) && !spends(&second, anchor));
    confirm(&mut opener, &second, 249);
    opener.grow(254);
    assert_eq!(opener.name(), "Closed");
}

#[test]
fn a_reorganisation_of_the_sweep_alone_brings_it_out_again() {
    let (mut opener, sweep) = swept();
    confirm(&mut opener, &sweep, 106);
    assert!(opener.grow(108).is_empty(), "it is in a block");
    rewind(&mut opener, 105);
    assert_eq!(opener.broadcast(), std::slice::from_ref(&sweep));
    assert!(!opener.cause.is_empty(), "the record has changed");
    assert!(opener.grow(106).contains(&sweep), "with each block");
    confirm(&mut opener, &sweep, 107);
    opener.grow(111);
    assert_eq!(opener.name(), "Closing");
    opener.grow(112);
    assert_eq!(opener.name(), "Closed");
}

#[test]
fn a_closed_channel_whose_sweep_was_taken_back_is_closing_again() {
    let (mut opener, sweep) = swept();
    confirm(&mut opener, &sweep, 105);
    opener.grow(110);
    assert_eq!(opener.name(), "Closed");
    rewind(&mut opener, 106);
    assert_eq!(opener.name(), "Closed", "its blocks are still there");
    assert!(opener.cause.is_empty() && opener.effects.is_empty());
    rewind(&mut opener, 104);
    assert_eq!((opener.name(), opener.cause.is_empty()), ("Closing", false));
    assert_eq!(opener.broadcast(), std::slice::from_ref(&sweep));
    confirm(&mut opener, &sweep, 106);
    opener.grow(111);
    assert_eq!(opener.name(), "Closed");
}

#[test]
fn a_closed_channel_whose_spend_was_taken_back_begins_again() {
    let (mut opener, sweep) = swept();
    let (_, accepter) = ends();
    let theirs = commitment(&accepter);
    confirm(&mut opener, &sweep, 105);
    opener.grow(140);
    assert_eq!(opener.name(), "Closed");
    rewind(&mut opener, 103);
    assert_eq!(opener.name(), "Closing");
    assert_eq!(opener.broadcast(), std::slice::from_ref(&theirs), "it closes the channel again");
    // The other branch has our own commitment in place of the peer's.
    let ours = commitment(&opener);
    opener.mine(&ours, 104);
    let to_local = output(&opener, CommitmentOutput::ToLocal);
    let sweep = opener.grow(247).pop().expect("a sweep");
    assert!(spends(&sweep, to_local));
    confirm(&mut opener, &sweep, 248);
    opener.grow(253);
    assert_eq!(opener.name(), "Closed");
}

/// Found by seed 2013 of the simulator: the other branch can hold another spend of the funding
/// transaction's coins, and then the sweep is nothing for ever.
#[test]
fn a_sweep_of_what_was_taken_back_is_no_coin_of_the_wallets() {
    let (mut opener, sweep) = swept();
    let (_, accepter) = ends();
    let theirs = commitment(&accepter);
    let disown = Effect::Disown(sweep.compute_txid());
    rewind(&mut opener, 103);
    assert!(opener.effects.contains(&disown));
    opener.side.tip = Height(104);
    opener.step(Event::Spent { transaction: theirs, height: Height(104) });
    assert!(opener.effects.contains(&Effect::Own(sweep)), "what it spends is back");
}

#[test]
fn a_child_of_a_channel_that_is_in_no_block_any_more_gives_its_coins_back() {
    let (_, mut accepter) = ends();
    accepter.close(request());
    accepter.step(Event::Forced(urgent()));
    let child = accepter.broadcast().pop().expect("a child").compute_txid();
    rewind(&mut accepter, 103);
    assert!(!accepter.effects.contains(&Effect::Disown(child)), "the channel is in a block");
    rewind(&mut accepter, 100);
    assert!(accepter.effects.contains(&Effect::Disown(child)));
    assert!(accepter.state.as_ref().is_some_and(|state| state.coins().is_empty()));
}

#[test]
fn an_anchor_whose_loss_was_taken_back_is_claimed_again() {
    let mut opener = forced();
    let anchor = output(&opener, CommitmentOutput::OwnerAnchor);
    opener.grow(119);
    spend(&mut opener, &[anchor], stranger(), 120);
    rewind(&mut opener, 119);
    let Some(State::Closing(closing)) = &opener.state else { panic!("{}", opener.name()) };
    assert!(closing.lost.is_empty());
    let sweep = opener.grow(247).pop().expect("a sweep");
    assert!(spends(&sweep, anchor));
}
