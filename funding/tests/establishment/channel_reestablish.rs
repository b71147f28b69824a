//! `channel_reestablish`, ours and the peer's.

use funding::{CloseCause, Next, State};
use transactions::{CommitmentNumber, Signer as _};
use wire::{ChannelReestablish, Message};

use crate::pair::{BOTH, Pair, Which};
use crate::side::{KEYS_ID, Side};

/// What `side` says first on a new connection.
fn reestablish(side: &mut Side) -> ChannelReestablish {
    side.disconnect();
    side.connect();
    match side.sent().into_iter().next() {
        Some(Message::ChannelReestablish(ours)) => ours,
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_channel_reestablish_is_that_of_commitment_0() {
    for which in BOTH {
        for mut pair in [Pair::funded(), Pair::normal()] {
            let side = pair.side(which);
            let ours = reestablish(side);
            assert_eq!(ours.next_commitment_number, 1);
            assert_eq!(ours.next_revocation_number, 0);
            assert_eq!(ours.your_last_per_commitment_secret, [0; 32]);
            let point = side.wallet.per_commitment_point(&KEYS_ID, CommitmentNumber(0));
            assert_eq!(ours.my_current_per_commitment_point, point);
        }
    }
}

#[test]
fn channel_reestablish_has_no_tlv() {
    let ours = reestablish(&mut Pair::funded().opener);
    let mut bytes = Vec::new();
    Message::ChannelReestablish(ours).encode(&mut bytes);
    assert_eq!(bytes.len(), 2 + 32 + 8 + 8 + 32 + 33);
}

#[test]
fn a_new_connection_begins_with_channel_reestablish() {
    for which in BOTH {
        for mut pair in [Pair::funded(), Pair::normal()] {
            let side = pair.side(which);
            side.disconnect();
            assert!(side.sent().is_empty());
            side.connect();
            assert_eq!(side.names().first(), Some(&"channel_reestablish"));
        }
    }
}

#[test]
fn channel_ready_does_not_wait_for_channel_reestablish() {
    for which in BOTH {
        let mut pair = Pair::funded();
        pair.mine(which, 101, 103);
        let side = pair.side(which);
        side.disconnect();
        side.connect();
        assert_eq!(side.names(), ["channel_reestablish", "channel_ready"]);
    }
}

#[test]
fn an_open_channel_waits_for_channel_reestablish() {
    for which in BOTH {
        let mut pair = Pair::normal();
        let side = pair.side(which);
        side.disconnect();
        side.connect();
        assert_eq!(side.names(), ["channel_reestablish"]);
    }
}

/// What follows from a `channel_reestablish` that is the peer's own but for a change.
fn receive(pair: &mut Pair, which: Which, change: impl FnOnce(&mut ChannelReestablish)) {
    let other = if matches!(which, Which::Opener) { Which::Accepter } else { Which::Opener };
    let mut theirs = reestablish(pair.side(other));
    change(&mut theirs);
    let side = pair.side(which);
    side.disconnect();
    side.connect();
    side.receive(Message::ChannelReestablish(theirs));
}

#[test]
fn both_at_1_means_channel_ready_again() {
    for which in BOTH {
        let mut pair = Pair::normal();
        receive(&mut pair, which, |_| ());
        assert_eq!(pair.side(which).names(), ["channel_ready"]);
        let mut pair = Pair::funded();
        receive(&mut pair, which, |_| ());
        assert!(pair.side(which).sent().is_empty(), "nothing was sent, so nothing is repeated");
    }
}

#[test]
fn a_second_channel_ready_changes_nothing() {
    for which in BOTH {
        let other = if matches!(which, Which::Opener) { Which::Accepter } else { Which::Opener };
        let mut pair = Pair::funded();
        let ready = pair.mine(other, 101, 103).pop().expect("channel_ready");
        for _ in 0..2 {
            pair.side(which).receive(ready.clone());
            let before = pair.side(which).state().clone();
            pair.side(which).receive(ready.clone());
            assert_eq!(pair.side(which).state(), &before);
            assert!(pair.side(which).effects.is_empty());
            pair.mine(which, 101, 103);
        }
    }
}

fn closes(change: impl Fn(&mut ChannelReestablish, &Side), expected: &CloseCause) {
    for which in BOTH {
        let is_promise = matches!(which, Which::Accepter) && *expected != CloseCause::PeerAhead;
        let first = if is_promise { None } else { Some(Pair::funded()) };
        for mut pair in first.into_iter().chain([Pair::normal()]) {
            let ours = Side::new(match which {
                Which::Opener => 1,
                Which::Accepter => 2,
            });
            receive(&mut pair, which, |theirs| change(theirs, &ours));
            let side = pair.side(which);
            assert!(!side.names().contains(&"channel_ready"));
            let Some(Next::Close { why, .. }) = &side.next else { panic!("{:?}", side.next) };
            assert_eq!(why, expected);
        }
    }
}

#[test]
fn an_opener_that_only_promised_the_funding_costs_nothing() {
    for (commitment, revocation) in [(0, 0), (2, 0), (1, 1)] {
        let mut pair = Pair::funded();
        receive(&mut pair, Which::Accepter, |theirs| {
            theirs.next_commitment_number = commitment;
            theirs.next_revocation_number = revocation;
        });
        let side = pair.side(Which::Accepter);
        assert_eq!(side.names(), ["error"]);
        let State::Tombstone(tombstone) = side.state() else { panic!("{:?}", side.state()) };
        assert!(!tombstone.peer_knows);
        assert!(side.state().coins().is_empty());
    }
}

#[test]
fn a_peer_at_0_asks_us_to_close() {
    let zero = |theirs: &mut ChannelReestablish, _: &Side| theirs.next_commitment_number = 0;
    closes(zero, &CloseCause::PeerAskedToClose);
}

#[test]
fn a_commitment_that_nobody_signed_for_closes() {
    for number in [2, 7, u64::MAX] {
        let expected = CloseCause::BadReestablish("counts commitments that we never signed");
        closes(|theirs, _| theirs.next_commitment_number = number, &expected);
    }
}

#[test]
fn a_revocation_without_its_secret_closes() {
    for number in [1, 2, 1 << 48, u64::MAX] {
        let expected = CloseCause::BadReestablish("holds a secret that is not ours");
        closes(|theirs, _| theirs.next_revocation_number = number, &expected);
    }
}

#[test]
fn a_secret_without_a_revocation_closes() {
    let expected = CloseCause::BadReestablish("holds a secret that is not ours");
    closes(|theirs, _| theirs.your_last_per_commitment_secret = [1; 32], &expected);
}

#[test]
fn a_peer_that_proves_a_later_state_is_ahead() {
    for number in [1, 2, 500] {
        let ahead = |theirs: &mut ChannelReestablish, ours: &Side| {
            theirs.next_commitment_number = number + 1;
            theirs.next_revocation_number = number;
            theirs.your_last_per_commitment_secret =
                ours.wallet.per_commitment_secret(&KEYS_ID, CommitmentNumber(number - 1));
        };
        closes(ahead, &CloseCause::PeerAhead);
    }
}

#[test]
fn a_proof_outweighs_zeroes() {
    let ahead = |theirs: &mut ChannelReestablish, ours: &Side| {
        theirs.next_commitment_number = 0;
        theirs.next_revocation_number = 1;
        theirs.your_last_per_commitment_secret =
            ours.wallet.per_commitment_secret(&KEYS_ID, CommitmentNumber(0));
    };
    closes(ahead, &CloseCause::PeerAhead);
}

#[test]
fn the_point_of_theirs_is_not_looked_at() {
    let mut pair = Pair::normal();
    let point = pair.open.htlc_basepoint;
    receive(&mut pair, Which::Opener, |theirs| theirs.my_current_per_commitment_point = point);
    assert_eq!(pair.opener.state().name(), "Normal");
}
