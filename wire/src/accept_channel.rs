//! `accept_channel`, type 33, accepter to opener (BOLT 2).
use bitcoin::{Amount, ScriptBuf};
use secp256k1::PublicKey;
use crate::{ChannelId, ChannelType};

/// `accept_channel` (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptChannel {
    pub temporary_channel_id: ChannelId,
    pub dust_limit_satoshis: Amount,
    pub max_htlc_value_in_flight_msat: u64,
    pub channel_reserve_satoshis: Amount,
    pub htlc_minimum_msat: u64,
    pub minimum_depth: u32,
    pub to_self_delay: u16,
    pub max_accepted_htlcs: u16,
    pub funding_pubkey: PublicKey,
    pub revocation_basepoint: PublicKey,
    pub payment_basepoint: PublicKey,
    pub delayed_payment_basepoint: PublicKey,
    pub htlc_basepoint: PublicKey,
    pub first_per_commitment_point: PublicKey,
    /// TLV 0; present and empty means none was chosen.
    pub upfront_shutdown_script: Option<ScriptBuf>,
    /// TLV 1.
    pub channel_type: Option<ChannelType>,
}
