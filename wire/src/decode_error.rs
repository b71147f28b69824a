//! Why bytes are no message, or no record.

use std::fmt;

/// Why bytes could not be read: in which message, at which field, at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The name of the message (or record) as in the BOLTs.
    pub message: &'static str,
    /// The field that could not be read.
    pub field: &'static str,
    /// Where that field begins, in bytes from the start of the message, its two type bytes
    /// included; of a record, from its first byte.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: DecodeReason,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeReason {
    /// The bytes end too early.
    Truncated {
        /// Bytes that the field takes.
        need: u64,
        /// Bytes that are left.
        have: usize,
    },
    /// Bytes remain where none may.
    TrailingBytes(usize),
    /// A number is written in more bytes than it needs.
    NotMinimal,
    /// 33 bytes that are no compressed point of the curve.
    InvalidPoint,
    /// 64 bytes of which a half is not below the order of the group.
    InvalidSignature,
    /// More than 21 million bitcoin, in satoshis.
    AmountTooLarge(u64),
    /// A feature bit that no number of two bytes can name, where it may not be ignored.
    FeatureBitTooLarge,
    /// A TLV type that does not come after the one before.
    TlvOrder {
        /// The type of the record before.
        previous: u64,
        /// The type that follows it.
        next: u64,
    },
    /// A TLV of an even type that this message does not have.
    UnknownEvenTlv(u64),
    /// More bytes than a message can have.
    TooLong(usize),
    /// Anything else, in words: for the records of other crates.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, field, offset, reason } = self;
        write!(f, "{message}: {field} at byte {offset}: {reason}")
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { need, have } => write!(f, "needs {need} bytes, {have} are left"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes too many"),
            Self::NotMinimal => f.write_str("not in the shortest form"),
            Self::InvalidPoint => f.write_str("no compressed point of the curve"),
            Self::InvalidSignature => f.write_str("no signature"),
            Self::AmountTooLarge(amount) => write!(f, "{amount} sat is more than 21 million BTC"),
            Self::FeatureBitTooLarge => f.write_str("a feature bit above 65535"),
            Self::TlvOrder { previous, next } => write!(f, "tlv type {next} after {previous}"),
            Self::UnknownEvenTlv(tlv_type) => write!(f, "unknown even tlv type {tlv_type}"),
            Self::TooLong(length) => write!(f, "{length} bytes are too long"),
            Self::Invalid(what) => f.write_str(what),
        }
    }
}
