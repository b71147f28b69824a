//! What our `open_channel` says.

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, ScriptBuf};
use funding::{Event, Next, OpenError, OpenWish, Verdict};
use transactions::{CommitmentNumber, FeeratePerKw, Signer as _};
use wire::{ChannelType, Message, OpenChannel};

use crate::pair::Pair;
use crate::side::{KEYS_ID, Side, wish};

fn open(wish: &OpenWish) -> OpenChannel {
    Side::new(1).open(wish).expect("the terms are good")
}

fn is_impossible(wish: &OpenWish) -> bool {
    matches!(Side::new(1).open(wish), Err(OpenError::Terms(_)))
}

#[test]
fn open_channel_names_our_chain() {
    assert_eq!(open(&wish()).chain_hash, ChainHash::REGTEST);
}

#[test]
fn a_channel_stays_below_2_to_the_24() {
    let of = |satoshi| OpenWish { funding: Amount::from_sat(satoshi), ..wish() };
    assert_eq!(open(&of(16_777_215)).funding_satoshis.to_sat(), 16_777_215);
    assert!(is_impossible(&of(16_777_216)));
}

#[test]
fn a_gift_is_less_than_the_channel() {
    let push = |satoshi| OpenWish { push: Amount::from_sat(satoshi), ..wish() };
    assert_eq!(open(&push(30_000)).push_msat, 30_000_000);
    assert!(is_impossible(&push(1_000_000)));
    assert!(is_impossible(&push(u64::MAX)));
}

#[test]
fn keys_and_point_belong_to_commitment_0() {
    let mut side = Side::new(1);
    let open = side.open(&wish()).expect("the terms are good");
    let keys = side.wallet.public_keys(&KEYS_ID);
    assert_eq!(open.funding_pubkey, keys.funding_pubkey);
    assert_eq!(open.revocation_basepoint, keys.revocation_basepoint);
    assert_eq!(open.payment_basepoint, keys.payment_basepoint);
    assert_eq!(open.delayed_payment_basepoint, keys.delayed_payment_basepoint);
    assert_eq!(open.htlc_basepoint, keys.htlc_basepoint);
    let point = side.wallet.per_commitment_point(&KEYS_ID, CommitmentNumber(0));
    assert_eq!(open.first_per_commitment_point, point);
}

#[test]
fn the_reserve_asked_is_no_less_than_the_dust_limit() {
    for satoshi in [20_000, 35_400, 1_000_000, 16_777_215] {
        let wish = OpenWish { funding: Amount::from_sat(satoshi), push: Amount::ZERO, ..wish() };
        let open = open(&wish);
        assert!(open.channel_reserve_satoshis >= open.dust_limit_satoshis, "{satoshi}");
    }
}

#[test]
fn channel_flags_have_one_bit() {
    assert_eq!(open(&wish()).channel_flags, 0);
    assert_eq!(open(&OpenWish { announce: true, ..wish() }).channel_flags, 1);
}

#[test]
fn open_channel_has_an_empty_script_and_a_type() {
    for channel_type in [ChannelType::anchors_zero_fee_htlc_tx(), ChannelType::static_remotekey()] {
        let open = open(&OpenWish { channel_type: channel_type.clone(), ..wish() });
        assert_eq!(open.upfront_shutdown_script, Some(ScriptBuf::new()));
        assert_eq!(open.channel_type, Some(channel_type));
    }
}

#[test]
fn the_type_takes_as_few_bytes_as_it_needs() {
    let mut bytes = Vec::new();
    Message::OpenChannel(Box::new(open(&wish()))).encode(&mut bytes);
    assert!(bytes.ends_with(&[0, 0, 1, 3, 0x40, 0x10, 0]));
}

#[test]
fn delay_and_dust_limit_are_safe() {
    let open = open(&wish());
    assert_eq!(open.to_self_delay, 144);
    assert_eq!(open.dust_limit_satoshis.to_sat(), 354);
}

#[test]
fn the_feerate_follows_the_estimate() {
    let mut side = Side::new(1);
    for (estimate, said) in [(253, 500), (500, 500), (1_234, 1_234), (90_000, 2_500)] {
        side.fees.normal = FeeratePerKw(estimate);
        assert_eq!(side.open(&wish()).expect("the terms are good").feerate_per_kw, said);
    }
    side.fees.fast = FeeratePerKw(3_000);
    let wish = OpenWish { channel_type: ChannelType::static_remotekey(), ..wish() };
    assert_eq!(side.open(&wish).expect("the terms are good").feerate_per_kw, 12_000);
}

#[test]
fn no_htlc_can_be_added() {
    let open = open(&wish());
    let most = (open.funding_satoshis - open.channel_reserve_satoshis).to_sat() * 1_000;
    assert_eq!(open.htlc_minimum_msat, most - 1);
    assert_eq!(open.max_htlc_value_in_flight_msat, open.htlc_minimum_msat * 5);
}

#[test]
fn a_type_that_we_do_not_serve_is_not_asked_for() {
    for bits in [vec![], vec![22], vec![12, 22, 50], vec![12, 180]] {
        let channel_type = ChannelType(wire::Features::from_bits(&bits));
        let opened = Side::new(1).open(&OpenWish { channel_type, ..wish() });
        assert!(matches!(opened, Err(OpenError::Terms(_))), "{bits:?}");
    }
}

/// Whoever did not answer is named.
#[test]
fn a_time_out_says_who_was_silent() {
    let tests = [
        (vec![], "neither the backend nor the peer answered in time"),
        (vec![Event::Alive], "the backend did not test the funding transaction in time"),
        (vec![Event::Tested(Verdict::Accepted)], "the peer did not send a pong in time"),
    ];
    for (events, expected) in tests {
        let mut pair = Pair::new(&wish());
        pair.reach_tests();
        for event in events.into_iter().chain([Event::Deadline]) {
            pair.opener.step(event);
        }
        let Some(Next::Ended(failure)) = &pair.opener.next else {
            panic!("{:?}", pair.opener.next)
        };
        assert_eq!(failure.text, expected);
    }
    let mut accepter = Side::new(2);
    accepter.receive_open(Side::new(1).open(&wish()).expect("good terms"));
    accepter.step(Event::Deadline);
    let Some(Next::Ended(failure)) = &accepter.next else { panic!("{:?}", accepter.next) };
    assert_eq!(failure.text, "nobody here decided about the open in time");
}
