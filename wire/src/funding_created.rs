//! `funding_created`, type 34 (BOLT 2).
use crate::ChannelId;
use secp256k1::ecdsa::Signature;
use bitcoin::Txid;

/// `funding_created`, type 34 (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundingCreated {
    pub temporary_channel_id: ChannelId,
    pub funding_txid: Txid,
    pub funding_output_index: u16,
    pub signature: Signature,
}
