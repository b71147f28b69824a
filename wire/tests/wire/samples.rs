//! A message of each kind with every field set, and the smallest of each kind.
//! The seeds of the fuzz targets are made of them too.

use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, ScriptBuf, Txid};
use secp256k1::ecdsa::Signature;
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use wire::{
    AcceptChannel, AnnouncementSignatures, ChannelId, ChannelReady, ChannelReestablish,
    ChannelType, ClosingComplete, ClosingSig, ClosingSignatures, ClosingSigned, Error, Features,
    FeeRange, FundingCreated, FundingSigned, Init, Message, OpenChannel, Ping, Pong, RawMessage,
    ShortChannelId, Shutdown, Warning,
};

pub fn point(secret: u8) -> PublicKey {
    SecretKey::from_slice(&[secret; 32]).expect("a valid secret").public_key(SECP256K1)
}

pub fn signature(byte: u8) -> Signature {
    Signature::from_compact(&[byte; 64]).expect("below the order of the group")
}

pub fn open_channel() -> OpenChannel {
    OpenChannel {
        chain_hash: ChainHash::REGTEST,
        temporary_channel_id: ChannelId([0xaa; 32]),
        funding_satoshis: Amount::from_sat(1_000_000),
        push_msat: 2_000,
        dust_limit_satoshis: Amount::from_sat(354),
        max_htlc_value_in_flight_msat: u64::MAX,
        channel_reserve_satoshis: Amount::from_sat(10_000),
        htlc_minimum_msat: 1,
        feerate_per_kw: 253,
        to_self_delay: 144,
        max_accepted_htlcs: 483,
        funding_pubkey: point(1),
        revocation_basepoint: point(2),
        payment_basepoint: point(3),
        delayed_payment_basepoint: point(4),
        htlc_basepoint: point(5),
        first_per_commitment_point: point(6),
        channel_flags: 1,
        upfront_shutdown_script: Some(ScriptBuf::new()),
        channel_type: Some(ChannelType::anchors_zero_fee_htlc_tx()),
    }
}

pub fn accept_channel() -> AcceptChannel {
    AcceptChannel {
        temporary_channel_id: ChannelId([0xaa; 32]),
        dust_limit_satoshis: Amount::from_sat(546),
        max_htlc_value_in_flight_msat: 990_000_000,
        channel_reserve_satoshis: Amount::from_sat(10_000),
        htlc_minimum_msat: 1_000,
        minimum_depth: 3,
        to_self_delay: 720,
        max_accepted_htlcs: 30,
        funding_pubkey: point(6),
        revocation_basepoint: point(5),
        payment_basepoint: point(4),
        delayed_payment_basepoint: point(3),
        htlc_basepoint: point(2),
        first_per_commitment_point: point(1),
        upfront_shutdown_script: Some(ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73])),
        channel_type: Some(ChannelType::static_remotekey()),
    }
}

pub fn init() -> Init {
    Init {
        features: Features::from_bits(&[1, 9, 13, 15, 23, 27, 45]),
        networks: Some(vec![ChainHash::REGTEST]),
        remote_address: Some(vec![1, 127, 0, 0, 1, 0x26, 0x07]),
    }
}

pub fn closing_complete() -> ClosingComplete {
    ClosingComplete {
        channel_id: ChannelId([0xbb; 32]),
        closer_scriptpubkey: ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73]),
        closee_scriptpubkey: ScriptBuf::from_bytes(vec![0x6a]),
        fee_satoshis: Amount::from_sat(300),
        locktime: 800_000,
        signatures: ClosingSignatures {
            closer_output_only: Some(signature(1)),
            closee_output_only: Some(signature(2)),
            closer_and_closee_outputs: Some(signature(3)),
        },
    }
}

/// A message of each kind, with every field set.
pub fn full() -> Vec<Message> {
    let channel_id = ChannelId([0xbb; 32]);
    let complete = closing_complete();
    vec![
        init().into(),
        Error::new(channel_id, "hello").into(),
        Warning::new(ChannelId::ALL, "hello").into(),
        Ping { num_pong_bytes: 258, byteslen: 3 }.into(),
        Pong { byteslen: 2 }.into(),
        open_channel().into(),
        accept_channel().into(),
        FundingCreated {
            temporary_channel_id: ChannelId([0xaa; 32]),
            funding_txid: Txid::from_byte_array([0xcc; 32]),
            funding_output_index: 258,
            signature: signature(1),
        }
        .into(),
        FundingSigned { channel_id, signature: signature(2) }.into(),
        ChannelReady {
            channel_id,
            second_per_commitment_point: point(1),
            short_channel_id: Some(0x0102_0304_0506_0708),
        }
        .into(),
        Shutdown { channel_id, scriptpubkey: ScriptBuf::from_bytes(vec![0x51]) }.into(),
        ClosingSigned {
            channel_id,
            fee_satoshis: Amount::from_sat(1_000),
            signature: signature(3),
            fee_range: Some(FeeRange {
                min_fee_satoshis: Amount::from_sat(500),
                max_fee_satoshis: Amount::MAX_MONEY,
            }),
        }
        .into(),
        complete.clone().into(),
        ClosingSig {
            channel_id: complete.channel_id,
            closer_scriptpubkey: complete.closer_scriptpubkey,
            closee_scriptpubkey: complete.closee_scriptpubkey,
            fee_satoshis: complete.fee_satoshis,
            locktime: complete.locktime,
            signatures: ClosingSignatures {
                closer_and_closee_outputs: Some(signature(4)),
                ..ClosingSignatures::default()
            },
        }
        .into(),
        ChannelReestablish {
            channel_id,
            next_commitment_number: 1,
            next_revocation_number: 0,
            your_last_per_commitment_secret: [0; 32],
            my_current_per_commitment_point: point(2),
        }
        .into(),
        AnnouncementSignatures {
            channel_id,
            short_channel_id: ShortChannelId { block: 800_000, tx_index: 1_234, output_index: 1 },
            node_signature: signature(5),
            bitcoin_signature: signature(6),
        }
        .into(),
    ]
}

/// Messages with nothing in them that may be absent, and some that are kept as bytes.
pub fn spare() -> Vec<Message> {
    let nothing = Features::empty();
    let raw =
        |type_number, length| Message::Raw(RawMessage { type_number, payload: vec![0xdd; length] });
    vec![
        Init { features: nothing.clone(), networks: None, remote_address: None }.into(),
        Init { features: nothing, networks: Some(vec![]), remote_address: Some(vec![]) }.into(),
        Error { channel_id: ChannelId::ALL, data: vec![] }.into(),
        Ping { num_pong_bytes: 0, byteslen: 0 }.into(),
        Pong { byteslen: 0 }.into(),
        OpenChannel { upfront_shutdown_script: None, channel_type: None, ..open_channel() }.into(),
        AcceptChannel { upfront_shutdown_script: None, channel_type: None, ..accept_channel() }
            .into(),
        Shutdown { channel_id: ChannelId::ALL, scriptpubkey: ScriptBuf::new() }.into(),
        ClosingComplete { signatures: ClosingSignatures::default(), ..closing_complete() }.into(),
        raw(2, 33),
        raw(64, 100),
        raw(134, 36),
        raw(256, 10),
        raw(33_333, 0),
    ]
}
