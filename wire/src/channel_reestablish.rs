//! `channel_reestablish`, type 136 (BOLT 2).
use crate::ChannelId;
use secp256k1::PublicKey;

/// `channel_reestablish`, type 136 (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReestablish {
    pub channel_id: ChannelId,
    pub next_commitment_number: u64,
    pub next_revocation_number: u64,
    /// 32 bytes as sent: it need not be a valid secret.
    pub your_last_per_commitment_secret: [u8; 32],
    pub my_current_per_commitment_point: PublicKey,
}
