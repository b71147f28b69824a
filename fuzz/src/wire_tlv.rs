//! What must hold for any bytes given to `wire::tlv::read` and the integers below it.

use wire::codec::{Reader, Writer};
use wire::tlv::{self, Known};
use wire::{ChannelType, Features, ShortChannelId};

/// Panics when `bytes` break a promise of the decoder.
pub fn check(bytes: &[u8]) {
    check_stream(bytes);
    check_known_types(bytes);
    check_integers(bytes);
    check_features(bytes);
}

/// A stream of which every record is kept is written again as the same bytes: there is one way
/// only to write it.
fn check_stream(bytes: &[u8]) {
    let mut records = Vec::new();
    let read = tlv::read(Reader::new("stream", bytes), |tlv_type, value| {
        records.push((tlv_type, value.rest()));
        Ok(Known::Yes)
    });
    if let Err(error) = read {
        assert!(error.offset <= bytes.len(), "{error}");
        return;
    }
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written);
    for (tlv_type, value) in &records {
        writer.tlv(*tlv_type, value);
    }
    assert_eq!(written, bytes);
    assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0));

    // If none of them is known, it is the even ones that decide.
    let ignored = tlv::read(Reader::new("stream", bytes), |_, _| Ok(Known::No));
    assert_eq!(ignored.is_ok(), records.iter().all(|(tlv_type, _)| tlv_type % 2 == 1));
}

/// A namespace with values of each kind: what is read is written again as the same bytes.
fn check_known_types(bytes: &[u8]) {
    let mut written = Vec::new();
    let mut skipped = false;
    let read = tlv::read(Reader::new("stream", bytes), |tlv_type, value| {
        let mut again = Vec::new();
        let mut writer = Writer::new(&mut again);
        match tlv_type {
            0 => writer.bytes(value.rest()),
            1 => writer.tu64(value.tu64("tu64")?),
            2 => writer.short_channel_id(value.short_channel_id("scid")?),
            3 => writer.point(&value.point("point")?),
            4 => writer.signature(&value.signature("signature")?),
            5 => writer.satoshis(value.satoshis("satoshis")?),
            6 => writer.bigsize_bytes(value.bigsize_bytes("bytes")?),
            7 => writer.u16_bytes(value.u16_bytes("bytes")?),
            8 => writer.tu64(value.tu32("tu32")?.into()),
            9 => writer.tu64(value.tu16("tu16")?.into()),
            10 => writer.s64(value.s64("s64")?),
            _ => {
                skipped = true;
                return Ok(Known::No);
            }
        }
        Writer::new(&mut written).tlv(tlv_type, &again);
        Ok(Known::Yes)
    });
    if read.is_ok() && !skipped {
        assert_eq!(written, bytes);
    }
}

fn check_integers(bytes: &[u8]) {
    let mut reader = Reader::new("number", bytes);
    if let Ok(value) = reader.bigsize("bigsize") {
        let mut written = Vec::new();
        Writer::new(&mut written).bigsize(value);
        assert_eq!(bytes.strip_prefix(written.as_slice()), Some(reader.remaining()));
        let id = ShortChannelId::from(value);
        assert_eq!(u64::from(id), value);
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(value) = Reader::new("number", bytes).tu64("tu64") {
        let mut written = Vec::new();
        Writer::new(&mut written).tu64(value);
        assert_eq!(written, bytes);
    }
}

fn check_features(bytes: &[u8]) {
    let Some(features) = Features::from_be_bytes(bytes) else { return };
    let written = features.to_be_bytes();
    assert!(written.first() != Some(&0) && bytes.ends_with(&written));
    assert_eq!(Features::from_be_bytes(&written).as_ref(), Some(&features));
    let bits: Vec<u16> = features.bits().collect();
    assert_eq!(Features::from_bits(&bits), features);
    // Looking up each bit among all takes the square of their number.
    if bits.len() <= 64 {
        assert_eq!(features.unknown_even(&bits), None);
    }
    let _ = ChannelType(features).to_string();
}
