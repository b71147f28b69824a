//! `closing_sig`, type 41, closee to closer (BOLT 2, `option_simple_close`).

use bitcoin::{Amount, ScriptBuf};

use crate::codec::{Reader, Writer};
use crate::{ChannelId, ClosingSignatures, DecodeError};

/// `closing_sig` (BOLT 2): the closee signs one of the transactions of `closing_complete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSig {
    /// The channel.
    pub channel_id: ChannelId,
    /// The script of the closer's output.
    pub closer_scriptpubkey: ScriptBuf,
    /// The script of the closee's output.
    pub closee_scriptpubkey: ScriptBuf,
    /// The fee of the closing transaction, paid by the closer.
    pub fee_satoshis: Amount,
    /// The `nLockTime` of the closing transaction.
    pub locktime: u32,
    /// TLVs 1, 2 and 3.
    pub signatures: ClosingSignatures,
}

impl ClosingSig {
    /// The number of the type.
    pub const TYPE: u16 = 41;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.u16_script(&self.closer_scriptpubkey);
        writer.u16_script(&self.closee_scriptpubkey);
        writer.satoshis(self.fee_satoshis);
        writer.u32(self.locktime);
        self.signatures.write(&mut writer);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("closing_sig", payload);
        Ok(Self {
            channel_id: reader.channel_id("channel_id")?,
            closer_scriptpubkey: reader.u16_script("closer_scriptpubkey")?,
            closee_scriptpubkey: reader.u16_script("closee_scriptpubkey")?,
            fee_satoshis: reader.satoshis("fee_satoshis")?,
            locktime: reader.u32("locktime")?,
            signatures: ClosingSignatures::read(reader)?,
        })
    }
}
