//! Whole sessions against a model that knows no cryptography: a queue for each direction.

use std::collections::VecDeque;

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

use super::session;
use crate::{OpenError, Opener, Sealer};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However the bytes are cut into reads, the messages are those that were sent; and from the
    /// first damaged byte on there are none.
    #[test]
    fn sessions_behave_as_queues(steps in prop::collection::vec(step(), 1..40)) {
        let ((sealer, opener), (remote_sealer, remote_opener)) = session();
        let mut lanes = [Lane::new(sealer, remote_opener), Lane::new(remote_sealer, opener)];
        for step in steps {
            match step {
                Step::Send { lane, count, length } => {
                    (0..count).for_each(|_| lanes[lane].send(length));
                }
                Step::Deliver { lane, count, piece } => lanes[lane].deliver(count, piece),
                Step::Damage { lane, bit } => lanes[lane].damage(bit),
            }
        }
        for lane in &mut lanes {
            lane.deliver(usize::MAX, 4096);
            prop_assert!(lane.damaged || lane.expected.is_empty());
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send { lane: usize, count: usize, length: usize },
    Deliver { lane: usize, count: usize, piece: usize },
    Damage { lane: usize, bit: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0..2_usize;
    let length = prop_oneof![4 => 0..300_usize, 1 => 0..=65_535_usize];
    let few = (lane.clone(), 0..4_usize, length);
    let many = (lane.clone(), 200..400_usize, 0..20_usize);
    prop_oneof![
        4 => few.prop_map(|(lane, count, length)| Step::Send { lane, count, length }),
        4 => many.prop_map(|(lane, count, length)| Step::Send { lane, count, length }),
        4 => (lane.clone(), 0..200_000_usize, 1..5000_usize)
            .prop_map(|(lane, count, piece)| Step::Deliver { lane, count, piece }),
        1 => (lane, any::<usize>()).prop_map(|(lane, bit)| Step::Damage { lane, bit }),
    ]
}

/// One direction: what is on the wire, and what must come out of it.
struct Lane {
    sealer: Sealer,
    opener: Opener,
    wire: VecDeque<u8>,
    buffer: BytesMut,
    expected: VecDeque<Vec<u8>>,
    sent: usize,
    damaged: bool,
    dead: bool,
}

impl Lane {
    fn new(sealer: Sealer, opener: Opener) -> Self {
        let (wire, expected) = (VecDeque::new(), VecDeque::new());
        let buffer = BytesMut::new();
        Lane { sealer, opener, wire, buffer, expected, sent: 0, damaged: false, dead: false }
    }

    fn send(&mut self, length: usize) {
        self.sent += 1;
        let byte = u8::try_from(self.sent % 251).unwrap();
        let message = vec![byte; length];
        let mut packet = BytesMut::new();
        self.sealer.encode(&message, &mut packet).unwrap();
        self.wire.extend(packet);
        if !self.damaged {
            self.expected.push_back(message);
        }
    }

    fn damage(&mut self, bit: usize) {
        let size = self.wire.len() * 8;
        if size > 0 {
            self.wire[bit % size / 8] ^= 1 << (bit % 8);
            self.damaged = true;
        }
    }

    fn deliver(&mut self, count: usize, piece: usize) {
        let mut left = count.min(self.wire.len());
        while left > 0 {
            let size = piece.min(left);
            self.buffer.extend(self.wire.drain(..size));
            left -= size;
            self.drain();
        }
    }

    fn drain(&mut self) {
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
}
