//! `channel_ready`, and an accepter that waits for ever.

use bitcoin::Amount;
use bitcoin::hashes::Hash as _;
use funding::{Event, Next};
use transactions::{CommitmentNumber, Height, Signer as _};
use wire::Message;

use crate::pair::{BOTH, Pair, Which};
use crate::side::KEYS_ID;

#[test]
fn channel_ready_waits_for_minimum_depth() {
    for which in BOTH {
        let mut pair = Pair::funded();
        assert_eq!(pair.accept.minimum_depth, 3);
        assert!(pair.mine(which, 101, 102).is_empty(), "{which:?}");
        let side = pair.side(which);
        side.tip = Height(103);
        side.step(Event::Block);
        assert_eq!(side.names(), ["channel_ready"], "{which:?}");
        side.tip = Height(104);
        side.step(Event::Block);
        assert!(side.sent().is_empty(), "{which:?}");
    }
}

#[test]
fn a_reorganisation_starts_the_count_again() {
    for which in BOTH {
        let mut pair = Pair::funded();
        pair.mine(which, 101, 102);
        pair.side(which).step(Event::Rewound { fork: Height(100) });
        assert!(pair.mine(which, 102, 103).is_empty());
        assert_eq!(pair.mine(which, 102, 104).len(), 1);
    }
}

#[test]
fn channel_ready_brings_the_point_of_commitment_1() {
    for which in BOTH {
        let mut pair = Pair::funded();
        let sent = pair.mine(which, 101, 103);
        let [Message::ChannelReady(ready)] = sent.as_slice() else { panic!("{sent:?}") };
        let point = pair.side(which).wallet.per_commitment_point(&KEYS_ID, CommitmentNumber(1));
        assert_eq!(ready.second_per_commitment_point, point);
        assert_eq!(ready.short_channel_id, None);
    }
}

#[test]
fn another_output_is_no_channel() {
    for which in BOTH {
        let pair = Pair::funded();
        let right = pair.agreed().funding_output(pair.outpoint()).txout();
        let mut less = right.clone();
        less.value -= Amount::ONE_SAT;
        let mut more = right.clone();
        more.value += Amount::ONE_SAT;
        let mut elsewhere = right.clone();
        elsewhere.script_pubkey = pair.transaction.expect("built").output[0].script_pubkey.clone();
        for output in [Some(less), Some(more), Some(elsewhere), None] {
            let mut pair = Pair::funded();
            let sent = pair.mine_output(which, 101, 120, output);
            assert!(!sent.iter().any(|message| matches!(message, Message::ChannelReady(_))));
            assert_eq!(pair.side(which).state().name(), "Tombstone");
        }
    }
}

#[test]
fn an_early_channel_ready_is_kept() {
    for which in BOTH {
        let other = if matches!(which, Which::Opener) { Which::Accepter } else { Which::Opener };
        let mut pair = Pair::funded();
        let early = pair.mine(other, 101, 103);
        let side = pair.side(which);
        side.receive(early.last().expect("channel_ready").clone());
        assert_eq!(side.state().name(), "WaitForChannelReady");
        assert_eq!(pair.mine(which, 101, 103).len(), 1);
        assert_eq!(pair.side(which).state().name(), "Normal");
    }
}

#[test]
fn the_accepter_forgets_what_it_never_saw_after_2016_blocks() {
    let mut pair = Pair::funded();
    for (synced, tip, forgotten) in
        [(true, 100 + 2_015, false), (false, 100 + 2_016, false), (true, 100 + 2_016, true)]
    {
        pair.accepter.synced = synced;
        pair.accepter.tip = Height(tip);
        pair.accepter.step(Event::Block);
        assert_eq!(matches!(pair.accepter.next, Some(Next::Ended(_))), forgotten);
    }
    pair.opener.tip = Height(100 + 5_000);
    pair.opener.step(Event::Block);
    assert_eq!(pair.opener.state().name(), "WaitForChannelReady");
}

#[test]
fn the_accepter_keeps_what_it_has_seen() {
    let mut pair = Pair::funded();
    pair.mine(Which::Accepter, 101, 103);
    pair.accepter.tip = Height(100 + 5_000);
    pair.accepter.step(Event::Block);
    assert_eq!(pair.accepter.state().name(), "WaitForChannelReady");
}

/// After a reorganisation another transaction has the coins, 6 deep.
#[test]
fn an_open_channel_without_its_funding_ends() {
    let mut pair = Pair::normal();
    let by = bitcoin::Txid::from_byte_array([8; 32]);
    pair.opener.tip = Height(100);
    pair.opener.step(Event::Rewound { fork: Height(100) });
    pair.opener.tip = Height(101);
    pair.opener.step(Event::Conflicted { by, height: Height(101) });
    pair.opener.tip = Height(105);
    pair.opener.step(Event::Block);
    assert_eq!(pair.opener.state().name(), "Normal");
    pair.opener.tip = Height(106);
    pair.opener.step(Event::Block);
    assert_eq!(pair.opener.state().name(), "Tombstone");
    assert_eq!(pair.opener.names(), ["error"]);
}
