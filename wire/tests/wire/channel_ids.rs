//! `channel_id`, `short_channel_id`, and which messages are about which channel.

use bitcoin::OutPoint;
use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use wire::{ChannelId, Error, Message, MessageType, RawMessage, ShortChannelId};

use crate::samples;

#[test]
fn a_channel_id_is_the_outpoint() {
    let txid = Txid::from_byte_array([0x11; 32]);
    let id = |vout| ChannelId::from_funding(OutPoint { txid, vout });
    assert_eq!(id(0).0, [0x11; 32]);
    let ChannelId([start @ .., high, low]) = id(0x0102);
    assert_eq!((start, high, low), ([0x11; 30], 0x10, 0x13));
}

#[test]
fn channel_ids_are_printed_and_parsed() {
    let id = ChannelId([0xab; 32]);
    assert_eq!(id.to_string(), "ab".repeat(32));
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!("ab".parse::<ChannelId>().is_err());
}

#[test]
fn short_channel_ids_are_printed_and_parsed() {
    let id = ShortChannelId { block: 539_268, tx_index: 845, output_index: 1 };
    assert_eq!("539268x845x1".parse(), Ok(id));
    let most = ShortChannelId::from(u64::MAX);
    assert_eq!(most.to_string().parse(), Ok(most));
    for wrong in ["", "1x2", "1x2x3x4", "16777216x0x0", "0x16777216x0", "0x0x65536", "1:2:3"] {
        assert!(wrong.parse::<ShortChannelId>().is_err(), "{wrong}");
    }
}

#[test]
fn messages_say_which_channel_they_are_about() {
    for message in samples::full() {
        let expected = match message.name() {
            "init" | "ping" | "pong" => None,
            "warning" => Some(ChannelId::ALL),
            "open_channel" | "accept_channel" | "funding_created" => Some(ChannelId([0xaa; 32])),
            _ => Some(ChannelId([0xbb; 32])),
        };
        assert_eq!(message.channel_id(), expected, "{}", message.name());
    }
}

#[test]
fn the_table_of_types_agrees_with_the_messages() {
    assert!(MessageType::ALL.windows(2).all(|pair| pair[0].number < pair[1].number));
    for message in samples::full() {
        let known = MessageType::find(message.type_number()).expect("a name");
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let at =
            |at: usize| bytes[2..].get(at..at + 32).map(|id| ChannelId(id.try_into().unwrap()));
        assert_eq!(known.channel_id_at.and_then(at), message.channel_id());
        let error = Message::decode(&bytes[..3]).expect_err("cut short");
        assert_eq!(error.message, known.name);
    }
}

#[test]
fn messages_that_are_kept_as_bytes_have_names_and_channels() {
    let raw = |type_number, payload: &[u8]| {
        Message::Raw(RawMessage { type_number, payload: payload.to_vec() })
    };
    let mut payload = vec![0xee; 32];
    payload.extend([0x77; 32]);
    let cases = [
        (2, "stfu", Some([0xee; 32])),
        (64, "open_channel2", Some([0x77; 32])),
        (65, "accept_channel2", Some([0xee; 32])),
        (127, "start_batch", Some([0xee; 32])),
        (132, "commitment_signed", Some([0xee; 32])),
        (134, "update_fee", Some([0xee; 32])),
        (7, "peer_storage", None),
        (258, "channel_update", None),
        (265, "gossip_timestamp_filter", None),
        (513, "onion_message", None),
        (32_769, "unknown", None),
    ];
    for (type_number, name, channel) in cases {
        let message = raw(type_number, &payload);
        assert_eq!((message.name(), message.type_number()), (name, type_number));
        assert_eq!(message.channel_id(), channel.map(ChannelId), "{name}");
        assert_eq!(raw(type_number, &payload[..31]).channel_id(), None, "{name} is too short");
        let Message::Raw(inner) = &message else { unreachable!() };
        assert_eq!(inner.is_named(), name != "unknown");
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(Message::decode(&bytes), Ok(message));
    }
}

#[test]
fn the_text_of_an_error_is_shown_escaped() {
    let error = Error { channel_id: ChannelId::ALL, data: b"no \x1b[31m\xff way".to_vec() };
    assert_eq!(error.text(), "no \\x1b[31m\\xff way");
}
