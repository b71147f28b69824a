//! `open_channel`, type 32, opener to accepter (BOLT 2).
use bitcoin::constants::ChainHash;
use bitcoin::{Amount, ScriptBuf};
use secp256k1::PublicKey;
use crate::{ChannelId, ChannelType};

/// `open_channel` (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    pub chain_hash: ChainHash,
    pub temporary_channel_id: ChannelId,
    pub funding_satoshis: Amount,
    pub push_msat: u64,
    pub dust_limit_satoshis: Amount,
    pub max_htlc_value_in_flight_msat: u64,
    pub channel_reserve_satoshis: Amount,
    pub htlc_minimum_msat: u64,
    pub feerate_per_kw: u32,
    pub to_self_delay: u16,
    pub max_accepted_htlcs: u16,
    pub funding_pubkey: PublicKey,
    pub revocation_basepoint: PublicKey,
    pub payment_basepoint: PublicKey,
    pub delayed_payment_basepoint: PublicKey,
    pub htlc_basepoint: PublicKey,
    pub first_per_commitment_point: PublicKey,
    pub channel_flags: u8,
    /// TLV 0; present and empty means none was chosen.
    pub upfront_shutdown_script: Option<ScriptBuf>,
    /// TLV 1.
    pub channel_type: Option<ChannelType>,
}
