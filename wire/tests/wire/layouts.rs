//! Each message byte by byte, and what errors say of each field.

use bitcoin::hex::FromHex as _;
use wire::{DecodeReason, Message};

use crate::samples;

/// The message of `samples::full` with this name; its fields in order, each as it stands on the
/// wire, without the type; and its TLV records.
struct Layout {
    name: &'static str,
    type_number: u16,
    fields: &'static [(&'static str, &'static str)],
    tlvs: &'static [&'static str],
}

impl Layout {
    /// The offset and the name of each field that has bytes, and all bytes up to the TLVs.
    fn fixed(&self) -> (Vec<(usize, &'static str)>, Vec<u8>) {
        let mut bytes = self.type_number.to_be_bytes().to_vec();
        let mut places = Vec::new();
        for (field, hex) in self.fields {
            places.push((bytes.len(), *field));
            bytes.extend(unhex(hex));
        }
        (places, bytes)
    }

    fn whole(&self) -> Vec<u8> {
        let (_, mut bytes) = self.fixed();
        bytes.extend(self.tlvs.iter().flat_map(|tlv| unhex(tlv)));
        bytes
    }

    fn sample(&self) -> Message {
        let mut samples = samples::full().into_iter();
        samples.find(|message| message.name() == self.name).expect("a sample of each kind")
    }
}

fn unhex(text: &str) -> Vec<u8> {
    Vec::from_hex(&text.replace(' ', "")).expect("hexadecimal")
}

#[test]
fn every_message_has_the_layout_of_the_bolts() {
    assert_eq!(LAYOUTS.len(), samples::full().len());
    for layout in LAYOUTS {
        let sample = layout.sample();
        let mut encoded = Vec::new();
        sample.encode(&mut encoded);
        assert_eq!(encoded, layout.whole(), "{}", layout.name);
        assert_eq!(Message::decode(&encoded), Ok(sample), "{}", layout.name);
    }
}

#[test]
fn a_message_cut_short_names_message_field_and_offset() {
    for layout in LAYOUTS {
        let (places, bytes) = layout.fixed();
        for length in 2..bytes.len() {
            let error = Message::decode(&bytes[..length]).expect_err("cut short");
            let (offset, field) =
                *places.iter().rfind(|(offset, _)| *offset <= length).expect("a field");
            assert_eq!((error.message, error.field, error.offset), (layout.name, field, offset));
            assert!(matches!(error.reason, DecodeReason::Truncated { .. }), "{error}");
        }
        assert!(Message::decode(&bytes).is_ok(), "{} without its tlvs", layout.name);
    }
}

#[test]
fn tlvs_cut_short_name_their_message() {
    for layout in LAYOUTS {
        let (_, mut bytes) = layout.fixed();
        for tlv in layout.tlvs {
            let start = bytes.len();
            bytes.extend(unhex(tlv));
            for length in start + 1..bytes.len() {
                let error = Message::decode(&bytes[..length]).expect_err("cut short");
                assert_eq!(error.message, layout.name);
                assert!(error.field.starts_with("tlv "), "{error}");
                assert!(start <= error.offset && error.offset <= length, "{error}");
            }
            assert!(Message::decode(&bytes).is_ok(), "{}", layout.name);
        }
    }
}

#[test]
fn a_tlv_of_the_wrong_length_is_refused() {
    // One byte more in the value, one byte less.
    let cases: &[(&str, &str, &str)] = &[
        ("channel_ready", "01 09 010203040506070800", "01 07 01020304050607"),
        (
            "closing_signed",
            "01 11 00000000000001f400000000000003e800",
            "01 0f 00000000000001f400000000000003",
        ),
        (
            "init",
            "01 01 00",
            "01 1f 06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf18891",
        ),
    ];
    for (name, longer, shorter) in cases {
        let layout = LAYOUTS.iter().find(|layout| layout.name == *name).expect("its layout");
        for tlv in [longer, shorter] {
            let (_, mut bytes) = layout.fixed();
            bytes.extend(unhex(tlv));
            let error = Message::decode(&bytes).expect_err("wrong length");
            assert_eq!(error.message, *name);
        }
    }
}

#[test]
fn an_extension_is_checked_where_no_tlv_is_defined() {
    let without = ["funding_created", "funding_signed", "shutdown", "announcement_signatures"];
    for layout in LAYOUTS {
        let decode = |tlvs: &str| {
            let mut bytes = layout.whole();
            bytes.extend(unhex(tlvs));
            Message::decode(&bytes)
        };
        // Types above all that a message has: odd ones change nothing.
        assert_eq!(decode("fd0101 02 1234 fd0103 00"), Ok(layout.sample()), "{}", layout.name);

        let even = decode("fd0102 00");
        let short = decode("fd0101 02 12");
        if ["error", "warning", "ping", "pong"].contains(&layout.name) {
            assert_eq!(even, Ok(layout.sample()));
            assert_eq!(short, Ok(layout.sample()));
        } else {
            let error = even.expect_err("an even type");
            assert_eq!(error.message, layout.name);
            assert_eq!(error.offset, layout.whole().len());
            assert_eq!(error.reason, DecodeReason::UnknownEvenTlv(0x102));
            assert!(short.is_err(), "{}", layout.name);
        }
        if without.contains(&layout.name) {
            assert!(layout.tlvs.is_empty());
        }
    }
}

#[test]
fn reestablish_tlvs_of_splicing_are_skipped_whatever_their_length() {
    let layout = LAYOUTS.iter().find(|layout| layout.name == "channel_reestablish").expect("one");
    for tlvs in ["01 00", "01 01 ff 05 02 0000", "05 00"] {
        let mut bytes = layout.whole();
        bytes.extend(unhex(tlvs));
        assert_eq!(Message::decode(&bytes), Ok(layout.sample()));
    }
}

#[test]
fn an_unlimited_amount_in_flight_is_taken() {
    let layout = LAYOUTS.iter().find(|layout| layout.name == "open_channel").expect("its layout");
    let (places, bytes) = layout.fixed();
    let (at, _) = places[5];
    assert_eq!(bytes[at..at + 8], [0xff; 8]);
    let Ok(Message::OpenChannel(open)) = Message::decode(&bytes) else { panic!("valid") };
    assert_eq!(open.max_htlc_value_in_flight_msat, u64::MAX);
}

#[test]
fn bad_values_name_their_field() {
    // Message, field, its offset, what is put there, and what is said of it.
    let over = Vec::from_hex("000775f05a074001").expect("hexadecimal");
    let amount = DecodeReason::AmountTooLarge(2_100_000_000_000_001);
    let cases = [
        ("open_channel", "funding_satoshis", 66, over.clone(), amount),
        ("open_channel", "dust_limit_satoshis", 82, over.clone(), amount),
        ("open_channel", "channel_reserve_satoshis", 98, over.clone(), amount),
        ("open_channel", "htlc_basepoint", 254, vec![4], DecodeReason::InvalidPoint),
        ("accept_channel", "funding_pubkey", 74, vec![0; 33], DecodeReason::InvalidPoint),
        ("closing_signed", "fee_satoshis", 34, over.clone(), amount),
        ("closing_complete", "fee_satoshis", 43, over, amount),
        ("funding_signed", "signature", 34, vec![0xff; 32], DecodeReason::InvalidSignature),
        ("funding_created", "signature", 68, vec![0xff; 32], DecodeReason::InvalidSignature),
    ];
    for (name, field, offset, value, reason) in cases {
        let layout = LAYOUTS.iter().find(|layout| layout.name == name).expect("its layout");
        let mut bytes = layout.whole();
        bytes.splice(offset..offset + value.len(), value);
        let error = Message::decode(&bytes).expect_err("a bad value");
        assert_eq!((error.message, error.field, error.offset), (name, field, offset));
        assert_eq!(error.reason, reason);
    }
}

#[test]
fn errors_read_as_a_sentence() {
    let error = Message::decode(&unhex("0012 0001 0002 00")).expect_err("cut short");
    assert_eq!(error.to_string(), "ping: ignored at byte 6: needs 2 bytes, 1 are left");
    let error = Message::decode(&[0]).expect_err("cut short");
    assert_eq!(error.to_string(), "message: type at byte 0: needs 2 bytes, 1 are left");
    let error = Message::decode(&vec![1; 65_536]).expect_err("too long");
    assert_eq!(error.to_string(), "message: type at byte 0: 65536 bytes are too long");
}

const P1: &str = "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
const P2: &str = "024d4b6cd1361032ca9bd2aeb9d900aa4d45d9ead80ac9423374c451a7254d0766";
const P3: &str = "02531fe6068134503d2723133227c867ac8fa6c83c537e9a44c3c5bdbdcb1fe337";
const P4: &str = "03462779ad4aad39514614751a71085f2f10e1c7a593e4e030efb5b8721ce55b0b";
const P5: &str = "0362c0a046dacce86ddd0343c6d3c7c79c2208ba0d9c9cf24a6d046d21d21f90f7";
const P6: &str = "03f006a18d5653c4edf5391ff23a61f03ff83d237e880ee61187fa9f379a028e0a";
const TEMPORARY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CHANNEL: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const REGTEST: &str = "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f";

macro_rules! signature {
    ($byte:literal) => {
        concat!(eight!($byte), eight!($byte), eight!($byte), eight!($byte))
    };
}
macro_rules! eight {
    ($byte:literal) => {
        concat!(four!($byte), four!($byte), four!($byte), four!($byte))
    };
}
macro_rules! four {
    ($byte:literal) => {
        concat!($byte, $byte, $byte, $byte)
    };
}

const LAYOUTS: &[Layout] = &[
    Layout {
        name: "init",
        type_number: 16,
        fields: &[("globalfeatures", "0000"), ("features", "0006"), ("features", "20000880a202")],
        tlvs: &[
            "01 20 06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f",
            "03 07 017f0000012607",
        ],
    },
    Layout {
        name: "error",
        type_number: 17,
        fields: &[("channel_id", CHANNEL), ("data", "0005"), ("data", "68656c6c6f")],
        tlvs: &[],
    },
    Layout {
        name: "warning",
        type_number: 1,
        fields: &[("channel_id", ZEROS), ("data", "0005"), ("data", "68656c6c6f")],
        tlvs: &[],
    },
    Layout {
        name: "ping",
        type_number: 18,
        fields: &[("num_pong_bytes", "0102"), ("byteslen", "0003"), ("ignored", "000000")],
        tlvs: &[],
    },
    Layout {
        name: "pong",
        type_number: 19,
        fields: &[("byteslen", "0002"), ("ignored", "0000")],
        tlvs: &[],
    },
    Layout {
        name: "open_channel",
        type_number: 32,
        fields: &[
            ("chain_hash", REGTEST),
            ("temporary_channel_id", TEMPORARY),
            ("funding_satoshis", "00000000000f4240"),
            ("push_msat", "00000000000007d0"),
            ("dust_limit_satoshis", "0000000000000162"),
            ("max_htlc_value_in_flight_msat", "ffffffffffffffff"),
            ("channel_reserve_satoshis", "0000000000002710"),
            ("htlc_minimum_msat", "0000000000000001"),
            ("feerate_per_kw", "000000fd"),
            ("to_self_delay", "0090"),
            ("max_accepted_htlcs", "01e3"),
            ("funding_pubkey", P1),
            ("revocation_basepoint", P2),
            ("payment_basepoint", P3),
            ("delayed_payment_basepoint", P4),
            ("htlc_basepoint", P5),
            ("first_per_commitment_point", P6),
            ("channel_flags", "01"),
        ],
        tlvs: &["00 00", "01 03 401000"],
    },
    Layout {
        name: "accept_channel",
        type_number: 33,
        fields: &[
            ("temporary_channel_id", TEMPORARY),
            ("dust_limit_satoshis", "0000000000000222"),
            ("max_htlc_value_in_flight_msat", "000000003b023380"),
            ("channel_reserve_satoshis", "0000000000002710"),
            ("htlc_minimum_msat", "00000000000003e8"),
            ("minimum_depth", "00000003"),
            ("to_self_delay", "02d0"),
            ("max_accepted_htlcs", "001e"),
            ("funding_pubkey", P6),
            ("revocation_basepoint", P5),
            ("payment_basepoint", P4),
            ("delayed_payment_basepoint", P3),
            ("htlc_basepoint", P2),
            ("first_per_commitment_point", P1),
        ],
        tlvs: &["00 04 51024e73", "01 02 1000"],
    },
    Layout {
        name: "funding_created",
        type_number: 34,
        fields: &[
            ("temporary_channel_id", TEMPORARY),
            ("funding_txid", "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"),
            ("funding_output_index", "0102"),
            ("signature", signature!("01")),
        ],
        tlvs: &[],
    },
    Layout {
        name: "funding_signed",
        type_number: 35,
        fields: &[("channel_id", CHANNEL), ("signature", signature!("02"))],
        tlvs: &[],
    },
    Layout {
        name: "channel_ready",
        type_number: 36,
        fields: &[("channel_id", CHANNEL), ("second_per_commitment_point", P1)],
        tlvs: &["01 08 0102030405060708"],
    },
    Layout {
        name: "shutdown",
        type_number: 38,
        fields: &[("channel_id", CHANNEL), ("scriptpubkey", "0001"), ("scriptpubkey", "51")],
        tlvs: &[],
    },
    Layout {
        name: "closing_signed",
        type_number: 39,
        fields: &[
            ("channel_id", CHANNEL),
            ("fee_satoshis", "00000000000003e8"),
            ("signature", signature!("03")),
        ],
        tlvs: &["01 10 00000000000001f4 000775f05a074000"],
    },
    Layout {
        name: "closing_complete",
        type_number: 40,
        fields: CLOSING,
        tlvs: &[
            concat!("01 40", signature!("01")),
            concat!("02 40", signature!("02")),
            concat!("03 40", signature!("03")),
        ],
    },
    Layout {
        name: "closing_sig",
        type_number: 41,
        fields: CLOSING,
        tlvs: &[concat!("03 40", signature!("04"))],
    },
    Layout {
        name: "channel_reestablish",
        type_number: 136,
        fields: &[
            ("channel_id", CHANNEL),
            ("next_commitment_number", "0000000000000001"),
            ("next_revocation_number", "0000000000000000"),
            ("your_last_per_commitment_secret", ZEROS),
            ("my_current_per_commitment_point", P2),
        ],
        tlvs: &[],
    },
    Layout {
        name: "announcement_signatures",
        type_number: 259,
        fields: &[
            ("channel_id", CHANNEL),
            ("short_channel_id", "0c3500 0004d2 0001"),
            ("node_signature", signature!("05")),
            ("bitcoin_signature", signature!("06")),
        ],
        tlvs: &[],
    },
];

const CLOSING: &[(&str, &str)] = &[
    ("channel_id", CHANNEL),
    ("closer_scriptpubkey", "0004"),
    ("closer_scriptpubkey", "51024e73"),
    ("closee_scriptpubkey", "0001"),
    ("closee_scriptpubkey", "6a"),
    ("fee_satoshis", "000000000000012c"),
    ("locktime", "000c3500"),
];
