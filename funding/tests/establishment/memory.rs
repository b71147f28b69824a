//! What is remembered after a lost connection or a restart, and what is not.

use funding::{Event, Next, Resumed, State};
use wire::{ChannelId, ChannelReady, Message};

use crate::pair::{BOTH, Pair};
use crate::side::{KEYS_ID, Side, wish};

fn resumed(side: &Side) -> Resumed {
    State::resume(&side.state().record().expect("a record")).expect("it can be read")
}

#[test]
fn a_channel_that_was_signed_for_is_remembered() {
    for which in BOTH {
        for mut pair in [Pair::funded(), Pair::normal()] {
            let side = pair.side(which);
            assert_eq!(resumed(side), Resumed::Same(side.state().clone()));
            let before = side.state().clone();
            side.disconnect();
            assert_eq!(side.state(), &before);
        }
    }
}

#[test]
fn the_opener_forgets_what_it_did_not_broadcast() {
    let mut pair = Pair::new(&wish());
    assert!(matches!(resumed(&pair.opener), Resumed::Ended(..)));
    pair.opener.disconnect();
    assert!(matches!(pair.opener.next, Some(Next::Ended(_))));

    let mut pair = Pair::new(&wish());
    pair.reach_tests();
    assert!(matches!(resumed(&pair.opener), Resumed::Ended(..)));
    pair.opener.disconnect();
    assert!(matches!(pair.opener.next, Some(Next::Ended(_))));
}

#[test]
fn an_opener_that_waits_for_funding_signed_leaves_a_tombstone() {
    let mut pair = Pair::new(&wish());
    pair.reach_funding_created();
    let Resumed::Changed(after_restart, _) = resumed(&pair.opener) else { panic!("no tombstone") };
    assert_eq!(after_restart.name(), "Tombstone");
    pair.opener.disconnect();
    assert_eq!(pair.opener.state().name(), "Tombstone");
    assert_eq!(resumed(&pair.opener), Resumed::Same(pair.opener.state().clone()));
    assert!(pair.opener.state().coins().is_empty());
    assert!(pair.opener.state().watches().outpoints.contains(&pair.outpoint()));
}

#[test]
fn a_channel_can_be_closed_from_the_signatures_on() {
    let is_closable = |side: &Side| side.state().clone().into_closable().is_ok();
    let mut pair = Pair::new(&wish());
    assert!(!is_closable(&pair.opener) && !is_closable(&pair.accepter));
    pair.reach_tests();
    assert!(!is_closable(&pair.opener));
    let mut pair = Pair::new(&wish());
    let signed = pair.reach_funding_signed();
    assert!(!is_closable(&pair.opener) && is_closable(&pair.accepter));
    pair.opener.receive(Message::FundingSigned(signed));
    assert!(is_closable(&pair.opener));
    let pair = Pair::normal();
    assert!(is_closable(&pair.opener) && is_closable(&pair.accepter));
}

#[test]
fn a_tombstone_tells_the_peer_on_every_connection() {
    let mut pair = Pair::new(&wish());
    let signed = pair.reach_funding_signed();
    pair.opener.disconnect();
    let channel_id = ChannelId::from_funding(pair.outpoint());
    for _ in 0..3 {
        pair.opener.connect();
        let sent = pair.opener.sent();
        let [Message::Error(error)] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!(error.channel_id, channel_id);
    }
    let ready = ChannelReady {
        channel_id,
        second_per_commitment_point: pair.open.htlc_basepoint,
        short_channel_id: None,
    };
    for message in [Message::FundingSigned(signed), Message::ChannelReady(ready)] {
        pair.opener.receive(message);
        assert_eq!(pair.opener.names(), ["error"]);
        assert_eq!(pair.opener.state().name(), "Tombstone");
    }
    let heard = wire::Error { channel_id, data: Vec::new() };
    pair.opener.receive(Message::Error(heard));
    assert!(pair.opener.sent().is_empty(), "no error answers an error");
    pair.opener.connect();
    assert!(pair.opener.sent().is_empty(), "the peer knows");
}

#[test]
fn the_funding_output_is_watched_as_long_as_there_is_a_record() {
    for which in BOTH {
        for mut pair in [Pair::funded(), Pair::normal()] {
            let outpoint = pair.outpoint();
            let side = pair.side(which);
            assert!(side.state().watches().outpoints.contains(&outpoint));
            side.disconnect();
            assert!(side.state().watches().outpoints.contains(&outpoint));
        }
    }
}

#[test]
fn an_accepter_keeps_a_channel_that_its_opener_gave_up_in_sight() {
    let mut pair = Pair::funded();
    let channel_id = ChannelId::from_funding(pair.outpoint());
    let error = wire::Error { channel_id, data: b"forgotten".to_vec() };
    pair.accepter.receive(Message::Error(error));
    assert_eq!(pair.accepter.state().name(), "Tombstone");
    assert_eq!(pair.accepter.state().keys_id(), KEYS_ID);
    pair.accepter.step(Event::Block);
    assert!(pair.accepter.state().watches().outpoints.contains(&pair.outpoint()));
}
