//! `funding_signed`, type 35, accepter to opener (BOLT 2).

use secp256k1::ecdsa::Signature;

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError, tlv};

/// `funding_signed` (BOLT 2): the signature that the opener's commitment needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingSigned {
    /// The permanent id, from now on.
    pub channel_id: ChannelId,
    /// Of the opener's commitment 0, by the accepter's funding key.
    pub signature: Signature,
}

impl FundingSigned {
    /// The number of the type.
    pub const TYPE: u16 = 35;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.signature(&self.signature);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("funding_signed", payload);
        let message = Self {
            channel_id: reader.channel_id("channel_id")?,
            signature: reader.signature("signature")?,
        };
        tlv::read_none(reader)?;
        Ok(message)
    }
}
