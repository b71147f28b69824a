//! `accept_channel`, ours and the peer's.

use bitcoin::{Amount, ScriptBuf};
use funding::{FundingError, Next, OpenWish, Refusal, Violation, check_accept_channel};
use transactions::{CommitmentNumber, Signer as _};
use wire::{AcceptChannel, ChannelType, Message, OpenChannel};

use crate::pair::Pair;
use crate::side::{KEYS_ID, wish};

fn check(change: impl FnOnce(&mut OpenChannel, &mut AcceptChannel)) -> Result<(), FundingError> {
    let Pair { mut open, mut accept, opener, .. } = Pair::new(&wish());
    change(&mut open, &mut accept);
    check_accept_channel(&open, &accept, &opener.policy)
}

fn breaks(violation: Violation, change: impl FnOnce(&mut OpenChannel, &mut AcceptChannel)) {
    assert_eq!(check(change), Err(FundingError::PeerMisbehaved(vec![violation])));
}

fn is_taken(change: impl FnOnce(&mut OpenChannel, &mut AcceptChannel)) {
    assert_eq!(check(change), Ok(()));
}

#[test]
fn accept_channel_repeats_id_and_type() {
    for channel_type in [ChannelType::anchors_zero_fee_htlc_tx(), ChannelType::static_remotekey()] {
        let pair = Pair::new(&OpenWish { channel_type, ..wish() });
        assert_eq!(pair.accept.temporary_channel_id, pair.open.temporary_channel_id);
        assert_eq!(pair.accept.channel_type, pair.open.channel_type);
    }
}

#[test]
fn accept_channel_has_the_keys_and_limits_that_open_channel_has() {
    let pair = Pair::new(&wish());
    let accept = pair.accept;
    let keys = pair.accepter.wallet.public_keys(&KEYS_ID);
    assert_eq!(accept.funding_pubkey, keys.funding_pubkey);
    assert_eq!(accept.revocation_basepoint, keys.revocation_basepoint);
    assert_eq!(accept.payment_basepoint, keys.payment_basepoint);
    assert_eq!(accept.delayed_payment_basepoint, keys.delayed_payment_basepoint);
    assert_eq!(accept.htlc_basepoint, keys.htlc_basepoint);
    let point = pair.accepter.wallet.per_commitment_point(&KEYS_ID, CommitmentNumber(0));
    assert_eq!(accept.first_per_commitment_point, point);
    assert_eq!(accept.to_self_delay, 144);
    assert_eq!(accept.dust_limit_satoshis.to_sat(), 354);
    assert_eq!(accept.upfront_shutdown_script, Some(ScriptBuf::new()));
    let most = (pair.open.funding_satoshis - accept.channel_reserve_satoshis).to_sat() * 1_000;
    assert_eq!(accept.htlc_minimum_msat, most - 1);
}

#[test]
fn larger_channels_are_deeper() {
    let depth = |satoshi| {
        let wish = OpenWish { funding: Amount::from_sat(satoshi), ..wish() };
        Pair::new(&wish).accept.minimum_depth
    };
    assert_eq!(depth(9_999_999), 3);
    assert_eq!(depth(10_000_000), 6);
}

#[test]
fn reserve_and_dust_limit_fit_those_of_the_opener() {
    let mut pair = Pair::new(&wish());
    let mut open = pair.open.clone();
    open.funding_satoshis = Amount::from_sat(40_000);
    open.dust_limit_satoshis = Amount::from_sat(1_000);
    open.channel_reserve_satoshis = Amount::from_sat(1_000);
    pair.accepter.receive_open(open.clone());
    pair.accepter.step(funding::Event::Decided(Ok(())));
    let sent = pair.accepter.sent();
    let [Message::AcceptChannel(accept)] = sent.as_slice() else { panic!("{sent:?}") };
    assert!(accept.channel_reserve_satoshis >= open.dust_limit_satoshis);
    assert!(accept.dust_limit_satoshis <= open.channel_reserve_satoshis);
}

#[test]
fn accept_channel_is_checked_like_open_channel() {
    is_taken(|_, _| ());
    is_taken(|_, accept| accept.to_self_delay = 2_016);
    breaks(Violation::ToSelfDelayTooLarge, |_, accept| accept.to_self_delay = 2_017);
    breaks(Violation::MaxAcceptedHtlcsTooLarge, |_, accept| accept.max_accepted_htlcs = 484);
    breaks(Violation::DustLimitAboveReserve, |_, accept| {
        accept.dust_limit_satoshis = Amount::from_sat(1_001);
        accept.channel_reserve_satoshis = Amount::from_sat(1_000);
    });
    breaks(Violation::DustLimitTooSmall, |_, accept| {
        accept.dust_limit_satoshis = Amount::from_sat(353);
    });
    breaks(Violation::UpfrontShutdownScriptNotStandard, |_, accept| {
        accept.upfront_shutdown_script = Some(ScriptBuf::from_bytes(vec![0x51]));
    });
    let limit = Amount::from_sat(200_000);
    let refused = check(|_, accept| accept.channel_reserve_satoshis = limit + Amount::ONE_SAT);
    assert_eq!(refused, Err(FundingError::Rejected(Refusal::ReserveTooLarge { limit })));
    let limit = Amount::from_sat(1_062);
    let refused = check(|_, accept| accept.dust_limit_satoshis = limit + Amount::ONE_SAT);
    assert_eq!(refused, Err(FundingError::Rejected(Refusal::DustLimitTooLarge { limit })));
}

#[test]
fn a_depth_out_of_reason_fails() {
    is_taken(|_, accept| accept.minimum_depth = 144);
    breaks(Violation::MinimumDepthTooLarge, |_, accept| accept.minimum_depth = 145);
}

#[test]
fn a_reserve_below_our_dust_limit_fails() {
    is_taken(|open, accept| accept.channel_reserve_satoshis = open.dust_limit_satoshis);
    breaks(Violation::ReserveBelowOurDustLimit, |open, accept| {
        open.dust_limit_satoshis = Amount::from_sat(500);
        accept.channel_reserve_satoshis = Amount::from_sat(499);
    });
}

#[test]
fn a_dust_limit_above_our_reserve_fails() {
    breaks(Violation::DustLimitAboveOurReserve, |open, accept| {
        open.channel_reserve_satoshis = Amount::from_sat(400);
        accept.dust_limit_satoshis = Amount::from_sat(401);
    });
}

#[test]
fn an_accept_without_type_fails() {
    breaks(Violation::ChannelTypeMissing, |_, accept| accept.channel_type = None);
}

#[test]
fn an_accept_of_another_type_fails() {
    breaks(Violation::ChannelTypeChanged, |_, accept| {
        accept.channel_type = Some(ChannelType::static_remotekey());
    });
}

#[test]
fn a_refused_accept_ends_the_open_with_an_error() {
    let mut pair = Pair::new(&wish());
    pair.accept.minimum_depth = 1_000;
    pair.opener.receive(Message::AcceptChannel(Box::new(pair.accept.clone())));
    assert!(matches!(pair.opener.next, Some(Next::Ended(_))));
    let told = (pair.open.temporary_channel_id, "minimum_depth is too large".to_owned());
    assert_eq!(pair.opener.errors(), [told]);
}
