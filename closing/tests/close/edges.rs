//! What a close is likely to miss: dust, a late proof, a child that comes later, ranges without overlap.

use bitcoin::{Amount, ScriptBuf, Transaction};
use closing::{Effect, Ending, Event, State};
use funding::{CloseCause, OpenWish};
use transactions::{CommitmentOutput, Height, Signer as _};
use wire::{ChannelReestablish, ClosingComplete, ClosingSignatures, Message};

use crate::end::{End, Scripts, both_shut_down, ends, ends_of, request};
use crate::keys_and_coins::KeysAndCoins;
use crate::pair::Pair;
use crate::side::{KEYS_ID, wish};

fn ending(end: &End) -> Ending {
    let closing = end.state.as_ref().and_then(State::closing).expect("Closing");
    closing.ending(&end.side.wallet)
}

fn commitment(end: &End) -> Transaction {
    end.channel().signed_local_commitment(&end.side.wallet).expect("both signed")
}

/// BOLT 2, closing_signed R16: 200 sat to a P2WPKH do not relay; the peer's variant with that output is
/// taken and broadcast, and the close stands still.
#[test]
fn a_closing_output_below_its_dust_limit_is_refused() {
    let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(200), ..wish() });
    let (opener, accepter) = ends_of(pair);
    let (mut opener, accepter, scripts) = both_shut_down(opener, accepter);
    opener.receive(Message::ClosingSigned(accepter.signed(&scripts, 674)));
    for transaction in opener.broadcast() {
        assert!(transaction.output.iter().all(|output| output.value.to_sat() >= 294));
    }
}

/// 354 sat of ours are no dust to us, but to an LDK, whose limit is the same. Better without them than by force.
#[test]
fn an_output_at_exactly_the_limit_may_be_missing() {
    for (sat, is_agreed) in [(354, true), (355, false)] {
        let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(sat), ..wish() });
        let (opener, accepter) = ends_of(pair);
        let (opener, mut accepter, scripts) = both_shut_down(opener, accepter);
        let mut transaction = scripts.transaction(opener.channel(), 674);
        transaction.output.retain(|output| output.script_pubkey == scripts.opener);
        let signature = opener.sign(&transaction);
        let offer = wire::ClosingSigned { signature, ..opener.signed(&scripts, 674) };
        accepter.receive(Message::ClosingSigned(offer));
        assert_eq!(!accepter.broadcast().is_empty(), is_agreed, "{sat}");
    }
}

/// An LDK that opened to us leaves our 354 sat out and pays for one output, rounded down. At the relay floor that
/// is less than two outputs cost; to insist on the rest would cost the channel.
#[test]
fn a_fee_is_judged_by_the_outputs_that_were_signed() {
    let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(354), ..wish() });
    let (opener, accepter) = ends_of(pair);
    let (opener, mut accepter, scripts) = both_shut_down(opener, accepter);
    let one_output = 253 * ONE_OUTPUT / 1_000;
    for (fee, is_agreed) in [(one_output - 2, false), (one_output, true)] {
        let mut transaction = scripts.transaction(opener.channel(), fee);
        transaction.output.retain(|output| output.script_pubkey == scripts.opener);
        let signature = opener.sign(&transaction);
        let offer = wire::ClosingSigned { signature, ..opener.signed(&scripts, fee) };
        accepter.receive(Message::ClosingSigned(offer));
        assert_eq!(!accepter.broadcast().is_empty(), is_agreed, "{fee}");
    }
}

/// A mutual close that we signed before the operator's force still is one.
#[test]
fn a_mutual_close_after_force_is_no_unknown_transaction() {
    let (opener, accepter) = ends();
    let (mut opener, mut accepter, _) = both_shut_down(opener, accepter);
    accepter.receive(Message::ClosingSigned(opener.offer()));
    let mutual = accepter.broadcast().pop().expect("it is agreed");
    opener.step(Event::Forced(request()));
    opener.mine(&mutual, 104);
    assert_eq!(ending(&opener), Ending::Mutual);
}

/// LDK agrees, broadcasts, forgets the channel, and answers whoever never got its `closing_signed` with an `error`.
#[test]
fn a_mutual_close_after_the_error_of_a_peer_that_agreed_is_no_unknown_transaction() {
    let (opener, accepter) = ends();
    let (mut opener, mut accepter, _) = both_shut_down(opener, accepter);
    accepter.receive(Message::ClosingSigned(opener.offer()));
    let mutual = accepter.broadcast().pop().expect("it is agreed");
    let channel_id = opener.channel().channel_id();
    for _ in 0..2 {
        opener.receive(Message::Error(wire::Error { channel_id, data: b"no".to_vec() }));
    }
    assert_eq!(opener.name(), "Closing");
    opener.mine(&mutual, 104);
    assert_eq!(ending(&opener), Ending::Mutual);
}

/// BOLT 2, closing_complete R19 in `Closing`: the second close goes to another script of the peer's.
#[test]
fn a_second_close_to_another_script_is_no_unknown_transaction() {
    let (opener, accepter) = ends();
    let (opener, mut accepter, scripts) =
        both_shut_down(opener.with_simple_close(), accepter.with_simple_close());
    let offer = |fee: u64, script: ScriptBuf| {
        let scripts = Scripts { opener: script.clone(), accepter: scripts.accepter.clone() };
        let agreed = &opener.channel().agreed;
        let ours = agreed.balance(funding::Role::Opener).floor() - Amount::from_sat(fee);
        let theirs = agreed.balance(funding::Role::Accepter).floor();
        let transaction = transactions::closing_transaction(
            &opener.channel().funding_output(),
            transactions::ClosingKind::Simple { locktime: 0 },
            [Some((script.clone(), ours)), Some((scripts.accepter.clone(), theirs))],
        );
        ClosingComplete {
            channel_id: opener.channel().channel_id(),
            closer_scriptpubkey: script,
            closee_scriptpubkey: scripts.accepter,
            fee_satoshis: Amount::from_sat(fee),
            locktime: 0,
            signatures: ClosingSignatures {
                closer_and_closee_outputs: Some(opener.sign(&transaction)),
                ..ClosingSignatures::default()
            },
        }
    };
    accepter.receive(Message::ClosingComplete(offer(700, scripts.opener.clone())));
    let elsewhere = ScriptBuf::from_bytes([&[0, 32][..], &[5; 32]].concat());
    accepter.receive(Message::ClosingComplete(offer(1_400, elsewhere)));
    let second = accepter.broadcast().pop().expect("it pays more");
    accepter.mine(&second, 104);
    assert_eq!(ending(&accepter), Ending::Mutual);
}

/// The peer's own output would have one satoshi: no node relays that, and it must not stand in the way of a close
/// that can confirm.
#[test]
fn a_simple_close_with_dust_is_no_end_to_wait_for() {
    let (opener, accepter) = ends();
    let (opener, mut accepter, scripts) =
        both_shut_down(opener.with_simple_close(), accepter.with_simple_close());
    let mut dusty = crate::closing_complete::offer(&opener, &scripts);
    dusty.fee_satoshis =
        opener.channel().agreed.balance(funding::Role::Opener).floor() - Amount::ONE_SAT;
    crate::closing_complete::sign(&opener, &mut dusty);
    accepter.receive(Message::ClosingComplete(dusty));
    assert_eq!(accepter.name(), "ShuttingDown");
    let good = crate::closing_complete::offer(&opener, &scripts);
    accepter.receive(Message::ClosingComplete(good));
    assert_eq!((accepter.name(), accepter.broadcast().len()), ("Closing", 1));
}

/// The peer signed one close, then named another script for one that pays less: the first still is mutual.
#[test]
fn a_planned_close_is_mutual_whatever_script_was_named_since() {
    let (opener, accepter) = ends();
    let (opener, mut accepter, scripts) =
        both_shut_down(opener.with_simple_close(), accepter.with_simple_close());
    let first = crate::closing_complete::offer(&opener, &scripts);
    accepter.receive(Message::ClosingComplete(first.clone()));
    let planned = accepter.broadcast().pop().expect("it is good");
    let mut cheaper = first;
    cheaper.closer_scriptpubkey = ScriptBuf::from_bytes([&[0, 32][..], &[5; 32]].concat());
    cheaper.fee_satoshis = Amount::from_sat(400);
    crate::closing_complete::sign(&opener, &mut cheaper);
    accepter.receive(Message::ClosingComplete(cheaper));
    accepter.mine(&planned, 104);
    assert_eq!(ending(&accepter), Ending::Mutual);
}

/// BOLT 5, general G1, BOLT 5, remote_commitment G6: the operator is warned.
#[test]
fn an_unknown_spend_is_noted() {
    let (mut opener, accepter) = ends();
    opener.close(request());
    let mut rogue = commitment(&accepter);
    rogue.output.truncate(1);
    opener.side.tip = Height(104);
    opener.step(Event::Spent { transaction: rogue, height: Height(104) });
    assert!(opener.effects.iter().any(|effect| matches!(effect, Effect::Note(_))));
}

/// BOLT 2, channel_reestablish R2: proof that comes after the broadcast began stops it.
#[test]
fn proof_of_a_later_state_stops_the_broadcast() {
    let (mut opener, _) = ends();
    opener.end_by(CloseCause::PeerError("no".to_owned()));
    opener.reconnect();
    let secret =
        KeysAndCoins::new(1).per_commitment_secret(&KEYS_ID, transactions::CommitmentNumber(0));
    opener.receive(Message::ChannelReestablish(ChannelReestablish {
        channel_id: opener.channel().channel_id(),
        next_commitment_number: 2,
        next_revocation_number: 1,
        your_last_per_commitment_secret: secret,
        my_current_per_commitment_point: opener.channel().node_id,
    }));
    opener.step(Event::Block);
    assert!(opener.broadcast().is_empty());
}

/// It came when a block held our commitment already: should that block go, it is not broadcast again.
#[test]
fn proof_of_a_later_state_outlives_a_reorganisation() {
    for by_child in [false, true] {
        let (mut opener, _) = ends();
        let urgent =
            closing::CloseRequest { feerate: transactions::FeeratePerKw(3_000), ..request() };
        opener.close(urgent.clone());
        opener.step(Event::Forced(urgent));
        let child = opener.broadcast()[1].clone();
        let outpoint = child.input[0].previous_output;
        opener.mine(&commitment(&opener), 104);
        if by_child {
            let txid = child.compute_txid();
            opener.step(Event::ClaimSpent { outpoint, txid, height: Height(104) });
        }
        opener.reconnect();
        let secret =
            KeysAndCoins::new(1).per_commitment_secret(&KEYS_ID, transactions::CommitmentNumber(0));
        opener.receive(Message::ChannelReestablish(ChannelReestablish {
            channel_id: opener.channel().channel_id(),
            next_commitment_number: 2,
            next_revocation_number: 1,
            your_last_per_commitment_secret: secret,
            my_current_per_commitment_point: opener.channel().node_id,
        }));
        assert!(opener.notes());
        let sweeps = opener.grow(247);
        let takes_anchor =
            |sweep: &Transaction| sweep.input.iter().any(|input| input.previous_output == outpoint);
        assert!(!sweeps.is_empty() && sweeps.iter().any(takes_anchor) != by_child);
        opener.side.tip = Height(103);
        opener.step(Event::Rewound { fork: Height(103) });
        assert!(opener.broadcast().is_empty());
        assert!(opener.grow(110).is_empty());
    }
}

/// BOLT 5, failing G7: a coin that comes later pays for the commitment, too.
#[test]
fn a_child_is_made_as_soon_as_there_is_a_coin() {
    let (mut opener, _) = ends();
    opener.side.wallet.has_coins = false;
    let urgent = closing::CloseRequest { feerate: transactions::FeeratePerKw(3_000), ..request() };
    opener.close(urgent.clone());
    opener.step(Event::Forced(urgent));
    opener.side.wallet.has_coins = true;
    opener.step(Event::Block);
    assert_eq!(opener.broadcast().len(), 2);
}

/// A second force replaces the child: the first one is dead and leaves the wallet.
#[test]
fn a_replaced_child_is_disowned() {
    let (mut opener, _) = ends();
    let urgent = closing::CloseRequest { feerate: transactions::FeeratePerKw(3_000), ..request() };
    opener.close(urgent.clone());
    opener.step(Event::Forced(urgent.clone()));
    let child = opener.broadcast()[1].compute_txid();
    opener.side.tip = Height(104);
    opener.side.wallet.change = Amount::from_sat(40_000);
    let feerate = transactions::FeeratePerKw(3_500);
    opener.step(Event::Forced(closing::CloseRequest { feerate, ..urgent }));
    assert_ne!(opener.broadcast()[1].compute_txid(), child);
    assert!(opener.effects.contains(&Effect::Disown(child)));
}

/// BOLT 5, failing G8: it does not confirm.
#[test]
fn a_child_that_does_not_confirm_is_replaced_up_to_the_limit() {
    let (mut opener, _) = ends();
    let urgent = closing::CloseRequest { feerate: transactions::FeeratePerKw(3_000), ..request() };
    opener.close(urgent.clone());
    opener.step(Event::Forced(urgent));
    let mut children = vec![opener.broadcast()[1].compute_txid()];
    for _ in 0..40 {
        // Less and less is left of the coin.
        opener.side.wallet.change -= Amount::from_sat(100);
        opener.side.tip.0 += 1;
        opener.step(Event::Block);
        let child = opener.broadcast()[1].compute_txid();
        if child != children[children.len() - 1] {
            assert!(opener.effects.contains(&Effect::Disown(children[children.len() - 1])));
            children.push(child);
        }
    }
    // 3,000, 3,751, and the limit.
    assert_eq!(children.len(), 3);
    assert_eq!(opener.side.wallet.asked.map(|(feerate, _)| feerate.0), Some(4_000));
}

/// The commitment is in a block without it: the child goes on until it confirms, or its anchor is gone.
#[test]
fn a_child_goes_out_until_its_anchor_is_spent() {
    for by_child in [true, false] {
        let (mut opener, _) = ends();
        let urgent =
            closing::CloseRequest { feerate: transactions::FeeratePerKw(3_000), ..request() };
        opener.close(urgent.clone());
        opener.step(Event::Forced(urgent));
        let child = opener.broadcast()[1].clone();
        opener.mine(&commitment(&opener), 104);
        assert!(opener.grow(105).contains(&child));
        let outpoint = child.input[0].previous_output;
        let txid = if by_child { child.compute_txid() } else { opener.channel().outpoint.txid };
        opener.step(Event::ClaimSpent { outpoint, txid, height: Height(106) });
        assert!(!opener.grow(110).contains(&child));
    }
}

/// BOLT 5, local_commitment G2: after a reorganisation the sweep is unripe again.
#[test]
fn an_unripe_sweep_is_not_broadcast() {
    let (mut opener, _) = ends();
    opener.close(request());
    opener.step(Event::Forced(request()));
    let ours = commitment(&opener);
    let to_local = opener
        .channel()
        .local_commitment()
        .and_then(|commitment| commitment.output_index(CommitmentOutput::ToLocal));
    assert!(to_local.is_some());
    opener.mine(&ours, 104);
    opener.grow(247);
    opener.side.tip = Height(103);
    opener.step(Event::Rewound { fork: Height(103) });
    opener.mine(&ours, 105);
    assert!(opener.grow(247).iter().all(|sweep| sweep.input[0].sequence.0 != 144));
}

/// BOLT 2, closing_signed R7.
#[test]
fn ranges_without_overlap_are_warned_of() {
    let (opener, accepter) = ends();
    let (mut opener, accepter, scripts) = both_shut_down(opener, accepter);
    let mut offer = accepter.signed(&scripts, 100_000);
    offer.fee_range = Some(wire::FeeRange {
        min_fee_satoshis: Amount::from_sat(90_000),
        max_fee_satoshis: Amount::from_sat(110_000),
    });
    opener.receive(Message::ClosingSigned(offer));
    assert!(opener.names().contains(&"warning"));
}

/// BOLT 2, closing_signed S4: as accepter, the top of our range is no lower than the opener's.
#[test]
fn the_range_of_an_echo_leaves_the_top_to_the_opener() {
    let (opener, accepter) = ends();
    let (opener, mut accepter, _) = both_shut_down(opener, accepter);
    let mut offer = opener.offer();
    let top = offer.fee_satoshis + Amount::from_sat(500);
    offer.fee_range.as_mut().expect("a range").max_fee_satoshis = top;
    accepter.receive(Message::ClosingSigned(offer));
    assert!(accepter.offer().fee_range.expect("a range").max_fee_satoshis >= top);
}

/// Of a closing transaction with one P2WPKH output, in weight units, by BOLT 3's expected weights.
const ONE_OUTPUT: u64 = 674 - 4 * (8 + 1 + 22);
