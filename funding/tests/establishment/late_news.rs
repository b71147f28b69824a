//! News that comes later than it was meant for, or to a state that hardly ever hears it.

use bitcoin::hashes::Hash as _;
use bitcoin::{ScriptBuf, Txid};
use funding::{Event, FundingPosition, Next, State};
use transactions::Height;
use wire::{ChannelId, Message, RawMessage, Shutdown};

use crate::pair::Pair;
use crate::side::wish;

/// `update_fee`, whose number is all that is read of it.
fn update() -> Message {
    Message::Raw(RawMessage { type_number: 134, payload: vec![0; 36] })
}

/// An opener whose connection went before `funding_signed` came.
fn given_up() -> Pair {
    let mut pair = Pair::new(&wish());
    pair.reach_funding_created();
    pair.opener.disconnect();
    pair.opener.connect();
    assert_eq!(pair.opener.state().name(), "Tombstone");
    pair
}

#[test]
fn a_coin_that_is_spent_while_funding_signed_is_waited_for_ends_the_open() {
    let mut pair = Pair::new(&wish());
    let signed = pair.reach_funding_signed();
    let (by, height) = (Txid::from_byte_array([8; 32]), Height(101));
    pair.opener.tip = height;
    pair.opener.step(Event::Conflicted { by, height });
    assert_eq!(pair.opener.errors().len(), 2, "by the old name and by the new one");
    let State::Tombstone(tombstone) = pair.opener.state() else { panic!("no tombstone") };
    assert_eq!(tombstone.channel.position, FundingPosition::Conflicted { by, height });
    pair.opener.receive(Message::FundingSigned(signed));
    assert!(!pair.opener.broadcasts() && pair.opener.names() == ["error"]);
}

#[test]
fn an_opener_that_never_funds_is_forgotten() {
    let mut pair = Pair::new(&wish());
    assert_eq!(pair.accepter.state().name(), "WaitForFundingCreated");
    pair.accepter.step(Event::Deadline);
    let Some(Next::Ended(failure)) = &pair.accepter.next else { panic!("it waits on") };
    assert!(failure.text.contains("funding_created"), "{}", failure.text);
    assert_eq!(pair.accepter.names(), ["error"]);
}

#[test]
fn an_update_before_the_channel_is_open_is_kept_in_mind() {
    let mut pair = Pair::funded();
    pair.opener.receive(update());
    let channel = pair.opener.state().channel().expect("a channel");
    assert!(channel.peer_update_pending);
    assert_eq!(pair.opener.state().name(), "WaitForChannelReady");
    assert_eq!(pair.opener.names(), ["warning"], "it costs nobody a channel");
}

#[test]
fn a_dead_open_answers_whoever_believes_in_it() {
    let mut pair = given_up();
    let channel_id = ChannelId::from_funding(pair.outpoint());
    let shutdown = Shutdown { channel_id, scriptpubkey: ScriptBuf::new() };
    for message in [Message::Shutdown(shutdown), update()] {
        pair.opener.receive(message);
        let errors = pair.opener.errors();
        assert_eq!(errors.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [channel_id]);
        assert_eq!(pair.opener.state().name(), "Tombstone");
    }
    let warning = RawMessage { type_number: 33_001, payload: Vec::new() };
    pair.opener.receive(Message::Raw(warning));
    assert!(pair.opener.sent().is_empty(), "what means nothing is not answered");
}

#[test]
fn a_dead_open_says_where_its_transaction_is() {
    let mut pair = given_up();
    pair.opener.step(Event::Broadcasted(Ok(())));
    let State::Tombstone(tombstone) = pair.opener.state() else { panic!("no tombstone") };
    assert!(matches!(tombstone.channel.position, FundingPosition::Mempool { .. }));
}

/// The funding transaction was confirmed before the backend answered to what was to take its coins back.
#[test]
fn an_open_channel_has_no_cancellation_to_hear_of() {
    for result in [Ok(()), Err("its coins are spent".to_owned())] {
        let mut pair = Pair::normal();
        let before = pair.opener.state().clone();
        pair.opener.step(Event::CancelBroadcasted(result));
        assert_eq!(pair.opener.state(), &before);
        assert!(pair.opener.effects.is_empty());
    }
}
