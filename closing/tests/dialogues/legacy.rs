//! `closing_signed`: with a peer that has a ladder and sends no range, and with one that takes the top of ours.

use bitcoin::Amount;
use closing::{Event, State};
use funding::OpenWish;
use transactions::FeeratePerKw;
use wire::{ClosingSigned, Message, Shutdown};

use crate::end::{End, Scripts, both_shut_down, ends, ends_of};
use crate::pair::Pair;
use crate::side::wish;

/// The weight of the closing transaction with two P2WPKH outputs.
const WEIGHT: u64 = 674;

/// LND: a tenth nearer with each round, and content with what is within 30 % of its own.
struct Ladder {
    fee: u64,
}

impl Ladder {
    fn answer(&mut self, offer: u64) -> u64 {
        if offer * 10 >= self.fee * 7 && offer * 10 <= self.fee * 13 {
            self.fee = offer;
        } else if offer < self.fee {
            self.fee -= self.fee / 10;
        } else {
            self.fee += self.fee / 10;
        }
        self.fee
    }
}

/// The opener, who is the code under test, until one of them has enough. Rounds, and the fee agreed on.
fn climb(ideal: u64) -> (u32, Option<u64>) {
    let (opener, accepter) = ends();
    let (mut opener, accepter, scripts) = both_shut_down(opener, accepter);
    let mut peer = Ladder { fee: ideal };
    for round in 1..200 {
        let offer = opener.offer().fee_satoshis.to_sat();
        assert!(offer <= cap(), "{offer}");
        let fee = peer.answer(offer);
        opener.receive(Message::ClosingSigned(accepter.signed(&scripts, fee)));
        if opener.name() == "Closing" {
            return (round, Some(fee));
        }
        if opener.reconnects() {
            return (round, None);
        }
    }
    panic!("no end");
}

fn cap() -> u64 {
    FeeratePerKw(4_000).fee_ceil(WEIGHT).to_sat()
}

#[test]
fn an_accepter_with_a_ladder_is_met_at_the_cap_or_by_its_own_patience() {
    assert_eq!(climb(700), (1, Some(WEIGHT)), "within 30 %: it takes ours");
    assert_eq!(climb(2_000), (1, Some(1_800)), "its first step is below the cap");
    for ideal in [3_000, 5_000, 20_000, 300_000] {
        let (rounds, fee) = climb(ideal);
        let fee = fee.expect("it comes down");
        assert!(fee <= cap() && rounds < 100, "{ideal}: {fee} after {rounds}");
    }
}

#[test]
fn an_opener_with_a_ladder_has_its_first_fee_in_one_round() {
    for fee in [171, WEIGHT, 5_000, 100_000] {
        let (opener, accepter) = ends();
        let (opener, mut accepter, scripts) = both_shut_down(opener, accepter);
        accepter.receive(Message::ClosingSigned(opener.signed(&scripts, fee)));
        assert_eq!(accepter.offer().fee_satoshis.to_sat(), fee);
        assert_eq!(accepter.name(), "Closing");
    }
}

#[test]
fn an_accepter_that_takes_the_top_of_our_range_takes_our_offer() {
    let (opener, accepter) = ends();
    let (mut opener, accepter, scripts) = both_shut_down(opener, accepter);
    let offer = opener.offer();
    let top = offer.fee_range.expect("a range").max_fee_satoshis;
    assert_eq!(top, offer.fee_satoshis);
    opener.receive(Message::ClosingSigned(accepter.signed(&scripts, top.to_sat())));
    assert_eq!(opener.name(), "Closing");
    assert!(opener.sent().is_empty());
}

/// The `shutdown` of the other side once more, on a new connection.
fn begin_again(opener: &mut End, scripts: &Scripts) -> ClosingSigned {
    opener.reconnect();
    opener.receive_reestablish();
    let channel_id = opener.channel().channel_id();
    let scriptpubkey = scripts.accepter.clone();
    opener.receive(Message::Shutdown(Shutdown { channel_id, scriptpubkey }));
    opener.offer()
}

#[test]
fn no_warning_silence_or_restart_makes_us_sign_above_the_cap() {
    let (opener, accepter) = ends();
    let (mut opener, accepter, scripts) = both_shut_down(opener, accepter);
    let channel_id = opener.channel().channel_id();
    let mut last = opener.offer().fee_satoshis.to_sat();
    for round in 0..8 {
        match round % 3 {
            0 => {
                let data = b"fee too low".to_vec();
                opener.receive(Message::Warning(wire::Warning { channel_id, data }));
            }
            1 => opener.step(Event::Deadline),
            _ => {
                let record = opener.state.as_ref().expect("a state").record();
                opener.state = Some(State::resume(&record).expect("it can be read"));
            }
        }
        let offer = begin_again(&mut opener, &scripts).fee_satoshis.to_sat();
        assert!(offer >= last && offer <= cap(), "{last} {offer}");
        last = offer;
        let above = accepter.signed(&scripts, cap() + 1);
        opener.receive(Message::ClosingSigned(above));
        assert!(opener.broadcast().is_empty());
        assert_eq!(opener.name(), "ShuttingDown");
    }
    assert_eq!(last, cap(), "doubled up to the cap");
}

#[test]
fn a_balance_around_the_dust_limit_is_paid_or_given_up_and_both_agree() {
    for push in [0, 300, 353, 354, 355] {
        let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(push), ..wish() });
        let (opener, accepter) = ends_of(pair);
        let (mut opener, mut accepter, _) = both_shut_down(opener, accepter);
        accepter.receive(Message::ClosingSigned(opener.offer()));
        opener.receive(Message::ClosingSigned(accepter.offer()));
        let agreed = opener.broadcast();
        assert_eq!(agreed, accepter.broadcast(), "{push}");
        let outputs = if push < 354 { 1 } else { 2 };
        assert_eq!(agreed[0].output.len(), outputs, "{push}");
    }
}
