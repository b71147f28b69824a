//! `funding_signed`, ours and the peer's.

use funding::{Effect, Event, FundingPosition, Next, OpenWish, Role};
use transactions::CommitmentFormat;
use wire::{ChannelId, ChannelType, FundingSigned, Message};

use crate::keys_and_coins::with_high_s;
use crate::pair::{BOTH, Pair};
use crate::side::{Side, TEMPORARY, wish};

#[test]
fn each_type_has_commitments_of_its_own() {
    for (channel_type, format, outputs) in [
        (ChannelType::anchors_zero_fee_htlc_tx(), CommitmentFormat::Anchors, 4),
        (ChannelType::static_remotekey(), CommitmentFormat::StaticRemotekey, 2),
    ] {
        let mut pair = Pair::new(&OpenWish { channel_type, ..wish() });
        let signed = pair.reach_funding_signed();
        pair.opener.receive(Message::FundingSigned(signed));
        let outpoint = pair.outpoint();
        for side in [&pair.opener, &pair.accepter] {
            let channel = side.state().channel().expect("a channel");
            assert_eq!(channel.agreed.format(), format);
            for role in [Role::Opener, Role::Accepter] {
                let commitment = channel.agreed.commitment(role, outpoint).expect("#0");
                assert_eq!(commitment.outputs.len(), outputs);
            }
        }
    }
}

#[test]
fn funding_signed_names_the_channel_and_signs_for_the_opener() {
    let mut pair = Pair::new(&wish());
    let signed = pair.reach_funding_signed();
    let outpoint = pair.outpoint();
    let mut id = *AsRef::<[u8; 32]>::as_ref(&outpoint.txid);
    id[31] ^= 1;
    assert_eq!(signed.channel_id, ChannelId(id));
    let agreed = pair.agreed();
    let funding = agreed.funding_output(outpoint);
    let commitment = agreed.commitment(Role::Opener, outpoint).expect("commitment #0");
    assert!(commitment.verify(&funding, &agreed.accept.funding_pubkey, &signed.signature));
}

#[test]
fn a_valid_funding_signed_broadcasts() {
    let mut pair = Pair::new(&wish());
    let signed = pair.reach_funding_signed();
    pair.opener.receive(Message::FundingSigned(signed));
    let transaction = pair.transaction.clone().expect("built");
    assert!(pair.opener.effects.contains(&Effect::Broadcast(vec![transaction.clone()])));
    assert!(pair.opener.effects.contains(&Effect::Own(transaction)));
    assert_eq!(pair.opener.state().name(), "WaitForChannelReady");
    let channel = pair.opener.state().channel().expect("a channel");
    assert!(channel.signed_local_commitment(&pair.opener.wallet).is_some());
}

#[test]
fn the_funding_transaction_goes_out_with_each_block() {
    let mut pair = Pair::funded();
    pair.opener.step(Event::Block);
    assert!(pair.opener.broadcasts());
    pair.opener.step(Event::Broadcasted(Err("min relay fee not met".to_owned())));
    pair.opener.step(Event::Block);
    assert!(pair.opener.broadcasts());
    pair.accepter.step(Event::Block);
    assert!(!pair.accepter.broadcasts());
}

#[test]
fn the_position_is_what_the_mempool_says() {
    let mut pair = Pair::funded();
    for side in [&mut pair.opener, &mut pair.accepter] {
        let position = |side: &mut Side, event| {
            side.step(event);
            side.state().channel().expect("a channel").position.clone()
        };
        let held = position(side, Event::Seen(true));
        assert!(matches!(held, FundingPosition::Mempool { .. }));
        assert_eq!(position(side, Event::Seen(true)), held, "since then");
        assert_eq!(position(side, Event::Seen(false)), FundingPosition::NEW);
        let refused = Some("min relay fee not met".to_owned());
        let refused = FundingPosition::Unbroadcast { refused };
        assert_eq!(
            position(side, Event::Broadcasted(Err("min relay fee not met".into()))),
            refused
        );
        assert_eq!(position(side, Event::Seen(false)), refused, "the reason stays");
    }
}

fn is_refused(change: impl FnOnce(&mut FundingSigned)) -> String {
    let mut pair = Pair::new(&wish());
    let mut signed = pair.reach_funding_signed();
    change(&mut signed);
    pair.opener.receive(Message::FundingSigned(signed));
    assert!(!pair.opener.broadcasts());
    assert_eq!(pair.opener.state().name(), "Tombstone");
    let (ids, texts): (Vec<_>, Vec<_>) = pair.opener.errors().into_iter().unzip();
    assert_eq!(ids, [pair.open.temporary_channel_id, ChannelId::from_funding(pair.outpoint())]);
    assert_eq!(texts[0], texts[1]);
    texts[0].clone()
}

#[test]
fn funding_signed_with_a_wrong_signature_fails() {
    let stranger = Pair::new(&OpenWish { announce: true, push: Default::default(), ..wish() })
        .reach_funding_signed();
    let text = is_refused(|signed| signed.signature = stranger.signature);
    assert_eq!(text, "the signature does not sign the commitment transaction");
}

#[test]
fn funding_signed_with_a_high_s_fails() {
    let text = is_refused(|signed| signed.signature = with_high_s(&signed.signature));
    assert_eq!(text, "the signature has a high S");
}

/// The peer closes what it has not signed for, at every stage.
#[test]
fn an_early_shutdown_fails_the_open() {
    let shutdown = |side: &mut Side, channel_id| {
        let scriptpubkey = bitcoin::ScriptBuf::new();
        side.receive(Message::Shutdown(wire::Shutdown { channel_id, scriptpubkey }));
        let names = side.names();
        assert!(!names.is_empty() && names.iter().all(|name| *name == "error"), "{names:?}");
    };
    let ended = |side: &Side| matches!(side.next, Some(Next::Ended(_)));
    for tests in [false, true] {
        let mut pair = Pair::new(&wish());
        if tests {
            pair.reach_tests();
        }
        for which in BOTH {
            shutdown(pair.side(which), TEMPORARY);
            assert!(ended(pair.side(which)));
        }
    }
    let mut pair = Pair::new(&wish());
    pair.reach_funding_created();
    let channel_id = ChannelId::from_funding(pair.outpoint());
    shutdown(&mut pair.opener, channel_id);
    assert_eq!(pair.opener.state().name(), "Tombstone");
    assert!(!pair.opener.broadcasts());
}
