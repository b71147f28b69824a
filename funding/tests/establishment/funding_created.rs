//! `funding_created`, ours and the peer's.

use bitcoin::Amount;
use funding::{CancelCause, Effect, Event, Next, Role, Verdict};
use transactions::FeeratePerKw;
use wire::{FundingCreated, Message};

use crate::keys_and_coins::with_high_s;
use crate::pair::Pair;
use crate::side::{Side, wish};

#[test]
fn funding_created_names_the_outpoint_and_signs_for_the_peer() {
    let mut pair = Pair::new(&wish());
    let created = pair.reach_funding_created();
    let outpoint = pair.outpoint();
    assert_eq!(created.temporary_channel_id, pair.open.temporary_channel_id);
    assert_eq!(created.funding_txid, outpoint.txid);
    assert_eq!(created.funding_output_index, 1);
    let agreed = pair.agreed();
    let funding = agreed.funding_output(outpoint);
    assert_eq!(pair.transaction.expect("built").output[1], funding.txout());
    let commitment = agreed.commitment(Role::Accepter, outpoint).expect("commitment #0");
    assert!(commitment.verify(&funding, &agreed.open.funding_pubkey, &created.signature));
}

#[test]
fn nothing_is_broadcast_before_funding_signed() {
    let is_public = |side: &Side| {
        let public = |effect: &Effect| matches!(effect, Effect::Broadcast(_) | Effect::Own(_));
        side.effects.iter().any(public)
    };
    let mut pair = Pair::new(&wish());
    pair.reach_tests();
    assert!(!is_public(&pair.opener));
    for event in [Event::Alive, Event::Tested(Verdict::Accepted), Event::Block, Event::Alive] {
        pair.opener.step(event);
        assert!(!is_public(&pair.opener));
    }
    assert_eq!(pair.opener.state().name(), "WaitForFundingSigned");
    for event in [Event::Deadline, Event::Disconnected, Event::Cancel(CancelCause::Operator)] {
        let mut pair = Pair::new(&wish());
        pair.reach_funding_created();
        pair.opener.step(event);
        assert!(!is_public(&pair.opener));
        pair.opener.connect();
        pair.opener.step(Event::Block);
        assert!(!is_public(&pair.opener));
    }
}

#[test]
fn funding_created_waits_for_both_tests() {
    let mut pair = Pair::new(&wish());
    pair.reach_tests();
    pair.opener.step(Event::Alive);
    assert!(pair.opener.sent().is_empty());
    pair.opener.step(Event::Tested(Verdict::Refused("min relay fee not met".to_owned())));
    assert_eq!(pair.opener.names(), ["error"]);
    assert!(matches!(pair.opener.next, Some(Next::Ended(_))));
}

#[test]
fn the_wallet_is_asked_for_the_callers_feerate() {
    let mut pair = Pair::new(&wish());
    pair.reach_tests();
    let asked = pair.opener.wallet.asked;
    assert_eq!(asked, Some((FeeratePerKw(700), Amount::from_sat(5_000))));
}

fn is_refused(change: impl FnOnce(&mut FundingCreated)) -> String {
    let mut pair = Pair::new(&wish());
    let mut created = pair.reach_funding_created();
    change(&mut created);
    pair.accepter.receive(Message::FundingCreated(created));
    assert!(matches!(pair.accepter.next, Some(Next::Ended(_))));
    let mut errors = pair.accepter.errors();
    let (id, text) = errors.pop().expect("an error");
    assert_eq!(id, pair.open.temporary_channel_id);
    assert!(errors.is_empty());
    text
}

#[test]
fn funding_created_with_a_wrong_signature_fails() {
    let text = is_refused(|created| created.funding_output_index = 0);
    assert_eq!(text, "the signature does not sign the commitment transaction");
}

#[test]
fn funding_created_with_a_high_s_fails() {
    let text = is_refused(|created| created.signature = with_high_s(&created.signature));
    assert_eq!(text, "the signature has a high S");
}

#[test]
fn funding_created_with_the_outpoint_of_another_channel_fails() {
    let mut pair = Pair::new(&wish());
    let created = pair.reach_funding_created();
    pair.accepter.taken.push(pair.outpoint());
    pair.accepter.receive(Message::FundingCreated(created));
    assert!(matches!(pair.accepter.next, Some(Next::Ended(_))));
    assert_eq!(pair.accepter.names(), ["error"]);
}
