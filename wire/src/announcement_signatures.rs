//! `announcement_signatures`, type 259, both ways (BOLT 7).

use secp256k1::ecdsa::Signature;

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError, ShortChannelId, tlv};

/// `announcement_signatures` (BOLT 7): the sender's half of a `channel_announcement`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementSignatures {
    /// The channel.
    pub channel_id: ChannelId,
    /// Where its funding output confirmed.
    pub short_channel_id: ShortChannelId,
    /// By the sender's node key.
    pub node_signature: Signature,
    /// By the sender's funding key.
    pub bitcoin_signature: Signature,
}

impl AnnouncementSignatures {
    /// The number of the type.
    pub const TYPE: u16 = 259;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.short_channel_id(self.short_channel_id);
        writer.signature(&self.node_signature);
        writer.signature(&self.bitcoin_signature);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("announcement_signatures", payload);
        let message = Self {
            channel_id: reader.channel_id("channel_id")?,
            short_channel_id: reader.short_channel_id("short_channel_id")?,
            node_signature: reader.signature("node_signature")?,
            bitcoin_signature: reader.signature("bitcoin_signature")?,
        };
        tlv::read_none(reader)?;
        Ok(message)
    }
}
