//! `error`, type 17, both ways (BOLT 1).

use crate::codec::{Reader, Writer};
use crate::{ChannelId, DecodeError};

/// `error` (BOLT 1): something failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The channel, or [`ChannelId::ALL`].
    pub channel_id: ChannelId,
    /// Text for a person; not to be trusted, and not to be printed as it is.
    pub data: Vec<u8>,
}

impl Error {
    /// The number of the type.
    pub const TYPE: u16 = 17;

    /// With a text of ours.
    pub fn new(channel_id: ChannelId, text: &str) -> Self {
        Self { channel_id, data: text.as_bytes().to_vec() }
    }

    /// The text, fit to be shown: all but printable ASCII is escaped.
    pub fn text(&self) -> String {
        self.data.escape_ascii().to_string()
    }

    /// Appends the payload, without the type. Of data too long for a message the end is left out.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.channel_id(self.channel_id);
        writer.u16_bytes(fitting(&self.data));
    }

    /// Reads the payload, without the type. Bytes after it are ignored.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        // [BOLT 1 messages R6] an extension is not looked at: what the peer says is worth more
        let mut reader = Reader::payload("error", payload);
        Ok(Self {
            channel_id: reader.channel_id("channel_id")?,
            data: reader.u16_bytes("data")?.to_vec(),
        })
    }
}

/// As much of the text as a message has room for.
pub(crate) fn fitting(data: &[u8]) -> &[u8] {
    data.get(..MAX_DATA_LENGTH).unwrap_or(data)
}

/// What type, `channel_id` and length leave of a message.
const MAX_DATA_LENGTH: usize = 65_535 - 2 - 32 - 2;
