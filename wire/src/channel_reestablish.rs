//! `channel_reestablish`, type 136, both ways (BOLT 2).

use secp256k1::PublicKey;

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError, tlv};

/// `channel_reestablish` (BOLT 2): what the sender knows of a channel, after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReestablish {
    /// The channel.
    pub channel_id: ChannelId,
    /// The number of the next commitment that the sender expects to be given.
    pub next_commitment_number: u64,
    /// The number of the next commitment that it expects to see revoked.
    pub next_revocation_number: u64,
    /// 32 bytes as sent: it need not be a valid secret.
    pub your_last_per_commitment_secret: [u8; 32],
    /// A point of the sender's; in a channel with a static remote key any valid one.
    pub my_current_per_commitment_point: PublicKey,
}

impl ChannelReestablish {
    /// The number of the type.
    pub const TYPE: u16 = 136;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.u64(self.next_commitment_number);
        writer.u64(self.next_revocation_number);
        writer.bytes(&self.your_last_per_commitment_secret);
        writer.point(&self.my_current_per_commitment_point);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("channel_reestablish", payload);
        let message = Self {
            channel_id: reader.channel_id("channel_id")?,
            next_commitment_number: reader.u64("next_commitment_number")?,
            next_revocation_number: reader.u64("next_revocation_number")?,
            your_last_per_commitment_secret: reader.array("your_last_per_commitment_secret")?,
            my_current_per_commitment_point: reader.point("my_current_per_commitment_point")?,
        };
        // TLV 1 (`next_funding`) and 5 (`my_current_funding_locked`) are skipped whatever their
        // length: they are odd, mean nothing without splicing, and were once shorter.
        tlv::read_none(reader)?;
        Ok(message)
    }
}
