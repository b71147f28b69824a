//! `short_channel_id` (BOLT 7): where a funding output stands in the chain.

use std::fmt;
use std::str::FromStr;

/// Where a funding output stands in the chain (BOLT 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortChannelId {
    /// Height of the block; 24 bits on the wire.
    pub block: u32,
    /// Index of the transaction in the block; 24 bits on the wire.
    pub tx_index: u32,
    /// Index of the output in the transaction.
    pub output_index: u16,
}

impl ShortChannelId {
    /// From the number on the wire: 3 bytes of height, 3 of transaction index, 2 of output index.
    pub const fn from_u64(number: u64) -> Self {
        let [b0, b1, b2, t0, t1, t2, o0, o1] = number.to_be_bytes();
        Self {
            block: u32::from_be_bytes([0, b0, b1, b2]),
            tx_index: u32::from_be_bytes([0, t0, t1, t2]),
            output_index: u16::from_be_bytes([o0, o1]),
        }
    }

    /// The number on the wire. Of a height or index above 24 bits, the low 24 count.
    pub const fn to_u64(self) -> u64 {
        let [_, b0, b1, b2] = self.block.to_be_bytes();
        let [_, t0, t1, t2] = self.tx_index.to_be_bytes();
        let [o0, o1] = self.output_index.to_be_bytes();
        u64::from_be_bytes([b0, b1, b2, t0, t1, t2, o0, o1])
    }
}

impl From<u64> for ShortChannelId {
    fn from(number: u64) -> Self {
        Self::from_u64(number)
    }
}

impl From<ShortChannelId> for u64 {
    fn from(id: ShortChannelId) -> Self {
        id.to_u64()
    }
}

impl fmt::Display for ShortChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.block, self.tx_index, self.output_index)
    }
}

/// Not of the form `BLOCKxTXxOUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidShortChannelId;

impl fmt::Display for InvalidShortChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a short channel id is BLOCKxTXxOUT, as in 539268x845x1")
    }
}

impl std::error::Error for InvalidShortChannelId {}

impl FromStr for ShortChannelId {
    type Err = InvalidShortChannelId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('x');
        let (Some(block), Some(tx_index), Some(output_index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidShortChannelId);
        };
        let id = Self {
            block: block.parse().map_err(|_| InvalidShortChannelId)?,
            tx_index: tx_index.parse().map_err(|_| InvalidShortChannelId)?,
            output_index: output_index.parse().map_err(|_| InvalidShortChannelId)?,
        };
        if Self::from_u64(id.to_u64()) == id { Ok(id) } else { Err(InvalidShortChannelId) }
    }
}
