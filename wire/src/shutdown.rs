//! `shutdown`, type 38, both ways (BOLT 2).

use bitcoin::ScriptBuf;

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError, tlv};

/// `shutdown` (BOLT 2): the sender wants to close, and where to it wants its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// The channel.
    pub channel_id: ChannelId,
    /// The script of the sender's output.
    pub scriptpubkey: ScriptBuf,
}

impl Shutdown {
    /// The number of the type.
    pub const TYPE: u16 = 38;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.u16_script(&self.scriptpubkey);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("shutdown", payload);
        let message = Self {
            channel_id: reader.channel_id("channel_id")?,
            scriptpubkey: reader.u16_script("scriptpubkey")?,
        };
        tlv::read_none(reader)?;
        Ok(message)
    }
}
