//! `closing_signed`, type 39 (BOLT 2).
use crate::ChannelId;
use secp256k1::ecdsa::Signature;
use bitcoin::Amount;

/// The range of fees that the sender takes (TLV 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRange { pub min_fee_satoshis: Amount, pub max_fee_satoshis: Amount }

/// `closing_signed` (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSigned {
    pub channel_id: ChannelId,
    pub fee_satoshis: Amount,
    pub signature: Signature,
    pub fee_range: Option<FeeRange>,
}
