//! `closing_complete` and `closing_sig`: each closer pays for its own transaction.

use bitcoin::{Amount, ScriptBuf, Transaction};
use closing::{CloseRequest, Event, Who};
use funding::{OpenWish, Role};
use transactions::{ClosingKind, FeeratePerKw, closing_transaction};
use wire::{ClosingComplete, ClosingSig, ClosingSignatures, Message, Shutdown};

use crate::end::{End, Scripts, both_shut_down, ends, ends_of, request, shutdown};
use crate::keys_and_coins::with_high_s;
use crate::pair::Pair;
use crate::side::wish;

pub fn shut_down() -> (End, End, Scripts) {
    let (opener, accepter) = ends();
    both_shut_down(opener.with_simple_close(), accepter.with_simple_close())
}

/// With so many satoshi on the accepter's side.
fn shut_down_with(push: u64) -> (End, End, Scripts) {
    let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(push), ..wish() });
    let (opener, accepter) = ends_of(pair);
    both_shut_down(opener.with_simple_close(), accepter.with_simple_close())
}

/// The accepter asks for the close, and both have said `shutdown`.
fn asked_by_accepter(push: u64) -> (End, End) {
    let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(push), ..wish() });
    let (opener, accepter) = ends_of(pair);
    let (mut opener, mut accepter) = (opener.with_simple_close(), accepter.with_simple_close());
    accepter.close(request());
    opener.receive(Message::Shutdown(shutdown(&accepter)));
    accepter.receive(Message::Shutdown(shutdown(&opener)));
    (opener, accepter)
}

pub fn complete_of(end: &End) -> ClosingComplete {
    match end.sent().pop() {
        Some(Message::ClosingComplete(complete)) => complete,
        other => panic!("{other:?}"),
    }
}

pub fn sig_of(end: &End) -> ClosingSig {
    match end.sent().as_slice() {
        [Message::ClosingSig(sig)] => sig.clone(),
        other => panic!("{other:?}"),
    }
}

/// The closing transaction of an offer with these outputs, built without the code under test.
fn transaction(closer: &End, offer: &ClosingComplete, outputs: [bool; 2]) -> Transaction {
    let agreed = &closer.channel().agreed;
    let role = closer.role();
    let ours = agreed.balance(role).floor() - offer.fee_satoshis;
    let theirs = agreed.balance(role.other()).floor();
    let [closer_output, closee_output] = outputs;
    closing_transaction(
        &closer.channel().funding_output(),
        ClosingKind::Simple { locktime: offer.locktime },
        [
            closer_output.then(|| (offer.closer_scriptpubkey.clone(), ours)),
            closee_output.then(|| (offer.closee_scriptpubkey.clone(), theirs)),
        ],
    )
}

const CLOSER_ONLY: [bool; 2] = [true, false];
const CLOSEE_ONLY: [bool; 2] = [false, true];
const BOTH_OUTPUTS: [bool; 2] = [true, true];

/// An offer of the opener's that is right in every way.
pub fn offer(opener: &End, scripts: &Scripts) -> ClosingComplete {
    let mut offer = ClosingComplete {
        channel_id: opener.channel().channel_id(),
        closer_scriptpubkey: scripts.opener.clone(),
        closee_scriptpubkey: scripts.accepter.clone(),
        fee_satoshis: Amount::from_sat(777),
        locktime: 12,
        signatures: ClosingSignatures::default(),
    };
    sign(opener, &mut offer);
    offer
}

/// Signs what the offer says now.
pub fn sign(closer: &End, offer: &mut ClosingComplete) {
    let signature = |outputs| Some(closer.sign(&transaction(closer, offer, outputs)));
    offer.signatures = ClosingSignatures {
        closer_output_only: signature(CLOSER_ONLY),
        closee_output_only: None,
        closer_and_closee_outputs: signature(BOTH_OUTPUTS),
    };
}

#[test]
fn whoever_asked_offers_and_whoever_did_not_signs() {
    let (mut opener, mut accepter, _) = shut_down();
    assert_eq!(accepter.names(), ["shutdown"], "a closee makes no offer");
    assert_eq!(opener.names(), ["closing_complete"]);
    accepter.receive(Message::ClosingComplete(complete_of(&opener)));
    assert_eq!(accepter.names(), ["closing_sig"]);
    opener.receive(Message::ClosingSig(sig_of(&accepter)));
    assert!(opener.sent().is_empty());
    assert_eq!(opener.broadcast().len(), 1);
    assert_eq!(opener.broadcast(), accepter.broadcast());
    assert_eq!((opener.name(), accepter.name()), ("Closing", "Closing"));
}

#[test]
fn a_closee_offers_if_the_closer_cannot_pay() {
    let (opener, accepter) = asked_by_accepter(100);
    assert_eq!(complete_of(&opener).closer_scriptpubkey, shutdown(&opener).scriptpubkey);
    assert!(!accepter.names().contains(&"closing_complete"), "100 sat do not relay");
}

#[test]
fn an_offer_names_scripts_fee_and_locktime() {
    let (opener, _, scripts) = shut_down();
    let offer = complete_of(&opener);
    assert_eq!(offer.closer_scriptpubkey, scripts.opener);
    assert_eq!(offer.closee_scriptpubkey, scripts.accepter);
    assert_eq!(offer.locktime, 103);
    assert_eq!(offer.fee_satoshis, FeeratePerKw(1_000).fee_ceil(674));
}

#[test]
fn a_fee_is_never_more_than_there_is() {
    let pair = Pair::normal_of(&OpenWish { push: Amount::from_sat(600), ..wish() });
    let (opener, accepter) = ends_of(pair);
    let (mut opener, mut accepter) = (opener.with_simple_close(), accepter.with_simple_close());
    accepter.close(CloseRequest { feerate: FeeratePerKw(4_000), ..request() });
    opener.receive(Message::Shutdown(shutdown(&accepter)));
    accepter.receive(Message::Shutdown(shutdown(&opener)));
    let offer = complete_of(&accepter);
    assert_eq!(offer.fee_satoshis.to_sat(), 600);
    assert!(offer.signatures.closee_output_only.is_some(), "the peer's output is no dust");
}

#[test]
fn the_richer_side_signs_for_its_own_output_alone_and_for_both() {
    let (opener, ..) = shut_down();
    let offer = complete_of(&opener);
    let ClosingSignatures { closer_output_only, closee_output_only, closer_and_closee_outputs } =
        offer.signatures;
    let signature = |outputs| Some(opener.sign(&transaction(&opener, &offer, outputs)));
    assert_eq!(closer_output_only, signature(CLOSER_ONLY));
    assert_eq!(closee_output_only, None);
    assert_eq!(closer_and_closee_outputs, signature(BOTH_OUTPUTS));
}

#[test]
fn the_richer_side_leaves_dust_of_the_other_out() {
    let (opener, ..) = shut_down_with(293);
    let signatures = complete_of(&opener).signatures;
    assert!(signatures.closer_output_only.is_some());
    assert_eq!(signatures.closer_and_closee_outputs, None);
    assert_eq!(signatures.closee_output_only, None);
    let (opener, ..) = shut_down_with(294);
    assert!(complete_of(&opener).signatures.closer_and_closee_outputs.is_some());
}

#[test]
fn the_poorer_side_never_signs_for_its_own_output_alone() {
    // 674 go to the fee, 294 is the least of a P2WPKH.
    for (push, has_both) in [(30_000, true), (674 + 294, true), (674 + 293, false)] {
        let (_, accepter) = asked_by_accepter(push);
        let offer = complete_of(&accepter);
        assert_eq!(offer.signatures.closer_output_only, None);
        let signature = |outputs| Some(accepter.sign(&transaction(&accepter, &offer, outputs)));
        let both = signature(BOTH_OUTPUTS).filter(|_| has_both);
        let closee = signature(CLOSEE_ONLY).filter(|_| !has_both);
        assert_eq!(offer.signatures.closer_and_closee_outputs, both, "{push}");
        assert_eq!(offer.signatures.closee_output_only, closee, "{push}");
    }
}

#[test]
fn the_next_offer_waits_for_closing_sig() {
    let (mut opener, ..) = shut_down();
    opener.step(Event::Requested(CloseRequest { feerate: FeeratePerKw(2_000), ..request() }));
    assert!(opener.sent().is_empty() && opener.reconnects());
}

#[test]
fn no_closing_sig_ends_the_connection() {
    let (mut opener, ..) = shut_down();
    opener.step(Event::Deadline);
    assert!(opener.reconnects());
}

/// What the accepter makes of a changed offer: told, disconnected, nothing signed.
fn is_refused(change: impl FnOnce(&End, &mut ClosingComplete)) {
    let (opener, mut accepter, scripts) = shut_down();
    let mut offer = offer(&opener, &scripts);
    change(&opener, &mut offer);
    accepter.receive(Message::ClosingComplete(offer));
    assert_eq!(accepter.names(), ["warning"]);
    assert!(accepter.reconnects() && accepter.broadcast().is_empty());
    assert_eq!(accepter.name(), "ShuttingDown");
}

/// The transaction that it broadcasts, after a changed offer.
fn is_signed(push: u64, change: impl FnOnce(&End, &mut ClosingComplete)) -> Transaction {
    let (opener, mut accepter, scripts) = shut_down_with(push);
    let mut offer = offer(&opener, &scripts);
    change(&opener, &mut offer);
    accepter.receive(Message::ClosingComplete(offer.clone()));
    let sig = sig_of(&accepter);
    assert_eq!(sig.closer_scriptpubkey, offer.closer_scriptpubkey);
    assert_eq!(sig.closee_scriptpubkey, offer.closee_scriptpubkey);
    assert_eq!((sig.fee_satoshis, sig.locktime), (offer.fee_satoshis, offer.locktime));
    accepter.broadcast().pop().expect("it signed")
}

#[test]
fn a_closee_signs_what_it_is_offered() {
    let (opener, mut accepter, scripts) = shut_down();
    let offer = offer(&opener, &scripts);
    let unsigned = transaction(&opener, &offer, BOTH_OUTPUTS);
    accepter.receive(Message::ClosingComplete(offer));
    let signatures = sig_of(&accepter).signatures;
    let both = Some(accepter.sign(&unsigned));
    assert_eq!(
        signatures,
        ClosingSignatures { closer_and_closee_outputs: both, ..ClosingSignatures::default() }
    );
    let broadcast = accepter.broadcast().pop().expect("it signed");
    assert_eq!(broadcast.compute_txid(), unsigned.compute_txid());
    assert_eq!(broadcast.input[0].witness.len(), 4);
}

#[test]
fn a_fee_beyond_the_closers_balance_is_refused() {
    is_refused(|_, offer| offer.fee_satoshis = Amount::from_sat(970_001));
}

#[test]
fn an_offer_to_another_script_than_ours_is_refused() {
    is_refused(|opener, offer| {
        offer.closee_scriptpubkey = offer.closer_scriptpubkey.clone();
        sign(opener, offer);
    });
}

#[test]
fn a_closer_script_of_no_known_form_is_refused() {
    is_refused(|opener, offer| {
        offer.closer_scriptpubkey = ScriptBuf::from_bytes(vec![0x51]);
        sign(opener, offer);
    });
}

#[test]
fn an_op_return_of_the_closer_gets_nothing() {
    let op_return = ScriptBuf::from_bytes(vec![0x6a, 6, 1, 2, 3, 4, 5, 6]);
    let broadcast = is_signed(30_000, |opener, offer| {
        offer.closer_scriptpubkey = op_return.clone();
        sign(opener, offer);
    });
    let paid = broadcast.output.iter().find(|output| output.script_pubkey == op_return);
    assert_eq!(paid.map(|output| output.value), Some(Amount::ZERO));
}

#[test]
fn our_dust_goes_and_all_else_stays() {
    let outputs = |push| is_signed(push, |_, _| ()).output.len();
    assert_eq!(outputs(293), 1);
    assert_eq!(outputs(294), 2);
}

#[test]
fn without_both_outputs_ours_alone_counts() {
    let broadcast = is_signed(30_000, |opener, offer| {
        let signature = opener.sign(&transaction(opener, offer, CLOSEE_ONLY));
        offer.signatures = ClosingSignatures {
            closee_output_only: Some(signature),
            ..ClosingSignatures::default()
        };
    });
    assert_eq!(broadcast.output.len(), 1);
    assert_eq!(broadcast.output[0].value.to_sat(), 30_000);
}

#[test]
fn an_offer_without_the_signature_that_counts_is_refused() {
    is_refused(|_, offer| offer.signatures = ClosingSignatures::default());
    is_refused(|_, offer| offer.signatures.closer_and_closee_outputs = None);
}

#[test]
fn an_offer_with_a_wrong_signature_is_refused() {
    is_refused(|_, offer| offer.fee_satoshis += Amount::ONE_SAT);
    is_refused(|_, offer| offer.locktime += 1);
    is_refused(|_, offer| {
        let signatures = &mut offer.signatures;
        signatures.closer_and_closee_outputs = signatures.closer_output_only;
    });
}

#[test]
fn an_offer_with_a_high_s_is_refused() {
    is_refused(|_, offer| {
        let signatures = &mut offer.signatures;
        signatures.closer_and_closee_outputs =
            signatures.closer_and_closee_outputs.as_ref().map(with_high_s);
    });
}

#[test]
fn the_closers_script_is_kept() {
    let (opener, mut accepter, scripts) = shut_down();
    let mut offer = offer(&opener, &scripts);
    let elsewhere = ScriptBuf::from_bytes([&[0, 32][..], &[5; 32]].concat());
    offer.closer_scriptpubkey = elsewhere.clone();
    sign(&opener, &mut offer);
    accepter.receive(Message::ClosingComplete(offer));
    let closing = accepter.state.as_ref().and_then(closing::State::closing).expect("Closing");
    assert_eq!(closing.remote_script, Some(elsewhere));
}

#[test]
fn closing_complete_before_both_shutdown_is_warned_of() {
    let (opener, accepter) = ends();
    let (opener, mut accepter) = (opener.with_simple_close(), accepter.with_simple_close());
    accepter.close(request());
    let script = shutdown(&accepter).scriptpubkey;
    let scripts = Scripts { opener: script.clone(), accepter: script };
    accepter.receive(Message::ClosingComplete(offer(&opener, &scripts)));
    assert_eq!(accepter.names(), ["warning"]);
    assert!(accepter.broadcast().is_empty());
}

/// What the opener makes of a changed `closing_sig`.
fn sig_is_refused(change: impl FnOnce(&mut ClosingSig)) {
    let (mut opener, mut accepter, _) = shut_down();
    accepter.receive(Message::ClosingComplete(complete_of(&opener)));
    let mut sig = sig_of(&accepter);
    change(&mut sig);
    opener.receive(Message::ClosingSig(sig));
    assert_eq!(opener.names(), ["warning"]);
    assert!(opener.reconnects() && opener.broadcast().is_empty());
    assert_eq!(opener.name(), "ShuttingDown");
}

#[test]
fn a_closing_sig_that_repeats_something_else_is_refused() {
    sig_is_refused(|sig| sig.fee_satoshis += Amount::ONE_SAT);
    sig_is_refused(|sig| sig.locktime += 1);
    sig_is_refused(|sig| sig.closer_scriptpubkey = ScriptBuf::new());
    sig_is_refused(|sig| sig.closee_scriptpubkey = ScriptBuf::new());
}

#[test]
fn a_closing_sig_holds_exactly_one_signature() {
    sig_is_refused(|sig| sig.signatures = ClosingSignatures::default());
    sig_is_refused(|sig| {
        sig.signatures.closer_output_only = sig.signatures.closer_and_closee_outputs;
    });
}

#[test]
fn a_closing_sig_signs_what_was_offered() {
    sig_is_refused(|sig| {
        sig.signatures.closee_output_only = sig.signatures.closer_and_closee_outputs.take();
    });
}

#[test]
fn a_closing_sig_with_a_wrong_signature_is_refused() {
    sig_is_refused(|sig| {
        sig.signatures.closer_output_only = sig.signatures.closer_and_closee_outputs.take();
    });
}

#[test]
fn a_closing_sig_with_a_high_s_is_refused() {
    sig_is_refused(|sig| {
        let signatures = &mut sig.signatures;
        signatures.closer_and_closee_outputs =
            signatures.closer_and_closee_outputs.as_ref().map(with_high_s);
    });
}

#[test]
fn an_op_return_is_an_allowed_form_with_simple_close() {
    let (opener, _) = ends();
    let mut opener = opener.with_simple_close();
    opener.close(CloseRequest { who: Who::Local, ..request() });
    let channel_id = opener.channel().channel_id();
    let scriptpubkey = ScriptBuf::from_bytes([&[0x6a, 6][..], &[1; 6]].concat());
    opener.receive(Message::Shutdown(Shutdown { channel_id, scriptpubkey }));
    assert_eq!(opener.names(), ["closing_complete"]);
    assert_eq!(opener.role(), Role::Opener);
}
