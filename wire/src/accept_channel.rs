//! `accept_channel`, type 33, accepter to opener (BOLT 2).

use bitcoin::{Amount, ScriptBuf};
use secp256k1::PublicKey;

use crate::codec::{Reader, Writer};
use crate::open_channel::OpeningTlvs;
use crate::{ChannelId, ChannelType, DecodeError};

/// `accept_channel` (BOLT 2): the accepter agrees, with its own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptChannel {
    /// The one of `open_channel`.
    pub temporary_channel_id: ChannelId,
    /// The accepter makes no output below this in its own commitment transaction.
    pub dust_limit_satoshis: Amount,
    /// The most that HTLCs offered to the accepter may hold at a time, in millisatoshis.
    pub max_htlc_value_in_flight_msat: u64,
    /// What the opener has to keep on its side.
    pub channel_reserve_satoshis: Amount,
    /// The smallest HTLC that the accepter takes, in millisatoshis.
    pub htlc_minimum_msat: u64,
    /// How deep the funding transaction has to be before the accepter is ready, in blocks.
    pub minimum_depth: u32,
    /// How long the opener's own output is delayed after a unilateral close, in blocks.
    pub to_self_delay: u16,
    /// The most HTLCs that the opener may have offered at a time.
    pub max_accepted_htlcs: u16,
    /// The accepter's key of the funding output.
    pub funding_pubkey: PublicKey,
    /// Base of the revocation keys.
    pub revocation_basepoint: PublicKey,
    /// The key that the accepter is paid to in the opener's commitment transaction.
    pub payment_basepoint: PublicKey,
    /// Base of the keys of the accepter's delayed output.
    pub delayed_payment_basepoint: PublicKey,
    /// Base of the HTLC keys.
    pub htlc_basepoint: PublicKey,
    /// The accepter's point for commitment 0.
    pub first_per_commitment_point: PublicKey,
    /// TLV 0; present and empty means none was chosen.
    pub upfront_shutdown_script: Option<ScriptBuf>,
    /// TLV 1.
    pub channel_type: Option<ChannelType>,
}

impl AcceptChannel {
    /// The number of the type.
    pub const TYPE: u16 = 33;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.temporary_channel_id);
        writer.satoshis(self.dust_limit_satoshis);
        writer.u64(self.max_htlc_value_in_flight_msat);
        writer.satoshis(self.channel_reserve_satoshis);
        writer.u64(self.htlc_minimum_msat);
        writer.u32(self.minimum_depth);
        writer.u16(self.to_self_delay);
        writer.u16(self.max_accepted_htlcs);
        writer.point(&self.funding_pubkey);
        writer.point(&self.revocation_basepoint);
        writer.point(&self.payment_basepoint);
        writer.point(&self.delayed_payment_basepoint);
        writer.point(&self.htlc_basepoint);
        writer.point(&self.first_per_commitment_point);
        OpeningTlvs::write(&mut writer, &self.upfront_shutdown_script, &self.channel_type);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("accept_channel", payload);
        let fixed = Self {
            temporary_channel_id: reader.channel_id("temporary_channel_id")?,
            dust_limit_satoshis: reader.satoshis("dust_limit_satoshis")?,
            // [BOLT 1 types G3] taken above 21 million bitcoin too: CLN's "no limit" is 2^64 - 1
            max_htlc_value_in_flight_msat: reader.u64("max_htlc_value_in_flight_msat")?,
            channel_reserve_satoshis: reader.satoshis("channel_reserve_satoshis")?,
            htlc_minimum_msat: reader.u64("htlc_minimum_msat")?,
            minimum_depth: reader.u32("minimum_depth")?,
            to_self_delay: reader.u16("to_self_delay")?,
            max_accepted_htlcs: reader.u16("max_accepted_htlcs")?,
            funding_pubkey: reader.point("funding_pubkey")?,
            revocation_basepoint: reader.point("revocation_basepoint")?,
            payment_basepoint: reader.point("payment_basepoint")?,
            delayed_payment_basepoint: reader.point("delayed_payment_basepoint")?,
            htlc_basepoint: reader.point("htlc_basepoint")?,
            first_per_commitment_point: reader.point("first_per_commitment_point")?,
            upfront_shutdown_script: None,
            channel_type: None,
        };
        let OpeningTlvs { upfront_shutdown_script, channel_type } = OpeningTlvs::read(reader)?;
        Ok(Self { upfront_shutdown_script, channel_type, ..fixed })
    }
}
