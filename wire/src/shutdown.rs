//! `shutdown`, type 38 (BOLT 2).
use crate::ChannelId;
use bitcoin::ScriptBuf;

/// `shutdown`, type 38 (BOLT 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    pub channel_id: ChannelId,
    pub scriptpubkey: ScriptBuf,
}
