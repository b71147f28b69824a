//! More than one close of a channel: two that cross, one that is raised, one that no block can hold.

use bitcoin::Transaction;
use closing::{CloseRequest, Event, Plan, State};
use transactions::FeeratePerKw;
use wire::{ClosingComplete, Message};

use crate::closing_complete::{complete_of, offer, shut_down, sig_of, sign};
use crate::end::{End, ends, request, shutdown};

fn plan(end: &End) -> &Transaction {
    let Some(State::Closing(closing)) = &end.state else { panic!("{}", end.name()) };
    let Plan::Mutual { transaction } = &closing.plan else { panic!("{:?}", closing.plan) };
    transaction
}

fn at(feerate: u32) -> CloseRequest {
    CloseRequest { feerate: FeeratePerKw(feerate), ..request() }
}

/// What a close of the other's is answered with.
fn answer(closee: &mut End, offer: ClosingComplete) -> Message {
    closee.receive(Message::ClosingComplete(offer));
    Message::ClosingSig(sig_of(closee))
}

#[test]
fn two_closes_that_cross_are_both_signed_and_the_dearer_one_counts() {
    for dearer_is_opener in [false, true] {
        let (opener, accepter) = ends();
        let mut opener = opener.with_simple_close();
        let mut accepter = accepter.with_simple_close();
        let (low, high) = (at(600), at(2_400));
        let (ours, theirs) = if dearer_is_opener { (high, low) } else { (low, high) };
        opener.close(ours);
        let shutdown_of_opener = shutdown(&opener);
        accepter.close(theirs);
        let shutdown_of_accepter = shutdown(&accepter);
        opener.receive(Message::Shutdown(shutdown_of_accepter));
        accepter.receive(Message::Shutdown(shutdown_of_opener));
        let (by_opener, by_accepter) = (complete_of(&opener), complete_of(&accepter));
        let for_accepter = answer(&mut opener, by_accepter);
        let for_opener = answer(&mut accepter, by_opener);
        opener.receive(for_opener);
        assert_eq!(opener.broadcast().len(), 1, "ours goes out too");
        accepter.receive(for_accepter);
        assert_eq!(plan(&opener), plan(&accepter));
        let dearer = if dearer_is_opener { opener } else { accepter };
        let Some(State::Closing(closing)) = &dearer.state else { panic!("{}", dearer.name()) };
        let Plan::Mutual { transaction } = &closing.plan else { panic!("{:?}", closing.plan) };
        let paid = dearer.channel().agreed.capacity()
            - transaction.output.iter().map(|output| output.value).sum::<bitcoin::Amount>();
        assert!(paid.to_sat() > 1_500, "{paid}");
    }
}

#[test]
fn a_close_is_raised_when_it_is_asked_for_again() {
    let (mut opener, mut accepter, _) = shut_down();
    let sig = answer(&mut accepter, complete_of(&opener));
    opener.receive(sig);
    let first = plan(&opener).clone();
    opener.step(Event::Requested(at(900)));
    assert!(opener.sent().is_empty(), "that would be less");
    opener.step(Event::Requested(at(2_000)));
    let second = complete_of(&opener);
    opener.step(Event::Requested(at(3_000)));
    assert!(opener.sent().is_empty(), "one at a time");
    let sig = answer(&mut accepter, second.clone());
    assert!(!accepter.cause.is_empty(), "it is dearer");
    opener.receive(sig);
    assert_ne!(plan(&opener), &first);
    assert_eq!(plan(&opener), plan(&accepter));
    assert_eq!(opener.broadcast(), [plan(&opener).clone()]);
    // The limit holds.
    opener.step(Event::Requested(at(9_000)));
    let third = complete_of(&opener);
    let ratio = third.fee_satoshis.to_sat() * 10 / second.fee_satoshis.to_sat();
    assert_eq!(ratio, 20, "4,000 sat/kw and not 9,000");
}

#[test]
fn a_raise_that_was_cut_off_is_asked_for_on_the_next_connection() {
    let (mut opener, mut accepter, _) = shut_down();
    let sig = answer(&mut accepter, complete_of(&opener));
    opener.receive(sig);
    opener.step(Event::Requested(at(2_000)));
    complete_of(&opener);
    opener.reconnect();
    opener.receive_reestablish();
    assert_eq!(opener.names(), ["shutdown"]);
    accepter.reconnect();
    accepter.receive_reestablish();
    opener.receive(Message::Shutdown(shutdown(&accepter)));
    assert_eq!(opener.names(), ["closing_complete"]);
    let sig = answer(&mut accepter, complete_of(&opener));
    opener.receive(sig);
    assert_eq!(plan(&opener), plan(&accepter));
}

#[test]
fn a_close_that_no_block_can_hold_is_signed_and_is_no_end() {
    for change in 0..3 {
        let (opener, mut accepter, scripts) = shut_down();
        let mut bad = offer(&opener, &scripts);
        match change {
            0 => bad.locktime = 5_000,
            1 => bad.locktime = 1_900_000_000,
            _ => bad.fee_satoshis = bitcoin::Amount::from_sat(20),
        }
        sign(&opener, &mut bad);
        answer(&mut accepter, bad);
        assert_eq!(accepter.name(), "ShuttingDown", "{change}");
        // A better one ends it.
        answer(&mut accepter, complete_of(&opener));
        assert_eq!(accepter.name(), "Closing");
        let good = plan(&accepter).clone();
        // And nothing worse takes its place.
        let mut bad = offer(&opener, &scripts);
        bad.locktime = 5_000;
        bad.fee_satoshis = bitcoin::Amount::from_sat(3_000);
        sign(&opener, &mut bad);
        answer(&mut accepter, bad);
        assert_eq!(plan(&accepter), &good);
        accepter.step(Event::Block);
        assert!(accepter.broadcast().contains(&good));
    }
}
