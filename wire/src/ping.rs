//! `ping`, type 18 (BOLT 1); the ignored bytes are kept as their number.

/// `ping`, type 18 (BOLT 1); the ignored bytes are kept as their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    pub num_pong_bytes: u16,
    pub byteslen: u16,
}
