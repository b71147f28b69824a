//! `warning`, type 1 (BOLT 1).
use crate::ChannelId;

/// `warning`, type 1 (BOLT 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub channel_id: ChannelId,
    /// Text for a person; not to be trusted.
    pub data: Vec<u8>,
}
