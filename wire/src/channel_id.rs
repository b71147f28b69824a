//! `channel_id` and `temporary_channel_id` (BOLT 2, "Definition of `channel_id`").

use std::fmt;
use std::str::FromStr;

use bitcoin::OutPoint;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::FromHex as _;

/// A `channel_id` or a `temporary_channel_id` (BOLT 2): 32 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 32]);

impl ChannelId {
    /// All zeros: every channel with the peer (BOLT 1, the `error` message).
    pub const ALL: Self = Self([0; 32]);

    /// The permanent id of the channel that `outpoint` funds (BOLT 2): its txid with the output
    /// index laid over the last two bytes by exclusive or.
    ///
    /// Of an index above 65,535, which `funding_created` cannot name, the low 16 bits count.
    pub fn from_funding(outpoint: OutPoint) -> Self {
        let mut id = outpoint.txid.to_byte_array();
        let [_, _, high, low] = outpoint.vout.to_be_bytes();
        let [.., last_but_one, last] = &mut id;
        *last_but_one ^= high;
        *last ^= low;
        Self(id)
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidChannelId;

impl fmt::Display for InvalidChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a channel id is 64 hexadecimal digits")
    }
}

impl std::error::Error for InvalidChannelId {}

impl FromStr for ChannelId {
    type Err = InvalidChannelId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        <[u8; 32]>::from_hex(text).map(Self).map_err(|_| InvalidChannelId)
    }
}
