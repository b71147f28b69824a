//! `error`, type 17 (BOLT 1).
use crate::ChannelId;

/// `error`, type 17 (BOLT 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub channel_id: ChannelId,
    /// Text for a person; not to be trusted.
    pub data: Vec<u8>,
}
