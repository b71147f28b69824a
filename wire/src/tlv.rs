//! TLV streams (BOLT 1, "Type-Length-Value Format").

use crate::codec::Reader;
use crate::{DecodeError, DecodeReason};

/// Whether a message has a TLV type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has, and its value was read whole.
    Yes,
    /// It has not.
    No,
}

/// Reads a TLV stream to the end of `reader`.
///
/// `on_record` is given each type and its value; it reads the value and answers [`Known::Yes`], or
/// leaves it and answers [`Known::No`]. Everything that the format demands is checked here, so that
/// a message only says what its records hold.
///
/// # Errors
/// A type or length that is truncated or not minimal, types out of order, a value that ends early
/// or late, an unknown even type, and whatever `on_record` reports.
pub fn read<'a>(
    mut reader: Reader<'a>,
    mut on_record: impl FnMut(u64, &mut Reader<'a>) -> Result<Known, DecodeError>,
) -> Result<(), DecodeError> {
    let mut previous = None;
    // [BOLT 1 tlv R1] no bytes before a type: the stream is over
    while !reader.is_empty() {
        let start = reader.offset();
        // [BOLT 1 tlv R2] a type or length that is not minimal fails the stream
        let next = reader.bigsize("tlv type")?;
        // [BOLT 1 tlv R3] types strictly increase
        if let Some(previous) = previous.filter(|previous| *previous >= next) {
            let reason = DecodeReason::TlvOrder { previous, next };
            return Err(reader.error_at(start, "tlv type", reason));
        }
        previous = Some(next);
        let length = reader.bigsize("tlv length")?;
        // [BOLT 1 tlv R4] a value longer than what is left fails the stream
        let mut value = reader.part(length, "tlv value")?;
        // [BOLT 1 tlv R5] a known type is decoded as what it is
        match on_record(next, &mut value)? {
            // [BOLT 1 tlv R6] and has exactly the length of that
            Known::Yes => value.finish("tlv value")?,
            // [BOLT 1 tlv R8] an unknown even type fails the stream
            Known::No if next.is_multiple_of(2) => {
                let reason = DecodeReason::UnknownEvenTlv(next);
                return Err(reader.error_at(start, "tlv type", reason));
            }
            // [BOLT 1 tlv R9] an unknown odd type is skipped
            Known::No => {}
        }
    }
    Ok(())
}

/// Reads the extension of a message for which no TLV is defined.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_none(reader: Reader<'_>) -> Result<(), DecodeError> {
    // [BOLT 1 messages R7] an invalid extension is an error, also where nothing of it is known
    read(reader, |_, _| Ok(Known::No))
}
