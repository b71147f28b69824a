//! `announcement_signatures` of BOLT 7: both sides say theirs when the channel is deep, until both are there.

use bitcoin::hashes::{Hash as _, sha256d};
use funding::{Event, LinkKind, OpenWish, Resumed, State};
use secp256k1::PublicKey;
use transactions::{Height, Signer as _, verify_signature};
use wire::{AnnouncementSignatures, Message, ShortChannelId};

use crate::pair::{BOTH, Pair, Which};
use crate::side::{KEYS_ID, Side, wish};

const SCID: ShortChannelId = ShortChannelId { block: 101, tx_index: 5, output_index: 1 };

/// An announced channel at this height, in which each side knows the other's true node id.
fn announced(tip: u32) -> Pair {
    let mut pair = Pair::normal_of(&OpenWish { announce: true, ..wish() });
    for which in BOTH {
        let other = pair.side(other(which)).wallet.node_id();
        let side = pair.side(which);
        side.tip = Height(tip);
        side.link.kind = LinkKind::Fresh;
        let Some(State::Normal(normal)) = &mut side.state else { panic!("Normal") };
        normal.channel.node_id = other;
    }
    pair
}

fn other(which: Which) -> Which {
    match which {
        Which::Opener => Which::Accepter,
        Which::Accepter => Which::Opener,
    }
}

/// What is signed, from the text of BOLT 7.
fn digest(pair: &Pair) -> [u8; 32] {
    let end = |side: &Side, key: PublicKey| (side.wallet.node_id().serialize(), key.serialize());
    let mut ends = [
        end(&pair.opener, pair.open.funding_pubkey),
        end(&pair.accepter, pair.accept.funding_pubkey),
    ];
    ends.sort_unstable();
    let [(node_1, bitcoin_1), (node_2, bitcoin_2)] = ends;
    let chain: &[u8] = pair.open.chain_hash.as_bytes();
    let scid = [0, 0, 101, 0, 0, 5, 0, 1];
    let payload: [&[u8]; 7] = [&[0, 0], chain, &scid, &node_1, &node_2, &bitcoin_1, &bitcoin_2];
    sha256d::Hash::hash(&payload.concat()).to_byte_array()
}

/// What a side would say.
fn signatures(pair: &mut Pair, which: Which) -> AnnouncementSignatures {
    let (digest, channel_id) = (digest(pair), wire::ChannelId::from_funding(pair.outpoint()));
    let wallet = &pair.side(which).wallet;
    AnnouncementSignatures {
        channel_id,
        short_channel_id: SCID,
        node_signature: wallet.sign_announcement_node(&digest),
        bitcoin_signature: wallet.sign_announcement(&KEYS_ID, &digest),
    }
}

/// A new connection, and both `channel_reestablish` on it. What one side says after theirs.
fn reconnect(pair: &mut Pair, which: Which) -> Vec<&'static str> {
    let theirs = pair.side(other(which));
    let channel = theirs.state().channel().expect("a channel").clone();
    let reestablish = channel.reestablish(&theirs.wallet);
    let side = pair.side(which);
    side.disconnect();
    side.connect();
    assert_eq!(side.names(), ["channel_reestablish"]);
    side.receive(reestablish.into());
    side.names()
}

/// The depth of six is reached. What one side says.
fn next_block(pair: &mut Pair, which: Which) -> Vec<Message> {
    let side = pair.side(which);
    side.tip = Height(106);
    side.step(Event::Block);
    side.sent()
}

#[test]
fn announcement_signatures_are_exchanged_at_six_blocks() {
    let mut pair = announced(105);
    for which in BOTH {
        pair.side(which).step(Event::Block);
        assert!(pair.side(which).sent().is_empty());
    }
    for which in BOTH {
        let ours = signatures(&mut pair, which);
        let node_id = pair.side(which).wallet.node_id();
        let message = secp256k1::Message::from_digest(digest(&pair));
        assert!(verify_signature(&message, &ours.node_signature, &node_id));
        assert_eq!(next_block(&mut pair, which), [Message::from(ours)]);
        pair.side(which).step(Event::Block);
        assert!(pair.side(which).sent().is_empty(), "once on a connection");
        let theirs = signatures(&mut pair, other(which));
        pair.side(which).receive(theirs.into());
        assert!(pair.side(which).sent().is_empty(), "they have ours");
    }
    for which in BOTH {
        assert_eq!(reconnect(&mut pair, which), ["channel_ready"], "nothing is missing");
    }
}

#[test]
fn announcement_signatures_are_said_again_until_theirs_came() {
    let mut pair = announced(105);
    for which in BOTH {
        next_block(&mut pair, which);
        for _ in 0..2 {
            let said = reconnect(&mut pair, which);
            assert_eq!(said, ["channel_ready", "announcement_signatures"]);
        }
        let theirs = signatures(&mut pair, other(which));
        let side = pair.side(which);
        side.receive(theirs.clone().into());
        assert!(side.sent().is_empty(), "ours went on this connection");
        // What came is remembered over a restart.
        let record = side.state().record().expect("a record");
        let Ok(Resumed::Same(again)) = State::resume(&record) else { panic!("unreadable") };
        side.state = Some(again);
        assert_eq!(reconnect(&mut pair, which), ["channel_ready"]);
        let side = pair.side(which);
        side.receive(theirs.clone().into());
        assert_eq!(side.names(), ["announcement_signatures"], "it asks for ours");
        side.receive(theirs.into());
        assert!(side.sent().is_empty(), "once on a connection");
    }
}

#[test]
fn announcement_signatures_wait_for_both_channel_reestablish() {
    let mut pair = announced(105);
    pair.opener.disconnect();
    pair.opener.connect();
    assert!(next_block(&mut pair, Which::Opener).is_empty());
}

#[test]
fn announcement_signatures_of_another_place_are_asked_for_again() {
    let mut pair = announced(106);
    let theirs = signatures(&mut pair, Which::Accepter);
    pair.opener.receive(theirs.into());
    assert_eq!(pair.opener.names(), ["announcement_signatures"]);
    // A reorganisation puts the funding transaction elsewhere: the channel has another name.
    let Some(State::Normal(normal)) = &mut pair.opener.state else { panic!("Normal") };
    let funding::FundingPosition::Confirmed { tx_index, .. } = &mut normal.channel.position else {
        panic!("confirmed")
    };
    *tx_index = 6;
    assert_eq!(reconnect(&mut pair, Which::Opener), ["channel_ready", "announcement_signatures"]);
}

#[test]
fn announcement_signatures_that_come_early_wait_for_six_blocks() {
    let mut pair = announced(105);
    let theirs = signatures(&mut pair, Which::Accepter);
    pair.opener.receive(theirs.into());
    assert!(pair.opener.sent().is_empty());
    next_block(&mut pair, Which::Opener);
    assert_eq!(pair.opener.names(), ["announcement_signatures"]);
    let said = reconnect(&mut pair, Which::Opener);
    assert_eq!(said, ["channel_ready"], "theirs was kept");
}

#[test]
fn announcement_signatures_wait_for_channel_ready() {
    let wish = OpenWish { announce: true, ..wish() };
    let mut known = announced(106);
    let theirs = signatures(&mut known, Which::Accepter);
    let mut pair = Pair::funded_of(&wish);
    pair.opener.link.kind = LinkKind::Fresh;
    pair.opener.receive(theirs.into());
    assert!(pair.opener.sent().is_empty());
    let ready = pair.mine(Which::Accepter, 101, 103).pop().expect("channel_ready");
    pair.opener.receive(ready);
    let Some(State::WaitForChannelReady(waiting)) = &mut pair.opener.state else { panic!("waits") };
    waiting.channel.node_id = pair.accepter.wallet.node_id();
    let sent = pair.mine(Which::Opener, 101, 106);
    let names: Vec<_> = sent.iter().map(Message::name).collect();
    assert_eq!(names, ["channel_ready", "announcement_signatures"]);
}

#[test]
fn an_unannounced_channel_gives_no_signature() {
    let mut pair = announced(106);
    let theirs = signatures(&mut pair, Which::Accepter);
    let mut pair = Pair::normal();
    pair.opener.tip = Height(106);
    pair.opener.receive(theirs.into());
    assert!(pair.opener.sent().is_empty());
}

#[test]
fn wrong_announcement_signatures_are_warned_of() {
    for change in 0..3 {
        let mut pair = announced(106);
        let mut theirs = signatures(&mut pair, Which::Accepter);
        match change {
            0 => theirs.short_channel_id.tx_index = 6,
            1 => theirs.node_signature = theirs.bitcoin_signature,
            _ => theirs.bitcoin_signature = theirs.node_signature,
        }
        pair.opener.receive(theirs.into());
        assert_eq!(pair.opener.names(), ["warning", "announcement_signatures"]);
        let said = reconnect(&mut pair, Which::Opener);
        assert_eq!(said, ["channel_ready", "announcement_signatures"], "theirs is not here yet");
    }
}
