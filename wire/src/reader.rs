//! Reading the fundamental types of BOLT 1.

use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, ScriptBuf, Txid};
use secp256k1::PublicKey;
use secp256k1::ecdsa::Signature;

use crate::{ChannelId, DecodeError, DecodeReason, ShortChannelId};

/// Takes fields from the front of a slice.
///
/// A length that was read is compared with the bytes that are there before anything is allocated
/// for it. Each method takes the name of the field, and each error says it, with the message and
/// the offset. After an error the reader stands in no defined place.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads a record: offsets count from its first byte. `message` is what errors call it.
    pub fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes, offset: 0 }
    }

    /// Reads the payload of a message: offsets count from the two bytes of the type before it.
    pub fn payload(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes, offset: TYPE_LENGTH }
    }

    /// The bytes that are left, without taking them.
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Where the next field begins, as errors count it.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// An error about the field that begins here.
    pub fn error(&self, field: &'static str, reason: DecodeReason) -> DecodeError {
        self.error_at(self.offset, field, reason)
    }

    /// An error about a field that began at `offset` (see [`Reader::offset`]).
    pub fn error_at(
        &self,
        offset: usize,
        field: &'static str,
        reason: DecodeReason,
    ) -> DecodeError {
        DecodeError { message: self.message, field, offset, reason }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeReason::TrailingBytes`] if bytes are left.
    pub fn finish(self, field: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(field, DecodeReason::TrailingBytes(left))),
        }
    }

    /// The next `length` bytes, borrowed.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`], as for every method below.
    pub fn bytes(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.truncated(field, widen(length)));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(taken)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.offset = self.offset.saturating_add(self.rest.len());
        std::mem::take(&mut self.rest)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(field, widen(N)));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(N);
        Ok(*taken)
    }

    /// A `byte`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(u8::from_be_bytes)
    }

    /// A `u16`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// A `u32`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A `u64`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// An `s8`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn s8(&mut self, field: &'static str) -> Result<i8, DecodeError> {
        self.array(field).map(i8::from_be_bytes)
    }

    /// An `s16`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn s16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        self.array(field).map(i16::from_be_bytes)
    }

    /// An `s32`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn s32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// An `s64`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn s64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        self.array(field).map(i64::from_be_bytes)
    }

    /// A `bigsize`, in its shortest form.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`]; [`DecodeReason::NotMinimal`].
    pub fn bigsize(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let start = self.offset;
        let (value, least) = match self.u8(field)? {
            0xfd => (u64::from(self.u16(field)?), 0xfd),
            0xfe => (u64::from(self.u32(field)?), 0x1_0000),
            0xff => (self.u64(field)?, 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        // [BOLT 1 bigsize G1] a longer form than the value needs is refused
        if value < least {
            return Err(self.error_at(start, field, DecodeReason::NotMinimal));
        }
        Ok(value)
    }

    /// A `tu64`: everything that is left of a TLV value, without leading zeros.
    ///
    /// # Errors
    /// [`DecodeReason::TrailingBytes`] if it is longer than 8 bytes; [`DecodeReason::NotMinimal`].
    pub fn tu64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.truncated_integer(field).map(u64::from_be_bytes)
    }

    /// A `tu32`: everything that is left of a TLV value, without leading zeros.
    ///
    /// # Errors
    /// [`DecodeReason::TrailingBytes`] if it is longer than 4 bytes; [`DecodeReason::NotMinimal`].
    pub fn tu32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.truncated_integer(field).map(u32::from_be_bytes)
    }

    /// A `tu16`: everything that is left of a TLV value, without leading zeros.
    ///
    /// # Errors
    /// [`DecodeReason::TrailingBytes`] if it is longer than 2 bytes; [`DecodeReason::NotMinimal`].
    pub fn tu16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.truncated_integer(field).map(u16::from_be_bytes)
    }

    /// Bytes after their number as a `u16`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u16_bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.u16(field)?;
        self.bytes(usize::from(length), field)
    }

    /// Bytes after their number as a `bigsize`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`]; [`DecodeReason::NotMinimal`].
    pub fn bigsize_bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.bigsize(field)?;
        let Ok(taken) = usize::try_from(length) else {
            return Err(self.truncated(field, length));
        };
        self.bytes(taken, field)
    }

    /// A script after its length as a `u16`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn u16_script(&mut self, field: &'static str) -> Result<ScriptBuf, DecodeError> {
        self.u16_bytes(field).map(|bytes| ScriptBuf::from_bytes(bytes.to_vec()))
    }

    /// A `point`: 33 bytes, compressed.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`]; [`DecodeReason::InvalidPoint`].
    pub fn point(&mut self, field: &'static str) -> Result<PublicKey, DecodeError> {
        let start = self.offset;
        let bytes: [u8; 33] = self.array(field)?;
        PublicKey::from_slice(&bytes)
            .map_err(|_| self.error_at(start, field, DecodeReason::InvalidPoint))
    }

    /// A `signature`: 64 bytes, compact. Taken as it is, with a high S as well as with a low one.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`]; [`DecodeReason::InvalidSignature`].
    pub fn signature(&mut self, field: &'static str) -> Result<Signature, DecodeError> {
        let start = self.offset;
        let bytes: [u8; 64] = self.array(field)?;
        Signature::from_compact(&bytes)
            .map_err(|_| self.error_at(start, field, DecodeReason::InvalidSignature))
    }

    /// A `u64` of satoshis, at most 21 million bitcoin.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`]; [`DecodeReason::AmountTooLarge`].
    pub fn satoshis(&mut self, field: &'static str) -> Result<Amount, DecodeError> {
        let start = self.offset;
        let amount = Amount::from_sat(self.u64(field)?);
        // [BOLT 1 types G2] no amount is above 21 million bitcoin: no sum of a few overflows
        if amount > Amount::MAX_MONEY {
            let reason = DecodeReason::AmountTooLarge(amount.to_sat());
            return Err(self.error_at(start, field, reason));
        }
        Ok(amount)
    }

    /// A `channel_id` or a `temporary_channel_id`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn channel_id(&mut self, field: &'static str) -> Result<ChannelId, DecodeError> {
        self.array(field).map(ChannelId)
    }

    /// A `short_channel_id`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn short_channel_id(&mut self, field: &'static str) -> Result<ShortChannelId, DecodeError> {
        self.u64(field).map(ShortChannelId::from)
    }

    /// A `chain_hash`.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn chain_hash(&mut self, field: &'static str) -> Result<ChainHash, DecodeError> {
        self.array::<32>(field).map(ChainHash::from)
    }

    /// A transaction id, in the order of bytes that transactions use.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`].
    pub fn txid(&mut self, field: &'static str) -> Result<Txid, DecodeError> {
        self.array(field).map(Txid::from_byte_array)
    }

    /// A reader of the next `length` bytes alone: the value of a TLV record.
    pub(crate) fn part(
        &mut self,
        length: u64,
        field: &'static str,
    ) -> Result<Reader<'a>, DecodeError> {
        let start = self.offset;
        let Ok(taken) = usize::try_from(length) else {
            return Err(self.truncated(field, length));
        };
        let rest = self.bytes(taken, field)?;
        Ok(Reader { message: self.message, rest, offset: start })
    }

    fn truncated(&self, field: &'static str, need: u64) -> DecodeError {
        self.error(field, DecodeReason::Truncated { need, have: self.rest.len() })
    }

    fn truncated_integer<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let start = self.offset;
        let bytes = self.rest();
        // [BOLT 1 types G1] no leading zeros
        // [BOLT 1 tlv R7] or else the stream fails
        if bytes.first() == Some(&0) {
            return Err(self.error_at(start, field, DecodeReason::NotMinimal));
        }
        let mut value = [0; N];
        match N.checked_sub(bytes.len()).and_then(|at| value.get_mut(at..)) {
            Some(low) => low.copy_from_slice(bytes),
            None => {
                let over = bytes.len().saturating_sub(N);
                return Err(self.error_at(start, field, DecodeReason::TrailingBytes(over)));
            }
        }
        Ok(value)
    }
}

/// The bytes of a message's type, which stand before its payload.
const TYPE_LENGTH: usize = 2;

/// No `From` goes from `usize` to `u64`; no platform of ours has a longer `usize`.
fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
