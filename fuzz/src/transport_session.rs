//! Two live ends of a session against a model that knows no cryptography: a queue each way.

use std::collections::VecDeque;

use bytes::BytesMut;
use secp256k1::SecretKey;
use tokio_util::codec::{Decoder, Encoder};
use transport::{Initiator, NodeKey, OpenError, Opener, Responder, Sealer};

/// Five bytes are a step: what to do and in which direction, and two numbers.
///
/// However the bytes are cut into reads, the messages are those that were sent, across rotations;
/// from the first damaged byte on there are none, and the end of the stream is told for what it is.
pub fn check(bytes: &[u8]) {
    let mut lanes = lanes();
    let mut messages = 0;
    for step in bytes.chunks_exact(5) {
        let [kind, a, b, c, d] = *step else { return };
        let lane = &mut lanes[usize::from(kind >> 7)];
        let first = usize::from(u16::from_be_bytes([a, b]));
        let second = usize::from(u16::from_be_bytes([c, d]));
        match kind % 8 {
            0 | 1 => {
                messages += 1;
                // Any length, but seldom a great one, which takes long and shows little.
                lane.send(if a < 0xf8 { first % 512 } else { first });
            }
            2 | 3 => {
                messages += first % 600;
                (0..first % 600).for_each(|_| lane.send(second % 32));
            }
            4 | 5 => lane.deliver(first, second),
            6 => lane.damage(first * 8 + second % 8),
            _ => lane.drop_byte(first),
        }
        if messages > 1200 {
            break;
        }
    }
    for lane in lanes {
        lane.end();
    }
}

fn lanes() -> [Lane; 2] {
    let secret = |byte| SecretKey::from_slice(&[byte; 32]).unwrap();
    let key = NodeKey::new(secret(0x21));
    let (initiator, act_one) =
        Initiator::start(&NodeKey::new(secret(0x11)), secret(0x12), &key.public_key())
            .ok()
            .unwrap();
    let (responder, act_two) = Responder::act_one(&key, secret(0x22), &act_one).ok().unwrap();
    let (act_three, sealer, opener) = initiator.act_two(&act_two).ok().unwrap();
    let (_, remote_sealer, remote_opener) = responder.act_three(&act_three).ok().unwrap();
    [Lane::new(sealer, remote_opener), Lane::new(remote_sealer, opener)]
}

/// One direction: what is on the wire, and what must come out of it.
struct Lane {
    sealer: Sealer,
    opener: Opener,
    wire: VecDeque<u8>,
    buffer: BytesMut,
    expected: VecDeque<Vec<u8>>,
    sent: u8,
    damaged: bool,
    dead: bool,
}

impl Lane {
    fn new(sealer: Sealer, opener: Opener) -> Self {
        let (wire, expected) = (VecDeque::new(), VecDeque::new());
        let buffer = BytesMut::new();
        Lane { sealer, opener, wire, buffer, expected, sent: 0, damaged: false, dead: false }
    }

    /// Not after damage: a second flip of the same bit would make the packet whole again.
    fn send(&mut self, length: usize) {
        if self.damaged {
            return;
        }
        self.sent = self.sent.wrapping_add(1);
        let message = vec![self.sent; length];
        let mut packet = BytesMut::new();
        self.sealer.encode(&message, &mut packet).unwrap();
        self.wire.extend(packet);
        self.expected.push_back(message);
    }

    fn damage(&mut self, bit: usize) {
        let size = self.wire.len() * 8;
        if size > 0 {
            self.wire[bit % size / 8] ^= 1 << (bit % 8);
            self.damaged = true;
        }
    }

    fn drop_byte(&mut self, index: usize) {
        if !self.wire.is_empty() {
            self.wire.remove(index % self.wire.len());
            self.damaged = true;
        }
    }

    fn deliver(&mut self, count: usize, piece: usize) {
        let mut left = count.min(self.wire.len());
        while left > 0 {
            let size = (piece % 4096 + 1).min(left);
            self.buffer.extend(self.wire.drain(..size));
            left -= size;
            self.open();
        }
    }

    fn open(&mut self) {
        loop {
            match self.opener.decode(&mut self.buffer) {
                Ok(Some(message)) => {
                    assert!(!self.dead);
                    assert_eq!(self.expected.pop_front().unwrap(), message);
                }
                Ok(None) => return assert!(!self.dead),
                Err(OpenError::BadLengthTag | OpenError::BadMessageTag) => {
                    assert!(self.damaged && !self.dead);
                    self.dead = true;
                }
                Err(OpenError::Poisoned) => return assert!(self.dead && self.buffer.is_empty()),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn end(mut self) {
        self.deliver(usize::MAX, 4095);
        match self.opener.decode_eof(&mut self.buffer) {
            Ok(Some(message)) => panic!("{} bytes were held back", message.len()),
            Ok(None) => assert!(!self.dead && (self.damaged || self.expected.is_empty())),
            Err(OpenError::Truncated) => assert!(!self.dead && self.damaged),
            Err(OpenError::Poisoned) => assert!(self.dead),
            Err(error) => panic!("{error}"),
        }
    }
}
