//! `channel_ready`, type 36 (BOLT 2).
use crate::ChannelId;
use secp256k1::PublicKey;

/// `channel_ready`, type 36 (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReady {
    pub channel_id: ChannelId,
    pub second_per_commitment_point: PublicKey,
    /// TLV 1: the alias, 8 bytes as a number.
    pub short_channel_id: Option<u64>,
}
