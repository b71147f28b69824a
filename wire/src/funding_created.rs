//! `funding_created`, type 34, opener to accepter (BOLT 2).

use bitcoin::Txid;
use secp256k1::ecdsa::Signature;

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError, tlv};

/// `funding_created` (BOLT 2): the funding outpoint, and the signature that the accepter's
/// commitment needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingCreated {
    /// The one of `open_channel`.
    pub temporary_channel_id: ChannelId,
    /// The funding transaction.
    pub funding_txid: Txid,
    /// Its output that funds the channel.
    pub funding_output_index: u16,
    /// Of the accepter's commitment 0, by the opener's funding key.
    pub signature: Signature,
}

impl FundingCreated {
    /// The number of the type.
    pub const TYPE: u16 = 34;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.temporary_channel_id);
        writer.txid(self.funding_txid);
        writer.u16(self.funding_output_index);
        writer.signature(&self.signature);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("funding_created", payload);
        let message = Self {
            temporary_channel_id: reader.channel_id("temporary_channel_id")?,
            funding_txid: reader.txid("funding_txid")?,
            funding_output_index: reader.u16("funding_output_index")?,
            signature: reader.signature("signature")?,
        };
        tlv::read_none(reader)?;
        Ok(message)
    }
}
