//! `ping`, type 18, both ways (BOLT 1).

use crate::DecodeError;
use crate::codec::{Reader, Writer};

/// `ping` (BOLT 1); the ignored bytes are kept as their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// How many bytes the `pong` shall have; from 65,532 on, no `pong` is wanted.
    pub num_pong_bytes: u16,
    /// How many bytes are ignored; a message has room for [`Ping::MAX_BYTESLEN`].
    pub byteslen: u16,
}

impl Ping {
    /// The number of the type.
    pub const TYPE: u16 = 18;

    /// The most ignored bytes that fit into a message.
    pub const MAX_BYTESLEN: u16 = 65_535 - 2 - 2 - 2;

    /// Appends the payload, without the type: at most [`Ping::MAX_BYTESLEN`] zeros.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        let byteslen = self.byteslen.min(Self::MAX_BYTESLEN);
        let mut writer = Writer::new(out);
        writer.u16(self.num_pong_bytes);
        writer.u16(byteslen);
        // Zeros, never what happened to be in memory.
        writer.zeros(usize::from(byteslen));
    }

    /// Reads the payload, without the type. Bytes after it are ignored.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn read_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::payload("ping", payload);
        let num_pong_bytes = reader.u16("num_pong_bytes")?;
        let byteslen = reader.u16("byteslen")?;
        reader.bytes(usize::from(byteslen), "ignored")?;
        // [BOLT 1 messages R6] an extension is not looked at
        Ok(Self { num_pong_bytes, byteslen })
    }
}
