//! Feature bits and channel types.

use wire::{ChannelType, DecodeReason, Features, Init, Message, OpenChannel, feature};

use crate::samples;

#[test]
fn bits_are_set_and_asked_for() {
    let features = Features::from_bits(&[1, 12, 45, 65_535]);
    assert_eq!(features.bits().collect::<Vec<_>>(), [1, 12, 45, 65_535]);
    assert!(features.has(1) && !features.has(0));
    assert!(features.supports(feature::OPTION_DATA_LOSS_PROTECT));
    assert!(!features.requires(feature::OPTION_DATA_LOSS_PROTECT));
    assert!(features.supports(13) && features.requires(13), "either bit names the pair");
    assert!(!features.supports(feature::OPTION_ANCHORS));
    assert_eq!(format!("{features:?}"), "{1, 12, 45, 65535}");
    assert!(Features::empty().is_empty() && Features::from_bits(&[]).is_empty());
}

#[test]
fn with_both_bits_of_a_pair_the_feature_is_compulsory() {
    let features = Features::from_bits(&[22, 23]);
    assert!(features.supports(feature::OPTION_ANCHORS));
    assert!(features.requires(feature::OPTION_ANCHORS));
}

#[test]
fn bytes_on_the_wire_are_big_endian_and_short() {
    let features = Features::from_bits(&[0, 13]);
    assert_eq!(features.to_be_bytes(), [0x20, 0x01]);
    assert_eq!(Features::from_be_bytes(&[0, 0, 0x20, 0x01]), Some(features));
    assert_eq!(Features::from_be_bytes(&[0; 9]), Some(Features::empty()));
}

#[test]
fn bits_above_65535_are_ignored_when_odd_and_refused_when_even() {
    let mut bytes = vec![0; 8_193];
    bytes[8_192] = 2;
    bytes[0] = 0b1010_1010;
    assert_eq!(Features::from_be_bytes(&bytes), Some(Features::from_bits(&[1])));
    bytes[0] = 0b0000_0001;
    assert_eq!(Features::from_be_bytes(&bytes), None);

    let mut init = vec![0, 16, 0, 0, 0x20, 0x01];
    init.extend(&bytes);
    let error = Message::decode(&init).expect_err("an even bit above 65535");
    assert_eq!((error.message, error.field, error.offset), ("init", "features", 4));
    assert_eq!(error.reason, DecodeReason::FeatureBitTooLarge);
}

#[test]
fn unknown_even_bits_are_found() {
    let known = [feature::OPTION_STATIC_REMOTEKEY, 23];
    let features = Features::from_bits(&[1, 12, 22, 99]);
    assert_eq!(features.unknown_even(&known), None);
    assert_eq!(features.union(&Features::from_bits(&[300, 100])).unknown_even(&known), Some(100));
}

#[test]
fn dependencies_are_those_of_bolt_9() {
    let missing = |bits: &[u16]| Features::from_bits(bits).missing_dependency();
    assert_eq!(missing(&[]), None);
    assert_eq!(missing(&[17]), Some((16, 14)));
    assert_eq!(missing(&[17, 14]), None);
    assert_eq!(missing(&[50]), Some((50, 46)));
    assert_eq!(missing(&[51, 47]), None);
    assert_eq!(missing(&[61]), Some((60, 26)));
    assert_eq!(missing(&[61, 27]), None);
    assert_eq!(missing(&[1, 9, 13, 15, 23, 27, 45]), None, "what we send");
}

#[test]
fn names_are_those_of_bolt_9() {
    assert_eq!(feature::name(feature::OPTION_ANCHORS), Some("option_anchors"));
    assert_eq!(feature::name(61), Some("option_simple_close"));
    assert_eq!(feature::name(2), None);
    assert!(feature::NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(feature::NAMES.iter().all(|(bit, _)| bit.is_multiple_of(2)));
}

#[test]
fn both_maps_of_init_count() {
    let message = Message::decode(&[0, 16, 0, 1, 0x02, 0, 2, 0x20, 0x00]).expect("valid");
    let features = Features::from_bits(&[1, 13]);
    assert_eq!(message, Init { features, networks: None, remote_address: None }.into());
}

#[test]
fn channel_types_have_names() {
    assert_eq!(ChannelType::static_remotekey().to_string(), "option_static_remotekey");
    let anchors = ChannelType::anchors_zero_fee_htlc_tx();
    assert_eq!(anchors.to_string(), "option_static_remotekey+option_anchors");
    assert!(anchors.has_anchors() && !ChannelType::static_remotekey().has_anchors());
    let odd = ChannelType(Features::from_bits(&[2, 12, 23]));
    assert_eq!(odd.to_string(), "2+option_static_remotekey+23");
    assert_eq!(ChannelType(Features::empty()).to_string(), "none");
}

#[test]
fn a_channel_type_is_taken_whole_or_not_at_all() {
    let mut encoded = Vec::new();
    let open = OpenChannel { channel_type: None, ..samples::open_channel() };
    Message::from(open).encode(&mut encoded);
    // One byte more than the bits up to 65535 need; only the odd bit 65543 is set.
    encoded.extend([1, 0xfd, 0x20, 0x01, 0x80]);
    encoded.extend([0; 8_192]);
    let error = Message::decode(&encoded).expect_err("a bit above 65535");
    assert_eq!((error.message, error.field), ("open_channel", "channel_type"));
    assert_eq!(error.reason, DecodeReason::FeatureBitTooLarge);
}
