//! Writing the fundamental types of BOLT 1.

use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Script, Txid};
use secp256k1::PublicKey;
use secp256k1::ecdsa::Signature;

use crate::{ChannelId, ShortChannelId};

/// Appends fields to a vector: the counterpart of [`Reader`](crate::codec::Reader).
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Bytes without a length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `count` bytes of zero.
    pub fn zeros(&mut self, count: usize) {
        self.out.resize(self.out.len().saturating_add(count), 0);
    }

    /// A `byte`.
    pub fn u8(&mut self, value: u8) {
        self.bytes(&value.to_be_bytes());
    }

    /// A `u16`.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// A `u32`.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A `u64`.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// An `s8`.
    pub fn s8(&mut self, value: i8) {
        self.bytes(&value.to_be_bytes());
    }

    /// An `s16`.
    pub fn s16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    /// An `s32`.
    pub fn s32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// An `s64`.
    pub fn s64(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    /// A `bigsize`, in its shortest form.
    pub fn bigsize(&mut self, value: u64) {
        // [BOLT 1 bigsize G1] the shortest form, always
        if let Ok(value) = u8::try_from(value)
            && value < 0xfd
        {
            self.u8(value);
        } else if let Ok(value) = u16::try_from(value) {
            self.u8(0xfd);
            self.u16(value);
        } else if let Ok(value) = u32::try_from(value) {
            self.u8(0xfe);
            self.u32(value);
        } else {
            self.u8(0xff);
            self.u64(value);
        }
    }

    /// A `tu64`: big-endian without leading zeros; zero is no byte at all.
    pub fn tu64(&mut self, value: u64) {
        let bytes = value.to_be_bytes();
        // [BOLT 1 types G1] leading zeros are left out
        let significant = bytes.iter().copied().skip_while(|byte| *byte == 0);
        self.out.extend(significant);
    }

    /// Bytes after their number as a `u16`.
    ///
    /// More than 65,535 are written whole all the same, after 65,535 as their number: that is
    /// longer than any message, so the transport refuses it, and nothing is ever cut in silence.
    pub fn u16_bytes(&mut self, bytes: &[u8]) {
        self.u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        self.bytes(bytes);
    }

    /// Bytes after their number as a `bigsize`.
    pub fn bigsize_bytes(&mut self, bytes: &[u8]) {
        self.bigsize(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.bytes(bytes);
    }

    /// A script after its length as a `u16`; see [`Writer::u16_bytes`].
    pub fn u16_script(&mut self, script: &Script) {
        self.u16_bytes(script.as_bytes());
    }

    /// A `point`.
    pub fn point(&mut self, point: &PublicKey) {
        self.bytes(&point.serialize());
    }

    /// A `signature`, as it is.
    pub fn signature(&mut self, signature: &Signature) {
        self.bytes(&signature.serialize_compact());
    }

    /// A `u64` of satoshis.
    pub fn satoshis(&mut self, amount: Amount) {
        self.u64(amount.to_sat());
    }

    /// A `channel_id`.
    pub fn channel_id(&mut self, channel_id: ChannelId) {
        self.bytes(&channel_id.0);
    }

    /// A `short_channel_id`.
    pub fn short_channel_id(&mut self, short_channel_id: ShortChannelId) {
        self.u64(short_channel_id.into());
    }

    /// A `chain_hash`.
    pub fn chain_hash(&mut self, chain_hash: ChainHash) {
        self.bytes(chain_hash.as_bytes());
    }

    /// A transaction id, in the order of bytes that transactions use.
    pub fn txid(&mut self, txid: Txid) {
        self.bytes(txid.as_byte_array());
    }

    /// A TLV record. The caller writes the records of a stream in the order of their types.
    pub fn tlv(&mut self, tlv_type: u64, value: &[u8]) {
        // [BOLT 1 tlv S2] type and length take their shortest form
        self.bigsize(tlv_type);
        self.bigsize_bytes(value);
    }
}
