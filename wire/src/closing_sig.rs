//! `closing_sig`, type 41 (BOLT 2).
use crate::ChannelId;
use crate::ClosingSignatures;
use bitcoin::{Amount, ScriptBuf};

/// `closing_sig` (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingSig {
    pub channel_id: ChannelId,
    pub closer_scriptpubkey: ScriptBuf,
    pub closee_scriptpubkey: ScriptBuf,
    pub fee_satoshis: Amount,
    pub locktime: u32,
    pub signatures: ClosingSignatures,
}
