//! `pong`, type 19 (BOLT 1); the ignored bytes are kept as their number.

/// `pong`, type 19 (BOLT 1); the ignored bytes are kept as their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    pub byteslen: u16,
}
