//! What becomes of a peer's `open_channel`.

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, ScriptBuf};
use funding::{
    Event, FundingError, Next, OpenWish, Refusal, Violation, WaitForDecision, check_open_channel,
};
use transactions::{CommitmentFormat, FeeratePerKw, anchors_amount, commitment_fee};
use wire::{ChannelType, Features, Message, OpenChannel};

use crate::pair::Pair;
use crate::side::{Side, wish};

/// An `open_channel` without fault, changed.
fn changed(change: impl FnOnce(&mut OpenChannel)) -> OpenChannel {
    let mut open = Side::new(1).open(&wish()).expect("the terms are good");
    change(&mut open);
    open
}

fn check(change: impl FnOnce(&mut OpenChannel)) -> Result<(), FundingError> {
    let side = Side::new(2);
    check_open_channel(&changed(change), &side.policy, side.fees)
}

fn breaks(violation: Violation, change: impl FnOnce(&mut OpenChannel)) {
    assert_eq!(check(change), Err(FundingError::PeerMisbehaved(vec![violation])));
}

fn is_refused(refusal: Refusal, change: impl FnOnce(&mut OpenChannel)) {
    assert_eq!(check(change), Err(FundingError::Rejected(refusal)));
}

fn is_taken(change: impl FnOnce(&mut OpenChannel)) {
    assert_eq!(check(change), Ok(()));
}

#[test]
fn undefined_channel_flags_are_ignored() {
    is_taken(|open| open.channel_flags = 0xfe);
    let mut pair = Pair::new(&wish());
    pair.open.channel_flags = 0xfe;
    assert!(!pair.agreed().is_announced());
    pair.open.channel_flags = 0xff;
    assert!(pair.agreed().is_announced());
}

#[test]
fn an_open_without_type_fails() {
    breaks(Violation::ChannelTypeMissing, |open| open.channel_type = None);
}

#[test]
fn a_lost_connection_forgets_an_open_of_the_peer() {
    let mut side = Side::new(2);
    side.receive_open(changed(|_| ()));
    assert_eq!(side.state().record(), None);
    side.disconnect();
    assert!(matches!(side.next, Some(Next::Ended(_))) && side.effects.is_empty());

    let mut side = Pair::new(&wish()).accepter;
    assert_eq!(side.state().record(), None);
    side.disconnect();
    assert!(matches!(side.next, Some(Next::Ended(_))) && side.effects.is_empty());
    side.receive_open(changed(|_| ()));
    side.step(Event::Decided(Ok(())));
    assert_eq!(side.names(), ["accept_channel"]);
}

#[test]
fn a_small_channel_is_refused() {
    is_refused(Refusal::FundingTooSmall { limit: Amount::from_sat(20_000) }, |open| {
        open.funding_satoshis = Amount::from_sat(19_999);
        open.push_msat = 0;
        open.channel_reserve_satoshis = Amount::from_sat(354);
    });
    is_taken(|open| {
        open.funding_satoshis = Amount::from_sat(20_000);
        open.push_msat = 0;
        open.channel_reserve_satoshis = Amount::from_sat(354);
    });
}

#[test]
fn a_large_reserve_is_refused() {
    is_taken(|open| open.channel_reserve_satoshis = Amount::from_sat(200_000));
    is_refused(Refusal::ReserveTooLarge { limit: Amount::from_sat(200_000) }, |open| {
        open.channel_reserve_satoshis = Amount::from_sat(200_001);
    });
}

#[test]
fn a_large_dust_limit_is_refused() {
    is_taken(|open| open.dust_limit_satoshis = Amount::from_sat(1_062));
    is_refused(Refusal::DustLimitTooLarge { limit: Amount::from_sat(1_062) }, |open| {
        open.dust_limit_satoshis = Amount::from_sat(1_063);
    });
}

#[test]
fn another_chain_fails() {
    breaks(Violation::UnknownChain, |open| open.chain_hash = ChainHash::BITCOIN);
}

#[test]
fn a_gift_larger_than_the_channel_fails() {
    breaks(Violation::PushMsatExceedsFunding, |open| open.push_msat = 1_000_000_001);
    breaks(Violation::PushMsatExceedsFunding, |open| open.push_msat = u64::MAX);
}

#[test]
fn a_long_delay_fails() {
    is_taken(|open| open.to_self_delay = 2_016);
    breaks(Violation::ToSelfDelayTooLarge, |open| open.to_self_delay = 2_017);
}

#[test]
fn more_than_483_htlcs_fail() {
    is_taken(|open| open.max_accepted_htlcs = 483);
    breaks(Violation::MaxAcceptedHtlcsTooLarge, |open| open.max_accepted_htlcs = 484);
}

#[test]
fn a_feerate_out_of_reason_fails() {
    is_taken(|open| open.feerate_per_kw = 253);
    breaks(Violation::FeerateTooSmall, |open| open.feerate_per_kw = 252);
    is_taken(|open| open.feerate_per_kw = 25_000);
    breaks(Violation::FeerateTooLarge, |open| open.feerate_per_kw = 25_001);
}

#[test]
fn a_key_that_is_no_point_fails() {
    let mut good = Vec::new();
    let open = changed(|_| ());
    Message::OpenChannel(Box::new(open.clone())).encode(&mut good);
    let keys = [
        open.funding_pubkey,
        open.revocation_basepoint,
        open.payment_basepoint,
        open.delayed_payment_basepoint,
        open.htlc_basepoint,
    ];
    for key in keys {
        let key = key.serialize();
        let at = good.windows(33).position(|window| window == key).expect("it is in there");
        for first_byte in [0, 4, 5] {
            let mut bad = good.clone();
            bad[at] = first_byte;
            assert!(Message::decode(&bad).is_err());
        }
    }
}

#[test]
fn a_dust_limit_above_the_reserve_fails() {
    is_taken(|open| open.channel_reserve_satoshis = open.dust_limit_satoshis);
    breaks(Violation::DustLimitAboveReserve, |open| {
        open.channel_reserve_satoshis = open.dust_limit_satoshis - Amount::ONE_SAT;
    });
}

#[test]
fn a_dust_limit_below_354_fails() {
    is_taken(|open| open.dust_limit_satoshis = Amount::from_sat(354));
    breaks(Violation::DustLimitTooSmall, |open| {
        open.dust_limit_satoshis = Amount::from_sat(353);
    });
}

/// What the opener of [`changed`] pays for commitment #0.
fn fee_and_anchors(open: &OpenChannel) -> u64 {
    let fee = commitment_fee(CommitmentFormat::Anchors, FeeratePerKw(open.feerate_per_kw), 0);
    (fee + anchors_amount(CommitmentFormat::Anchors)).to_sat()
}

#[test]
fn an_opener_that_cannot_pay_the_fee_fails() {
    let push = |rest: u64| {
        move |open: &mut OpenChannel| {
            open.push_msat = (1_000_000 - fee_and_anchors(open) - rest) * 1_000;
        }
    };
    is_taken(push(0));
    breaks(Violation::OpenerCannotPayFee, |open| {
        push(0)(open);
        open.push_msat += 1;
    });
}

#[test]
fn a_channel_in_which_nobody_is_above_the_reserve_fails() {
    // Nothing is pushed, and what the opener keeps after the fee is the reserve, or one satoshi more.
    let keeps = |more: u64| {
        move |open: &mut OpenChannel| {
            open.push_msat = 0;
            let reserve = open.channel_reserve_satoshis.to_sat();
            let funding = reserve + fee_and_anchors(open) + more;
            open.funding_satoshis = Amount::from_sat(funding);
        }
    };
    let side = Side::new(2);
    let check = |open: &OpenChannel| {
        let mut policy = side.policy.clone();
        policy.min_funding = Amount::ZERO;
        check_open_channel(open, &policy, side.fees)
    };
    let violation = FundingError::PeerMisbehaved(vec![Violation::BothBalancesBelowReserve]);
    assert_eq!(check(&changed(keeps(0))), Err(violation));
    assert_ne!(check(&changed(keeps(1))), check(&changed(keeps(0))));
    // A gift above the reserve makes it a channel again.
    is_taken(|open| {
        open.push_msat = (1_000_000 - fee_and_anchors(open)) * 1_000;
    });
}

#[test]
fn large_channels_fail() {
    is_taken(|open| open.funding_satoshis = Amount::from_sat(16_777_215));
    breaks(Violation::FundingTooLarge, |open| {
        open.funding_satoshis = Amount::from_sat(16_777_216);
    });
}

#[test]
fn a_type_that_we_do_not_serve_fails() {
    is_taken(|open| open.channel_type = Some(ChannelType::static_remotekey()));
    let types: [&[u16]; 6] = [&[], &[22], &[12, 22, 46], &[12, 20], &[12, 22, 80], &[13, 23]];
    for bits in types {
        breaks(Violation::ChannelTypeUnsupported, |open| {
            open.channel_type = Some(ChannelType(Features::from_bits(bits)));
        });
    }
}

#[test]
fn a_zero_conf_type_fails() {
    for bits in [&[12, 50][..], &[12, 22, 50], &[12, 22, 46, 50]] {
        breaks(Violation::ChannelTypeUnsupported, |open| {
            open.channel_type = Some(ChannelType(Features::from_bits(bits)));
        });
    }
}

#[test]
fn an_upfront_script_has_a_standard_form() {
    is_taken(|open| open.upfront_shutdown_script = None);
    breaks(Violation::UpfrontShutdownScriptNotStandard, |open| {
        open.upfront_shutdown_script = Some(ScriptBuf::from_bytes(vec![0x51]));
    });
}

#[test]
fn every_broken_rule_is_told_in_one_error() {
    let open = changed(|open| {
        open.chain_hash = ChainHash::BITCOIN;
        open.max_accepted_htlcs = 500;
    });
    let mut side = Side::new(2);
    let node_id = wish().node_id;
    let keys_id = crate::side::KEYS_ID;
    let error = side
        .with(|cx| WaitForDecision::begin(open.clone(), node_id, keys_id, cx))
        .expect_err("two rules");
    let Message::Error(reply) = error.reply(open.temporary_channel_id) else { panic!("{error}") };
    assert_eq!(reply.channel_id, open.temporary_channel_id);
    let text = String::from_utf8(reply.data).expect("ASCII");
    assert_eq!(text, "unknown chain_hash; max_accepted_htlcs exceeds 483");
}

#[test]
fn a_refusal_of_the_operator_is_told() {
    let mut side = Side::new(2);
    side.receive_open(changed(|_| ()));
    side.step(Event::Decided(Err("no channels on Sundays".to_owned())));
    assert!(matches!(side.next, Some(Next::Ended(_))));
    let told = (crate::side::TEMPORARY, "no channels on Sundays".to_owned());
    assert_eq!(side.errors(), [told]);
}

#[test]
fn the_smallest_channel_of_ours_would_be_taken_by_us() {
    let wish = OpenWish { funding: Amount::from_sat(20_000), push: Amount::ZERO, ..wish() };
    let open = Side::new(1).open(&wish).expect("the terms are good");
    let side = Side::new(2);
    assert_eq!(check_open_channel(&open, &side.policy, side.fees), Ok(()));
}
