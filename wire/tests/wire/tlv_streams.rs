//! The strictness of TLV streams and integers, beyond the vectors.

use wire::codec::{Reader, Writer};
use wire::tlv::{self, Known};
use wire::{DecodeError, DecodeReason};

fn read(stream: &[u8], known: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, DecodeError> {
    let mut records = Vec::new();
    tlv::read(Reader::new("record", stream), |tlv_type, value| {
        if !known.contains(&tlv_type) {
            return Ok(Known::No);
        }
        records.push((tlv_type, value.rest().to_vec()));
        Ok(Known::Yes)
    })?;
    Ok(records)
}

fn reason(stream: &[u8]) -> (&'static str, usize, DecodeReason) {
    let error = read(stream, &[1, 2]).expect_err("invalid");
    (error.field, error.offset, error.reason)
}

#[test]
fn known_records_are_read_and_odd_ones_skipped() {
    let stream = [1, 2, 7, 7, 2, 0, 3, 1, 9];
    assert_eq!(read(&stream, &[1, 2]), Ok(vec![(1, vec![7, 7]), (2, vec![])]));
    assert_eq!(read(&[], &[1, 2]), Ok(vec![]));
}

#[test]
fn each_fault_is_named() {
    assert_eq!(reason(&[4, 0]), ("tlv type", 0, DecodeReason::UnknownEvenTlv(4)));
    assert_eq!(
        reason(&[2, 0, 1, 0]),
        ("tlv type", 2, DecodeReason::TlvOrder { previous: 2, next: 1 })
    );
    assert_eq!(
        reason(&[1, 0, 1, 0]),
        ("tlv type", 2, DecodeReason::TlvOrder { previous: 1, next: 1 })
    );
    assert_eq!(reason(&[0xfd, 0, 1, 0]), ("tlv type", 0, DecodeReason::NotMinimal));
    assert_eq!(reason(&[1, 0xfd, 0, 1, 0]), ("tlv length", 1, DecodeReason::NotMinimal));
    assert_eq!(
        reason(&[1, 3, 0, 0]),
        ("tlv value", 2, DecodeReason::Truncated { need: 3, have: 2 })
    );
    assert_eq!(reason(&[1]), ("tlv length", 1, DecodeReason::Truncated { need: 1, have: 0 }));
}

#[test]
fn a_value_that_is_not_read_whole_is_too_long() {
    let stream = [1, 3, 0, 7, 9];
    let result = tlv::read(Reader::new("record", &stream), |_, value| {
        value.u16("number")?;
        Ok(Known::Yes)
    });
    let error = result.expect_err("a byte is left");
    assert_eq!((error.field, error.offset), ("tlv value", 4));
    assert_eq!(error.reason, DecodeReason::TrailingBytes(1));
}

#[test]
fn a_length_beyond_the_bytes_allocates_nothing() {
    let mut stream = vec![1];
    Writer::new(&mut stream).bigsize(u64::MAX);
    let truncated = DecodeReason::Truncated { need: u64::MAX, have: 0 };
    assert_eq!(reason(&stream), ("tlv value", 10, truncated));

    let length = [0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let error = Reader::new("record", &length).bigsize_bytes("data").expect_err("too long");
    assert!(matches!(error.reason, DecodeReason::Truncated { have: 0, .. }));
    let error = Reader::new("record", &[0xff, 0xff, 1]).u16_bytes("data").expect_err("too long");
    assert_eq!(error.reason, DecodeReason::Truncated { need: 65_535, have: 1 });
}

#[test]
fn truncated_integers_have_no_leading_zeros() {
    let read = |bytes: &[u8]| {
        (
            Reader::new("record", bytes).tu64("number").ok(),
            Reader::new("record", bytes).tu32("number").ok(),
            Reader::new("record", bytes).tu16("number").ok(),
        )
    };
    assert_eq!(read(&[]), (Some(0), Some(0), Some(0)));
    assert_eq!(read(&[0]), (None, None, None));
    assert_eq!(read(&[1, 0]), (Some(256), Some(256), Some(256)));
    assert_eq!(read(&[0, 1]), (None, None, None));
    assert_eq!(read(&[1, 0, 0]), (Some(65_536), Some(65_536), None));
    assert_eq!(read(&[1, 0, 0, 0, 0]), (Some(1 << 32), None, None));
    assert_eq!(read(&[1; 9]), (None, None, None));
}

#[test]
fn a_record_is_read_to_its_end() {
    let mut reader = Reader::new("record", &[1, 2, 3]);
    assert_eq!(reader.u16("a"), Ok(258));
    assert_eq!(reader.remaining(), [3]);
    let error = reader.clone().finish("record").expect_err("a byte is left");
    assert_eq!(error.to_string(), "record: record at byte 2: 1 bytes too many");
    assert_eq!(reader.rest(), [3]);
    assert_eq!(reader.finish("record"), Ok(()));
}

#[test]
fn more_bytes_than_a_length_can_say_are_never_cut() {
    let mut written = Vec::new();
    Writer::new(&mut written).u16_bytes(&[7; 65_536]);
    assert_eq!(written.len(), 65_538);
}
