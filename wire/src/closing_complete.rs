//! `closing_complete`, type 40 (BOLT 2).
use crate::ChannelId;
use secp256k1::ecdsa::Signature;
use bitcoin::{Amount, ScriptBuf};

/// The signatures of TLVs 1, 2 and 3 of `closing_complete` and `closing_sig`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosingSignatures { pub closer_output_only: Option<Signature>, pub closee_output_only: Option<Signature>, pub closer_and_closee_outputs: Option<Signature> }

/// `closing_complete` (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingComplete {
    pub channel_id: ChannelId,
    pub closer_scriptpubkey: ScriptBuf,
    pub closee_scriptpubkey: ScriptBuf,
    pub fee_satoshis: Amount,
    pub locktime: u32,
    pub signatures: ClosingSignatures,
}
