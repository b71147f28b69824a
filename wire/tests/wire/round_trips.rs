//! Both ways, for anything: messages to bytes and back, bytes to messages and back.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{Error, Message, Ping, Pong};

use crate::corpora::{check_message, check_tlv};
use crate::{samples, strategies};

fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn any_message_survives_the_wire(message in strategies::message()) {
        let bytes = encode(&message);
        prop_assert!(bytes.len() <= Message::MAX_LENGTH);
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn any_message_cut_short_or_changed_breaks_nothing(
        message in strategies::message(),
        cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&message);
        check_message(&bytes[..cut.index(bytes.len())]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check_message(&bytes);
    }

    #[test]
    fn any_bytes_break_nothing(bytes in vec(any::<u8>(), 0..200)) {
        check_message(&bytes);
        check_tlv(&bytes);
    }

    #[test]
    fn bytes_of_known_types_break_nothing(bytes in strategies::near_message()) {
        check_message(&bytes);
    }
}

#[test]
fn the_samples_survive_the_wire() {
    for message in samples::full().into_iter().chain(samples::spare()) {
        assert_eq!(Message::decode(&encode(&message)), Ok(message));
    }
}

#[test]
fn payloads_stand_alone() {
    let open = samples::open_channel();
    let mut payload = Vec::new();
    open.write_payload(&mut payload);
    assert_eq!(wire::OpenChannel::read_payload(&payload).as_ref(), Ok(&open));
    assert_eq!(encode(&open.into()), [&[0, 32], payload.as_slice()].concat());
}

#[test]
fn nothing_of_ours_is_longer_than_a_message() {
    let long: [Message; 4] = [
        Error { channel_id: wire::ChannelId::ALL, data: vec![b'x'; 70_000] }.into(),
        wire::Warning { channel_id: wire::ChannelId::ALL, data: vec![b'x'; 70_000] }.into(),
        Ping { num_pong_bytes: 0, byteslen: u16::MAX }.into(),
        Pong { byteslen: u16::MAX }.into(),
    ];
    for message in long {
        let bytes = encode(&message);
        assert_eq!(bytes.len(), Message::MAX_LENGTH, "{}", message.name());
        assert!(Message::decode(&bytes).is_ok());
    }
}
