//! The codecs by themselves: rotation, damage, poison, room.

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::{direction, open, oracle, seal, session};
use crate::{
    MAX_MESSAGE_LENGTH, OpenError, SealError,
    codec::{IDLE_BUFFER, READ_BUFFER},
};

/// Every packet of four lives of a key, with the lengths on both sides of each rotation.
#[test]
fn rotation_follows_the_chain_of_derivations() {
    let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
    for index in 0..2100_u64 {
        let message = vec![0x5a; usize::try_from(index % 40).unwrap()];
        let packet = seal(&mut sealer, &message);
        assert_eq!(packet, oracle::packet(&[8; 32], &[7; 32], index, &message), "{index}");
        assert_eq!(open(&mut opener, &packet).unwrap().unwrap(), message);
    }
}

/// One direction may be lives ahead of the other.
#[test]
fn directions_rotate_independently() {
    let ((mut sealer, mut opener), (mut remote_sealer, mut remote_opener)) = session();
    for round in 0..4_u64 {
        for _ in 0..700 {
            let packet = seal(&mut sealer, b"there");
            assert_eq!(open(&mut remote_opener, &packet).unwrap().unwrap(), "there");
        }
        for _ in 0..=round {
            let packet = seal(&mut remote_sealer, b"back");
            assert_eq!(open(&mut opener, &packet).unwrap().unwrap(), "back");
        }
    }
}

/// Whatever bit of a packet is flipped: the messages before it arrive, it does not, and nothing
/// after it does, not even when it is sent again undamaged.
#[test]
fn a_flipped_bit_poisons() {
    let size = 18 + 5 + 16;
    for bit in 0..size * 8 {
        let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
        let mut input = BytesMut::new();
        for message in [b"first", b"wrong", b"third"] {
            sealer.encode(message, &mut input).unwrap();
        }
        let undamaged = BytesMut::from(&input[size..]);
        input[size + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opener.decode(&mut input).unwrap().unwrap(), "first");
        match (opener.decode(&mut input), bit / 8) {
            (Err(OpenError::BadLengthTag), 0..18) | (Err(OpenError::BadMessageTag), 18..) => {}
            (outcome, byte) => panic!("byte {byte}: {outcome:?}"),
        }
        assert!(input.is_empty(), "nothing is kept");
        for mut again in [undamaged, BytesMut::new(), BytesMut::from(&[0; 100][..])] {
            assert!(matches!(opener.decode(&mut again), Err(OpenError::Poisoned)));
            assert!(again.is_empty());
            assert!(matches!(opener.decode_eof(&mut again), Err(OpenError::Poisoned)));
        }
    }
}

/// A packet that is left out, repeated or swapped is damage like any other.
#[test]
fn order_is_authenticated() {
    let packets = || {
        let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
        ([seal(&mut sealer, b"one"), seal(&mut sealer, b"two")], opener)
    };
    let ([_, two], mut opener) = packets();
    assert!(matches!(open(&mut opener, &two), Err(OpenError::BadLengthTag)));
    let ([one, _], mut opener) = packets();
    open(&mut opener, &one).unwrap();
    assert!(matches!(open(&mut opener, &one), Err(OpenError::BadLengthTag)));
    let ([one, two], mut opener) = packets();
    let mixed = [&one[..18], &two[18..]].concat();
    assert!(matches!(open(&mut opener, &mixed), Err(OpenError::BadMessageTag)));
}

#[test]
fn a_message_too_long_leaves_no_trace() {
    let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
    let mut output = BytesMut::new();
    sealer.encode(b"before", &mut output).unwrap();
    let length = output.len();
    for excess in [1, 100_000] {
        let message = vec![0; MAX_MESSAGE_LENGTH + excess];
        let error = sealer.encode(&message, &mut output).unwrap_err();
        assert!(matches!(error, SealError::TooLong(length) if length == message.len()));
        assert_eq!(output.len(), length);
    }
    sealer.encode(vec![9; MAX_MESSAGE_LENGTH], &mut output).unwrap();
    assert_eq!(opener.decode(&mut output).unwrap().unwrap(), "before");
    assert_eq!(opener.decode(&mut output).unwrap().unwrap(), vec![9; MAX_MESSAGE_LENGTH]);
}

/// An empty message is a packet like any other at this layer.
#[test]
fn an_empty_message_arrives() {
    let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
    let packet = seal(&mut sealer, b"");
    assert_eq!(packet.len(), 34);
    assert_eq!(open(&mut opener, &packet).unwrap().unwrap(), "");
}

/// The end of the stream is an end only between packets, also where the buffer is empty because
/// the length was taken out of it.
#[test]
fn an_end_inside_a_packet_is_noticed() {
    let (mut sealer, _) = direction(&[7; 32], &[8; 32]);
    let packet = seal(&mut sealer, b"hello");
    for end in 0..packet.len() {
        let (_, mut opener) = direction(&[7; 32], &[8; 32]);
        let mut input = BytesMut::from(&packet[..end]);
        assert!(opener.decode(&mut input).unwrap().is_none());
        match opener.decode_eof(&mut input) {
            Ok(None) => assert_eq!(end, 0),
            Err(OpenError::Truncated) => assert_ne!(end, 0),
            outcome => panic!("{end}: {outcome:?}"),
        }
    }
}

/// A connection that is cut anywhere inside a message, of the length of any that opens or closes a channel, is one
/// that was cut before it: what came earlier arrives, nothing of the message does. That is why the simulator cuts
/// between messages.
#[test]
fn a_message_that_is_cut_at_any_byte_never_arrived() {
    // pong, shutdown, funding_signed, announcement_signatures, funding_created, reestablish, accept, open.
    for length in [4, 56, 98, 168, 132, 138, 274, 321] {
        let (mut sealer, _) = direction(&[7; 32], &[8; 32]);
        let before = seal(&mut sealer, b"before");
        let packet = seal(&mut sealer, &vec![5; length]);
        for end in 0..packet.len() {
            let (_, mut opener) = direction(&[7; 32], &[8; 32]);
            let mut input = BytesMut::from([before.as_slice(), &packet[..end]].concat().as_slice());
            assert_eq!(opener.decode(&mut input).unwrap().unwrap(), &b"before"[..]);
            assert!(opener.decode(&mut input).unwrap().is_none(), "{length} cut at {end}");
            let is_noticed = matches!(opener.decode_eof(&mut input), Err(OpenError::Truncated));
            assert_eq!(is_noticed, end > 0, "{length} cut at {end}");
        }
    }
}

/// The buffer holds one packet or one read, whichever is more, and shrinks when it is empty.
#[test]
fn the_read_buffer_is_bounded() {
    let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
    let mut input = BytesMut::with_capacity(READ_BUFFER);
    for length in
        [0, 1, 300, 12_000, READ_BUFFER, MAX_MESSAGE_LENGTH, 40_000, 2, MAX_MESSAGE_LENGTH, 0]
    {
        let message = vec![1; length];
        let packet = seal(&mut sealer, &message);
        let mut rest = packet.as_slice();
        let opened = loop {
            if let Some(opened) = opener.decode(&mut input).unwrap() {
                break opened;
            }
            let room = input.capacity() - input.len();
            assert!(room > 0, "a read of nothing would look like the end of the stream");
            assert!(input.capacity() <= MAX_MESSAGE_LENGTH + 16);
            let (piece, more) = rest.split_at(room.min(rest.len()));
            input.extend_from_slice(piece);
            rest = more;
        };
        assert_eq!(opened, message);
        assert!(opener.decode(&mut input).unwrap().is_none());
        assert!(input.capacity() <= READ_BUFFER);
        assert!(input.capacity() >= IDLE_BUFFER / 2, "the next reads would be small ones");
    }
}

/// A read that filled its buffer is followed by a large one, any other by a wait that costs little.
#[test]
fn the_read_buffer_is_large_only_while_much_comes() {
    let (mut sealer, mut opener) = direction(&[7; 32], &[8; 32]);
    for (length, fills, expected) in
        [(100, false, IDLE_BUFFER), (100, true, READ_BUFFER), (20_000, false, IDLE_BUFFER)]
    {
        let packet = seal(&mut sealer, &vec![1; length]);
        let beyond = if fills { 0 } else { 10 };
        let mut input = BytesMut::with_capacity(packet.len() + beyond);
        input.extend_from_slice(&packet);
        assert_eq!(opener.decode(&mut input).unwrap().unwrap().len(), length);
        assert!(opener.decode(&mut input).unwrap().is_none());
        assert_eq!(input.capacity(), expected);
    }
}
