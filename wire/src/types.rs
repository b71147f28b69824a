//! The small values that messages are made of.

use bitcoin::{OutPoint, Txid};

/// A `channel_id` or a `temporary_channel_id` (BOLT 2): 32 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 32]);

impl ChannelId {
    /// All zeros: every channel with the peer (BOLT 1, the `error` message).
    pub const ALL: Self = Self([0; 32]);

    /// The permanent id of the channel that `outpoint` funds (BOLT 2).
    pub fn from_funding(outpoint: OutPoint) -> Self {
        let _ = outpoint;
        todo!()
    }
}

impl std::fmt::Debug for ChannelId { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self}") } }
impl std::fmt::Display for ChannelId { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { for b in self.0 { write!(f, "{b:02x}")?; } Ok(()) } }

/// Where a funding output stands in the chain (BOLT 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortChannelId { /// Height.
    pub block: u32, /// Index in the block.
    pub tx_index: u32, /// Output index.
    pub output_index: u16 }

/// Feature bits (BOLT 9), stored by bit number: `bits[n / 8] >> (n % 8) & 1`, without trailing zero bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(pub Vec<u8>);

/// A channel type (BOLT 2): an exact set of feature bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelType(pub Features);

#[allow(unused)]
fn _t(_: Txid) {}
