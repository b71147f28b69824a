//! The vectors of BOLT 1, all of them.

use bitcoin::hex::FromHex as _;
use serde_json::Value;
use wire::codec::{Reader, Writer};
use wire::tlv::{self, Known};
use wire::{DecodeError, Message, ShortChannelId};

fn load(text: &str) -> Value {
    serde_json::from_str(text).expect("valid json")
}

fn rows<'a>(file: &'a Value, key: &str) -> &'a [Value] {
    file[key].as_array().expect("a list")
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().expect("a string")
}

fn bytes(row: &Value, key: &str) -> Vec<u8> {
    Vec::from_hex(text(row, key)).expect("hexadecimal")
}

fn number<T: std::str::FromStr>(row: &Value, key: &str) -> T {
    text(row, key).parse().ok().expect("a number")
}

#[test]
fn bigsize_vectors() {
    let file = load(include_str!("../../../tests/vectors/bolt1-bigsize.json"));
    assert_eq!((rows(&file, "decode").len(), rows(&file, "encode").len()), (18, 8));
    for row in rows(&file, "decode") {
        let bytes = bytes(row, "bytes");
        let mut reader = Reader::new("vector", &bytes);
        let read = reader.bigsize("value");
        if row.get("invalid").is_some() {
            assert!(read.is_err(), "{row}");
        } else {
            assert_eq!(read, Ok(number(row, "value")), "{row}");
            assert!(reader.is_empty(), "{row}");
        }
    }
    for row in rows(&file, "encode") {
        let mut written = Vec::new();
        Writer::new(&mut written).bigsize(number(row, "value"));
        assert_eq!(written, bytes(row, "bytes"), "{row}");
    }
}

#[test]
fn signed_integer_vectors() {
    let file = load(include_str!("../../../tests/vectors/bolt1-signed-ints.json"));
    assert_eq!(rows(&file, "vectors").len(), 23);
    for row in rows(&file, "vectors") {
        let bytes = bytes(row, "bytes");
        let mut reader = Reader::new("vector", &bytes);
        let mut written = Vec::new();
        let mut writer = Writer::new(&mut written);
        match text(row, "type") {
            "s8" => {
                assert_eq!(reader.s8("value"), Ok(number(row, "value")));
                writer.s8(number(row, "value"));
            }
            "s16" => {
                assert_eq!(reader.s16("value"), Ok(number(row, "value")));
                writer.s16(number(row, "value"));
            }
            "s32" => {
                assert_eq!(reader.s32("value"), Ok(number(row, "value")));
                writer.s32(number(row, "value"));
            }
            "s64" => {
                assert_eq!(reader.s64("value"), Ok(number(row, "value")));
                writer.s64(number(row, "value"));
            }
            other => panic!("unknown type {other}"),
        }
        assert!(reader.is_empty(), "{row}");
        assert_eq!(written, bytes, "{row}");
    }
}

#[test]
fn init_extension_vectors() {
    let file = load(include_str!("../../../tests/vectors/bolt1-init-extension.json"));
    assert_eq!((rows(&file, "valid").len(), rows(&file, "invalid").len()), (2, 3));
    for row in rows(&file, "valid") {
        let message = Message::decode(&bytes(row, "message")).expect("valid");
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        assert_eq!(encoded, [0, 16, 0, 0, 0, 0], "nothing but what the message has is kept");
    }
    for row in rows(&file, "invalid") {
        let error = Message::decode(&bytes(row, "message")).expect_err("invalid");
        assert_eq!(error.message, "init");
    }
}

/// The two namespaces of BOLT 1, appendix B.
#[derive(Clone, Copy, Debug)]
enum Namespace {
    N1,
    N2,
}

/// The records of a stream, by type, each with its fields as the vectors write them.
fn decode(namespace: Namespace, stream: &[u8]) -> Result<Vec<(u64, Vec<String>)>, DecodeError> {
    let mut records = Vec::new();
    tlv::read(Reader::new("vector", stream), |tlv_type, value| {
        let fields = match (namespace, tlv_type) {
            (Namespace::N1, 1) => vec![value.tu64("amount_msat")?.to_string()],
            (Namespace::N1, 2) => vec![value.short_channel_id("scid")?.to_string()],
            (Namespace::N1, 3) => vec![
                value.point("node_id")?.to_string(),
                value.u64("amount_msat_1")?.to_string(),
                value.u64("amount_msat_2")?.to_string(),
            ],
            (Namespace::N1, 254) => vec![value.u16("cltv_delta")?.to_string()],
            (Namespace::N2, 0) => vec![value.tu64("amount_msat")?.to_string()],
            (Namespace::N2, 11) => vec![value.tu32("cltv_expiry")?.to_string()],
            _ => return Ok(Known::No),
        };
        records.push((tlv_type, fields));
        Ok(Known::Yes)
    })?;
    Ok(records)
}

const BOTH: [Namespace; 2] = [Namespace::N1, Namespace::N2];

fn tlv_file() -> Value {
    load(include_str!("../../../tests/vectors/bolt1-tlv.json"))
}

/// The streams under `key`.
fn streams(file: &Value, key: &str, count: usize) -> Vec<Vec<u8>> {
    let streams: Vec<_> = rows(file, key).iter().map(|row| bytes(row, "stream")).collect();
    assert_eq!(streams.len(), count, "{key}");
    streams
}

/// The streams that fail in a namespace, whatever stands around them.
fn failing(file: &Value, namespace: Namespace) -> Vec<Vec<u8>> {
    let mut failing = streams(file, "fail_any_namespace", 9);
    failing.extend(streams(file, "fail_unknown_even_any_namespace", 4));
    match namespace {
        Namespace::N1 => {
            failing.extend(streams(file, "fail_n1", 20));
            failing.extend(streams(file, "fail_stream_n1", 4));
        }
        Namespace::N2 => failing.extend(streams(file, "fail_stream_n2", 1)),
    }
    failing
}

/// The streams that decode in a namespace.
fn decoding(file: &Value, namespace: Namespace) -> Vec<Vec<u8>> {
    let mut decoding = streams(file, "ok_any_namespace_ignored", 7);
    if let Namespace::N1 = namespace {
        decoding.extend(streams(file, "ok_n1", 12));
    }
    decoding
}

#[test]
fn tlv_vectors_that_fail() {
    let file = tlv_file();
    for namespace in BOTH {
        for stream in failing(&file, namespace) {
            let error = decode(namespace, &stream).expect_err("invalid");
            assert!(error.offset <= stream.len(), "{error}");
        }
    }
}

#[test]
fn tlv_vectors_that_decode() {
    let file = tlv_file();
    for namespace in BOTH {
        for stream in streams(&file, "ok_any_namespace_ignored", 7) {
            assert_eq!(decode(namespace, &stream), Ok(vec![]));
        }
    }
    for row in rows(&file, "ok_n1") {
        let records = decode(Namespace::N1, &bytes(row, "stream")).expect("valid");
        let [(tlv_type, fields)] = records.as_slice() else { panic!("one record: {row}") };
        let description = &file["namespaces"]["n1"][tlv_type.to_string()];
        assert_eq!(text(description, "name"), text(row, "tlv"));
        let names = description["fields"].as_array().expect("a list");
        assert_eq!(names.len(), fields.len(), "{row}");
        for (name, field) in names.iter().zip(fields) {
            assert_eq!(text(&row["values"], name[0].as_str().expect("a name")), field, "{row}");
        }
    }
}

#[test]
fn tlv_streams_put_together() {
    let file = tlv_file();
    for namespace in BOTH {
        for valid in decoding(&file, namespace) {
            for invalid in failing(&file, namespace) {
                let joined = [valid.as_slice(), &invalid].concat();
                assert!(decode(namespace, &joined).is_err(), "{joined:02x?}");
            }
        }
        let first_type = |stream: &[u8]| Reader::new("vector", stream).bigsize("type");
        for low in decoding(&file, namespace) {
            for high in decoding(&file, namespace) {
                let (Ok(low_type), Ok(high_type)) = (first_type(&low), first_type(&high)) else {
                    continue;
                };
                let joined = [low.as_slice(), &high].concat();
                assert_eq!(decode(namespace, &joined).is_ok(), low_type < high_type);
            }
        }
    }
}

#[test]
fn the_example_of_a_short_channel_id() {
    let id = ShortChannelId { block: 539_268, tx_index: 845, output_index: 1 };
    assert_eq!(id.to_string(), "539268x845x1");
    assert_eq!(u64::from(id), 0x083a_8400_034d_0001);
}
