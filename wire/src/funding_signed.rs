//! `funding_signed`, type 35 (BOLT 2).
use crate::ChannelId;
use secp256k1::ecdsa::Signature;

/// `funding_signed`, type 35 (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingSigned {
    pub channel_id: ChannelId,
    pub signature: Signature,
}
