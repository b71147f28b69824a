//! `closing_signed`: the legacy negotiation.

use bitcoin::Amount;
use closing::{Effect, Event, Plan, State};
use transactions::FeeratePerKw;
use wire::{FeeRange, Message};

use crate::end::{End, Scripts, both_shut_down, ends, request};
use crate::keys_and_coins::with_high_s;

/// The weight of the closing transaction with two P2WPKH outputs.
const WEIGHT: u64 = 674;

fn negotiating() -> (End, End, Scripts) {
    let (opener, accepter) = ends();
    both_shut_down(opener, accepter)
}

/// The transaction that was agreed on; every state but `Closing` has none.
fn agreed(end: &End) -> Option<&bitcoin::Transaction> {
    match &end.state {
        Some(State::Closing(closing)) => match &closing.plan {
            Plan::Mutual { transaction } => Some(transaction),
            Plan::Force { .. } | Plan::Ask { .. } | Plan::Watch => None,
        },
        Some(State::ShuttingDown(_) | State::Closed(_)) | None => None,
    }
}

#[test]
fn the_opener_makes_the_first_offer() {
    let (opener, accepter, _) = negotiating();
    assert_eq!(opener.names(), ["closing_signed"]);
    assert_eq!(accepter.names(), ["shutdown"]);
}

#[test]
fn the_first_offer_is_what_was_asked_for() {
    let (opener, _, scripts) = negotiating();
    let offer = opener.offer();
    let weight = transactions::closing_weight(
        &opener.channel().funding_output(),
        &[&scripts.opener, &scripts.accepter],
    );
    assert_eq!(weight, WEIGHT);
    assert_eq!(offer.fee_satoshis.to_sat(), WEIGHT);
    let floor = Amount::from_sat((253 * WEIGHT).div_ceil(1_000));
    let range = FeeRange { min_fee_satoshis: floor, max_fee_satoshis: offer.fee_satoshis };
    assert_eq!(offer.fee_range, Some(range), "the cap is nobody's business");
}

#[test]
fn an_offer_signs_the_closing_transaction() {
    let (opener, mut accepter, scripts) = negotiating();
    let offer = opener.offer();
    let transaction = scripts.transaction(opener.channel(), offer.fee_satoshis.to_sat());
    assert_eq!(offer.signature, opener.sign(&transaction));
    accepter.receive(Message::ClosingSigned(offer));
    let complete = agreed(&accepter).expect("a fee that relays");
    assert_eq!(complete.compute_txid(), transaction.compute_txid());
    assert_eq!(complete.input[0].witness.len(), 4);
}

#[test]
fn a_silent_peer_gets_better_offers_and_then_the_operator_is_asked() {
    let (mut opener, _, scripts) = negotiating();
    let mut last = opener.offer().fee_satoshis;
    for _ in 0..8 {
        opener.step(Event::Deadline);
        assert!(opener.reconnects());
        opener.reconnect();
        opener.receive_reestablish();
        let channel_id = opener.channel().channel_id();
        let scriptpubkey = scripts.accepter.clone();
        opener.receive(Message::Shutdown(wire::Shutdown { channel_id, scriptpubkey }));
        let offer = opener.offer().fee_satoshis;
        assert!(offer >= last && offer <= FeeratePerKw(4_000).fee_ceil(WEIGHT));
        last = offer;
    }
    assert_eq!(last, FeeratePerKw(4_000).fee_ceil(WEIGHT));
    opener.step(Event::Deadline);
    assert!(opener.notes() && !opener.reconnects());
    assert_eq!(opener.name(), "ShuttingDown");
}

#[test]
fn the_accepter_asks_for_what_relays_and_leaves_the_top_to_the_opener() {
    let (opener, mut accepter, scripts) = negotiating();
    accepter.receive(Message::ClosingSigned(opener.signed(&scripts, 100)));
    let offer = accepter.offer();
    let floor = (253 * WEIGHT).div_ceil(1_000);
    assert_eq!(offer.fee_satoshis.to_sat(), floor);
    let range = offer.fee_range.expect("a range");
    assert_eq!(range.min_fee_satoshis.to_sat(), floor);
    assert_eq!(range.max_fee_satoshis.to_sat(), 970_000);
}

#[test]
fn a_wrong_closing_signed_ends_the_connection() {
    for high in [false, true] {
        let (mut opener, accepter, scripts) = negotiating();
        let fee = opener.offer().fee_satoshis.to_sat();
        let mut offer = accepter.signed(&scripts, if high { fee } else { fee + 1 });
        if high {
            offer.signature = with_high_s(&offer.signature);
        }
        offer.fee_satoshis = Amount::from_sat(fee);
        opener.receive(Message::ClosingSigned(offer));
        assert_eq!(opener.names(), ["warning"]);
        assert!(opener.reconnects() && opener.broadcast().is_empty());
        assert_eq!(opener.name(), "ShuttingDown");
    }
}

#[test]
fn our_own_fee_back_is_the_end() {
    let (mut opener, mut accepter, _) = negotiating();
    accepter.receive(Message::ClosingSigned(opener.offer()));
    assert_eq!(accepter.broadcast().len(), 1);
    opener.receive(Message::ClosingSigned(accepter.offer()));
    assert!(opener.sent().is_empty());
    assert_eq!(opener.broadcast(), accepter.broadcast());
    assert_eq!(agreed(&opener), agreed(&accepter));
}

#[test]
fn a_fee_within_our_range_is_taken_and_repeated() {
    let (mut opener, accepter, scripts) = negotiating();
    let range = opener.offer().fee_range.expect("a range");
    let fee = range.min_fee_satoshis.to_sat() + 1;
    opener.receive(Message::ClosingSigned(accepter.signed(&scripts, fee)));
    assert_eq!(opener.offer().fee_satoshis.to_sat(), fee);
    assert_eq!(opener.broadcast().len(), 1);
}

#[test]
fn a_fee_up_to_the_cap_is_taken_and_no_other() {
    let cap = FeeratePerKw(4_000).fee(WEIGHT).to_sat();
    let (mut opener, accepter, scripts) = negotiating();
    opener.receive(Message::ClosingSigned(accepter.signed(&scripts, cap)));
    assert_eq!(opener.broadcast().len(), 1);

    for fee in [cap + 1, 100] {
        let (mut opener, accepter, scripts) = negotiating();
        opener.receive(Message::ClosingSigned(accepter.signed(&scripts, fee)));
        assert!(opener.broadcast().is_empty());
        assert_eq!(opener.offer().fee_satoshis.to_sat(), WEIGHT, "the same offer again");
    }
}

#[test]
fn an_offer_is_repeated_a_hundred_times_and_raised_on_a_new_connection() {
    let (mut opener, accepter, scripts) = negotiating();
    let fee = 100_000;
    let greedy = Message::ClosingSigned(accepter.signed(&scripts, fee));
    for _ in 1..100 {
        opener.receive(greedy.clone());
        assert_eq!(opener.offer().fee_satoshis.to_sat(), WEIGHT);
    }
    opener.receive(greedy);
    assert!(opener.reconnects() && opener.sent().is_empty());
}

#[test]
fn the_accepter_takes_another_fee_than_its_own_too() {
    let (opener, mut accepter, scripts) = negotiating();
    accepter.receive(Message::ClosingSigned(opener.signed(&scripts, 100)));
    accepter.receive(Message::ClosingSigned(opener.signed(&scripts, 5_000)));
    assert_eq!(accepter.offer().fee_satoshis.to_sat(), 5_000);
    assert_eq!(accepter.broadcast().len(), 1);
}

#[test]
fn closing_signed_before_both_shutdown_is_warned_of() {
    let (mut opener, accepter) = ends();
    opener.close(request());
    let scripts = Scripts {
        opener: crate::end::shutdown(&opener).scriptpubkey,
        accepter: crate::end::shutdown(&opener).scriptpubkey,
    };
    opener.receive(Message::ClosingSigned(accepter.signed(&scripts, 1_000)));
    assert_eq!(opener.names(), ["warning"]);
}

#[test]
fn an_error_while_closing_costs_a_reconnect_and_the_second_the_channel() {
    let (mut opener, ..) = negotiating();
    let channel_id = opener.channel().channel_id();
    let error = || Message::Error(wire::Error { channel_id, data: b"no".to_vec() });
    opener.receive(error());
    assert!(opener.reconnects());
    opener.receive(error());
    assert_eq!(opener.name(), "Closing");
    assert!(!opener.broadcast().is_empty());
}

/// LND says so when it is asked for a simple close before its graph has the channel.
#[test]
fn an_error_that_passes_costs_reconnects_and_no_channel() {
    let (mut opener, ..) = negotiating();
    let channel_id = opener.channel().channel_id();
    for text in ["internal error", "unable to disable channel: edge not found: op=00:0"].repeat(3) {
        let data = text.as_bytes().to_vec();
        opener.receive(Message::Error(wire::Error { channel_id, data }));
        assert!(opener.reconnects());
        assert_eq!(opener.name(), "ShuttingDown");
    }
}

#[test]
fn an_error_after_a_signed_close_means_nothing() {
    let (mut opener, mut accepter, _) = negotiating();
    accepter.receive(Message::ClosingSigned(opener.offer()));
    opener.receive(Message::ClosingSigned(accepter.offer()));
    let signed = agreed(&opener).cloned();
    let channel_id = opener.channel().channel_id();
    opener.receive(Message::Error(wire::Error { channel_id, data: Vec::new() }));
    assert_eq!(agreed(&opener).cloned(), signed);
    assert!(opener.effects.iter().all(|effect| matches!(effect, Effect::Note(_))));
    opener.step(Event::Block);
    assert_eq!(opener.broadcast(), Vec::from_iter(signed));
}

/// The opener has 970,000 sat without 500 msat, the accepter 30,000 sat and 500 msat.
#[test]
fn amounts_are_rounded_down_and_the_opener_pays() {
    for simple in [false, true] {
        let (opener, accepter) = ends();
        let (opener, accepter) = (opener.with_push(500), accepter.with_push(500));
        let (opener, accepter) = if simple {
            (opener.with_simple_close(), accepter.with_simple_close())
        } else {
            (opener, accepter)
        };
        let (opener, mut accepter, scripts) = both_shut_down(opener, accepter);
        let offer = opener.sent().pop().expect("an offer");
        let fee = if let Message::ClosingSigned(offer) = &offer {
            offer.fee_satoshis
        } else if let Message::ClosingComplete(offer) = &offer {
            offer.fee_satoshis
        } else {
            panic!("{offer:?}")
        };
        accepter.receive(offer);
        let transaction = accepter.broadcast().pop().expect("it is agreed");
        let value = |script: &bitcoin::ScriptBuf| {
            let paid = transaction.output.iter().find(|output| output.script_pubkey == *script);
            paid.map(|output| output.value)
        };
        assert_eq!(value(&scripts.accepter), Some(Amount::from_sat(30_000)));
        assert_eq!(value(&scripts.opener), Some(Amount::from_sat(969_999) - fee));
    }
}

/// 300 sat are below our dust limit of 354, though a P2WPKH of 294 would relay.
#[test]
fn dust_of_ours_is_left_out() {
    let wish = funding::OpenWish { push: Amount::from_sat(300), ..crate::side::wish() };
    let (opener, accepter) = crate::end::ends_of(crate::pair::Pair::normal_of(&wish));
    let (opener, mut accepter, scripts) = both_shut_down(opener, accepter);
    accepter.receive(Message::ClosingSigned(opener.offer()));
    let transaction = accepter.broadcast().pop().expect("it is agreed");
    assert_eq!(transaction.output.len(), 1);
    assert_eq!(transaction.output[0].script_pubkey, scripts.opener);
}
