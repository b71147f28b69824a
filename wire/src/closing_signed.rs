//! `closing_signed`, type 39, both ways (BOLT 2, the legacy negotiation).

use bitcoin::Amount;
use secp256k1::ecdsa::Signature;

use crate::codec::{Reader, Writer};
use crate::tlv::{self, Known};
use crate::{ChannelId, DecodeError};

/// The range of fees that the sender takes (TLV 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRange {
    /// The least.
    pub min_fee_satoshis: Amount,
    /// The most.
    pub max_fee_satoshis: Amount,
}

/// `closing_signed` (BOLT 2): an offer of a fee, and the signature of the closing transaction with
/// that fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSigned {
    /// The channel.
    pub channel_id: ChannelId,
    /// The fee of the closing transaction, whole.
    pub fee_satoshis: Amount,
    /// By the sender's funding key.
    pub signature: Signature,
    /// TLV 1.
    pub fee_range: Option<FeeRange>,
}

impl ClosingSigned {
    /// The number of the type.
    pub const TYPE: u16 = 39;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.satoshis(self.fee_satoshis);
        writer.signature(&self.signature);
        if let Some(range) = self.fee_range {
            let mut value = Vec::with_capacity(16);
            let mut fees = Writer::new(&mut value);
            fees.satoshis(range.min_fee_satoshis);
            fees.satoshis(range.max_fee_satoshis);
            writer.tlv(FEE_RANGE, &value);
        }
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("closing_signed", payload);
        let channel_id = reader.channel_id("channel_id")?;
        let fee_satoshis = reader.satoshis("fee_satoshis")?;
        let signature = reader.signature("signature")?;
        let mut fee_range = None;
        tlv::read(reader, |tlv_type, value| {
            match tlv_type {
                FEE_RANGE => {
                    fee_range = Some(FeeRange {
                        min_fee_satoshis: value.satoshis("min_fee_satoshis")?,
                        max_fee_satoshis: value.satoshis("max_fee_satoshis")?,
                    });
                }
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        Ok(Self { channel_id, fee_satoshis, signature, fee_range })
    }
}

const FEE_RANGE: u64 = 1;
