//! `announcement_signatures`, type 259 (BOLT 7).
use crate::ChannelId;
use secp256k1::ecdsa::Signature;
use crate::ShortChannelId;

/// `announcement_signatures`, type 259 (BOLT 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementSignatures {
    pub channel_id: ChannelId,
    pub short_channel_id: ShortChannelId,
    pub node_signature: Signature,
    pub bitcoin_signature: Signature,
}
