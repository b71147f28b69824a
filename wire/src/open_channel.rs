//! `open_channel`, type 32, opener to accepter (BOLT 2).

use bitcoin::constants::ChainHash;
use bitcoin::{Amount, ScriptBuf};
use secp256k1::PublicKey;

use crate::codec::{Reader, Writer};
use crate::tlv::{self, Known};
use crate::{ChannelId, ChannelType, DecodeError};

/// `open_channel` (BOLT 2): the opener offers a channel and its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    /// The chain that the channel will live on.
    pub chain_hash: ChainHash,
    /// Names the channel until the funding outpoint is known.
    pub temporary_channel_id: ChannelId,
    /// What the opener puts into the channel.
    pub funding_satoshis: Amount,
    /// How much of that it gives to the accepter, in millisatoshis.
    pub push_msat: u64,
    /// The opener makes no output below this in its own commitment transaction.
    pub dust_limit_satoshis: Amount,
    /// The most that HTLCs offered to the opener may hold at a time, in millisatoshis.
    pub max_htlc_value_in_flight_msat: u64,
    /// What the accepter has to keep on its side.
    pub channel_reserve_satoshis: Amount,
    /// The smallest HTLC that the opener takes, in millisatoshis.
    pub htlc_minimum_msat: u64,
    /// The feerate of the first commitment transactions, in satoshis per 1000 weight units.
    pub feerate_per_kw: u32,
    /// How long the accepter's own output is delayed after a unilateral close, in blocks.
    pub to_self_delay: u16,
    /// The most HTLCs that the accepter may have offered at a time.
    pub max_accepted_htlcs: u16,
    /// The opener's key of the funding output.
    pub funding_pubkey: PublicKey,
    /// Base of the revocation keys.
    pub revocation_basepoint: PublicKey,
    /// The key that the opener is paid to in the accepter's commitment transaction.
    pub payment_basepoint: PublicKey,
    /// Base of the keys of the opener's delayed output.
    pub delayed_payment_basepoint: PublicKey,
    /// Base of the HTLC keys.
    pub htlc_basepoint: PublicKey,
    /// The opener's point for commitment 0.
    pub first_per_commitment_point: PublicKey,
    /// Bit 0: announce the channel. The others are to be ignored.
    pub channel_flags: u8,
    /// TLV 0; present and empty means none was chosen.
    pub upfront_shutdown_script: Option<ScriptBuf>,
    /// TLV 1.
    pub channel_type: Option<ChannelType>,
}

impl OpenChannel {
    /// The number of the type.
    pub const TYPE: u16 = 32;

    /// Appends the payload, without the type.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.chain_hash(self.chain_hash);
        writer.channel_id(self.temporary_channel_id);
        writer.satoshis(self.funding_satoshis);
        writer.u64(self.push_msat);
        writer.satoshis(self.dust_limit_satoshis);
        writer.u64(self.max_htlc_value_in_flight_msat);
        writer.satoshis(self.channel_reserve_satoshis);
        writer.u64(self.htlc_minimum_msat);
        writer.u32(self.feerate_per_kw);
        writer.u16(self.to_self_delay);
        writer.u16(self.max_accepted_htlcs);
        // [BOLT 2 open_channel S6] points are written compressed
        writer.point(&self.funding_pubkey);
        writer.point(&self.revocation_basepoint);
        writer.point(&self.payment_basepoint);
        writer.point(&self.delayed_payment_basepoint);
        writer.point(&self.htlc_basepoint);
        writer.point(&self.first_per_commitment_point);
        writer.u8(self.channel_flags);
        OpeningTlvs::write(&mut writer, &self.upfront_shutdown_script, &self.channel_type);
    }

    /// Reads the payload, without the type.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("open_channel", payload);
        let fixed = Self {
            chain_hash: reader.chain_hash("chain_hash")?,
            temporary_channel_id: reader.channel_id("temporary_channel_id")?,
            funding_satoshis: reader.satoshis("funding_satoshis")?,
            push_msat: reader.u64("push_msat")?,
            dust_limit_satoshis: reader.satoshis("dust_limit_satoshis")?,
            // [BOLT 1 types G3] taken above 21 million bitcoin too: CLN's "no limit" is 2^64 - 1
            max_htlc_value_in_flight_msat: reader.u64("max_htlc_value_in_flight_msat")?,
            channel_reserve_satoshis: reader.satoshis("channel_reserve_satoshis")?,
            htlc_minimum_msat: reader.u64("htlc_minimum_msat")?,
            feerate_per_kw: reader.u32("feerate_per_kw")?,
            to_self_delay: reader.u16("to_self_delay")?,
            max_accepted_htlcs: reader.u16("max_accepted_htlcs")?,
            // [BOLT 2 open_channel R18] what is no compressed point is no key
            funding_pubkey: reader.point("funding_pubkey")?,
            revocation_basepoint: reader.point("revocation_basepoint")?,
            payment_basepoint: reader.point("payment_basepoint")?,
            delayed_payment_basepoint: reader.point("delayed_payment_basepoint")?,
            htlc_basepoint: reader.point("htlc_basepoint")?,
            first_per_commitment_point: reader.point("first_per_commitment_point")?,
            channel_flags: reader.u8("channel_flags")?,
            upfront_shutdown_script: None,
            channel_type: None,
        };
        let OpeningTlvs { upfront_shutdown_script, channel_type } = OpeningTlvs::read(reader)?;
        Ok(Self { upfront_shutdown_script, channel_type, ..fixed })
    }
}

/// The TLVs of `open_channel`, which are those of `accept_channel` too.
#[derive(Default)]
pub(crate) struct OpeningTlvs {
    pub(crate) upfront_shutdown_script: Option<ScriptBuf>,
    pub(crate) channel_type: Option<ChannelType>,
}

impl OpeningTlvs {
    pub(crate) fn write(
        writer: &mut Writer<'_>,
        upfront_shutdown_script: &Option<ScriptBuf>,
        channel_type: &Option<ChannelType>,
    ) {
        // [BOLT 1 tlv S1] written by increasing type, each once
        if let Some(script) = upfront_shutdown_script {
            // [BOLT 1 tlv S6] the record's length is the script's: no second one within
            writer.tlv(UPFRONT_SHUTDOWN_SCRIPT, script.as_bytes());
        }
        if let Some(channel_type) = channel_type {
            // [BOLT 2 open_channel S15] in as few bytes as the highest bit needs
            writer.tlv(CHANNEL_TYPE, &channel_type.0.to_be_bytes());
        }
    }

    pub(crate) fn read(reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut tlvs = Self::default();
        tlv::read(reader, |tlv_type, value| {
            match tlv_type {
                UPFRONT_SHUTDOWN_SCRIPT => {
                    let script = ScriptBuf::from_bytes(value.rest().to_vec());
                    tlvs.upfront_shutdown_script = Some(script);
                }
                CHANNEL_TYPE => tlvs.channel_type = Some(ChannelType::read(value)?),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        Ok(tlvs)
    }
}

const UPFRONT_SHUTDOWN_SCRIPT: u64 = 0;
const CHANNEL_TYPE: u64 = 1;
