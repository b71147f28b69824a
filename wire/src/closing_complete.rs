//! `closing_complete`, type 40, closer to closee (BOLT 2, `option_simple_close`).

use bitcoin::{Amount, ScriptBuf};
use secp256k1::ecdsa::Signature;

use crate::codec::{Reader, Writer};
use crate::tlv::{self, Known};
use crate::{ChannelId, DecodeError};

/// `closing_complete` (BOLT 2): the closer's signatures of the closing transaction that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingComplete {
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

impl ClosingComplete {
    /// The number of the type.
    pub const TYPE: u16 = 40;

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
        let mut reader = Reader::payload("closing_complete", payload);
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

/// The signatures of TLVs 1, 2 and 3 of `closing_complete` and `closing_sig`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosingSignatures {
    /// TLV 1: of the transaction without the closee's output.
    pub closer_output_only: Option<Signature>,
    /// TLV 2: of the transaction without the closer's output.
    pub closee_output_only: Option<Signature>,
    /// TLV 3: of the transaction with both outputs.
    pub closer_and_closee_outputs: Option<Signature>,
}

impl ClosingSignatures {
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        let records = [
            (CLOSER_OUTPUT_ONLY, self.closer_output_only),
            (CLOSEE_OUTPUT_ONLY, self.closee_output_only),
            (CLOSER_AND_CLOSEE_OUTPUTS, self.closer_and_closee_outputs),
        ];
        for (tlv_type, signature) in records {
            if let Some(signature) = signature {
                writer.tlv(tlv_type, &signature.serialize_compact());
            }
        }
    }

    pub(crate) fn read(reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut signatures = Self::default();
        tlv::read(reader, |tlv_type, value| {
            let (slot, field) = match tlv_type {
                CLOSER_OUTPUT_ONLY => (&mut signatures.closer_output_only, "closer_output_only"),
                CLOSEE_OUTPUT_ONLY => (&mut signatures.closee_output_only, "closee_output_only"),
                CLOSER_AND_CLOSEE_OUTPUTS => {
                    (&mut signatures.closer_and_closee_outputs, "closer_and_closee_outputs")
                }
                _ => return Ok(Known::No),
            };
            *slot = Some(value.signature(field)?);
            Ok(Known::Yes)
        })?;
        Ok(signatures)
    }
}

const CLOSER_OUTPUT_ONLY: u64 = 1;
const CLOSEE_OUTPUT_ONLY: u64 = 2;
const CLOSER_AND_CLOSEE_OUTPUTS: u64 = 3;
