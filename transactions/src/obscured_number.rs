//! How a commitment transaction carries its number, unreadable for others.

use bitcoin::{
    Sequence, Transaction,
    absolute::LockTime,
    hashes::{Hash as _, HashEngine as _, sha256},
};
use secp256k1::PublicKey;

use crate::CommitmentNumber;

/// What a channel's commitment numbers are XORed with: 48 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObscuringFactor(u64);

impl ObscuringFactor {
    /// From the payment basepoints of `open_channel` and `accept_channel`.
    // [BOLT 3 commitment G8] The lower 48 bits of the hash of both payment basepoints, opener
    // first.
    pub fn new(
        opener_payment_basepoint: &PublicKey,
        accepter_payment_basepoint: &PublicKey,
    ) -> Self {
        let mut engine = sha256::Hash::engine();
        engine.input(&opener_payment_basepoint.serialize());
        engine.input(&accepter_payment_basepoint.serialize());
        let digest = sha256::Hash::from_engine(engine).to_byte_array();
        let last = digest.iter().rev().take(6).rev();
        Self(last.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The 48 bits.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// Where the number stands in the transaction: the sequence of input 0 and the locktime.
    pub(crate) fn hide(self, number: CommitmentNumber) -> (Sequence, LockTime) {
        let obscured = number.0 ^ self.0;
        // [BOLT 3 commitment G5] Sequence: 80 and the upper 24 bits of the obscured number.
        let sequence = SEQUENCE_TAG | low_24_bits(obscured >> 24);
        // [BOLT 3 commitment G2] Locktime: 20 and its lower 24 bits.
        let lock_time = LOCKTIME_TAG | low_24_bits(obscured);
        (Sequence(sequence), LockTime::from_consensus(lock_time))
    }

    /// The number of a commitment transaction of this channel; `None` if `transaction` does not
    /// have the form of one. A mutual close has not.
    pub fn reveal(self, transaction: &Transaction) -> Option<CommitmentNumber> {
        let [input] = transaction.input.as_slice() else { return None };
        let (sequence, lock_time) = (input.sequence.0, transaction.lock_time.to_consensus_u32());
        let tagged = sequence & TAG_MASK == SEQUENCE_TAG && lock_time & TAG_MASK == LOCKTIME_TAG;
        let upper = u64::from(sequence & !TAG_MASK) << 24;
        let obscured = upper | u64::from(lock_time & !TAG_MASK);
        tagged.then_some(CommitmentNumber(obscured ^ self.0))
    }
}

fn low_24_bits(number: u64) -> u32 {
    let [.., a, b, c] = number.to_be_bytes();
    u32::from_be_bytes([0, a, b, c])
}

const SEQUENCE_TAG: u32 = 0x8000_0000;
const LOCKTIME_TAG: u32 = 0x2000_0000;
const TAG_MASK: u32 = 0xff00_0000;
