//! `channel_ready`, type 36, both ways (BOLT 2).

use secp256k1::PublicKey;

use crate::codec::{Reader, Writer};
use crate::tlv::{self, Known};
use crate::{ChannelId, DecodeError};

/// `channel_ready` (BOLT 2): the funding transaction is deep enough for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReady {
    /// The channel.
    pub channel_id: ChannelId,
    /// The sender's point for commitment 1.
    pub second_per_commitment_point: PublicKey,
    /// TLV 1: the alias, 8 bytes as a number.
    pub short_channel_id: Option<u64>,
}

impl ChannelReady {
    /// The number of the type.
    pub const TYPE: u16 = 36;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.point(&self.second_per_commitment_point);
        if let Some(alias) = self.short_channel_id {
            writer.tlv(SHORT_CHANNEL_ID, &alias.to_be_bytes());
        }
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("channel_ready", payload);
        let channel_id = reader.channel_id("channel_id")?;
        let second_per_commitment_point = reader.point("second_per_commitment_point")?;
        let mut short_channel_id = None;
        tlv::read(reader, |tlv_type, value| {
            match tlv_type {
                SHORT_CHANNEL_ID => short_channel_id = Some(value.u64("short_channel_id")?),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        Ok(Self { channel_id, second_per_commitment_point, short_channel_id })
    }
}

const SHORT_CHANNEL_ID: u64 = 1;
