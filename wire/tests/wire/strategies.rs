//! Any message that can be said.

use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, ScriptBuf, Txid};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use secp256k1::ecdsa::Signature;
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use wire::{
    AcceptChannel, AnnouncementSignatures, ChannelId, ChannelReady, ChannelReestablish,
    ChannelType, ClosingComplete, ClosingSig, ClosingSignatures, ClosingSigned, Error, Features,
    FeeRange, FundingCreated, FundingSigned, Init, Message, MessageType, OpenChannel, Ping, Pong,
    RawMessage, ShortChannelId, Shutdown, Warning,
};

pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![opening(), closing(), control(), later(), raw()]
}

fn opening() -> impl Strategy<Value = Message> {
    prop_oneof![
        open_channel().prop_map(Message::from),
        accept_channel().prop_map(Message::from),
        (channel_id(), any::<[u8; 32]>(), any::<u16>(), signature()).prop_map(
            |(temporary_channel_id, txid, funding_output_index, signature)| {
                let funding_txid = Txid::from_byte_array(txid);
                let message = FundingCreated {
                    temporary_channel_id,
                    funding_txid,
                    funding_output_index,
                    signature,
                };
                message.into()
            }
        ),
        (channel_id(), signature())
            .prop_map(|(channel_id, signature)| { FundingSigned { channel_id, signature }.into() }),
        (channel_id(), point(), of(any::<u64>())).prop_map(
            |(channel_id, second_per_commitment_point, short_channel_id)| {
                ChannelReady { channel_id, second_per_commitment_point, short_channel_id }.into()
            }
        ),
    ]
}

fn closing() -> impl Strategy<Value = Message> {
    let parts = (
        channel_id(),
        script(),
        script(),
        amount(),
        any::<u32>(),
        (of(signature()), of(signature()), of(signature())),
    );
    let complete = parts.prop_map(|(channel_id, closer, closee, fee_satoshis, locktime, sigs)| {
        ClosingComplete {
            channel_id,
            closer_scriptpubkey: closer,
            closee_scriptpubkey: closee,
            fee_satoshis,
            locktime,
            signatures: ClosingSignatures {
                closer_output_only: sigs.0,
                closee_output_only: sigs.1,
                closer_and_closee_outputs: sigs.2,
            },
        }
    });
    let fee_range = of((amount(), amount()).prop_map(|(min_fee_satoshis, max_fee_satoshis)| {
        FeeRange { min_fee_satoshis, max_fee_satoshis }
    }));
    prop_oneof![
        (channel_id(), script()).prop_map(|(channel_id, scriptpubkey)| {
            Shutdown { channel_id, scriptpubkey }.into()
        }),
        (channel_id(), amount(), signature(), fee_range).prop_map(
            |(channel_id, fee_satoshis, signature, fee_range)| {
                ClosingSigned { channel_id, fee_satoshis, signature, fee_range }.into()
            }
        ),
        (complete, any::<bool>()).prop_map(|(complete, answer)| {
            if !answer {
                return complete.into();
            }
            let ClosingComplete {
                channel_id,
                closer_scriptpubkey,
                closee_scriptpubkey,
                fee_satoshis,
                locktime,
                signatures,
            } = complete;
            let message = ClosingSig {
                channel_id,
                closer_scriptpubkey,
                closee_scriptpubkey,
                fee_satoshis,
                locktime,
                signatures,
            };
            message.into()
        }),
    ]
}

fn control() -> impl Strategy<Value = Message> {
    let chains = vec(any::<[u8; 32]>().prop_map(ChainHash::from), 0..4);
    prop_oneof![
        (features(), of(chains), of(bytes())).prop_map(|(features, networks, remote_address)| {
            Init { features, networks, remote_address }.into()
        }),
        (channel_id(), bytes()).prop_map(|(channel_id, data)| Error { channel_id, data }.into()),
        (channel_id(), bytes()).prop_map(|(channel_id, data)| Warning { channel_id, data }.into()),
        (any::<u16>(), 0..=Ping::MAX_BYTESLEN)
            .prop_map(|(num_pong_bytes, byteslen)| { Ping { num_pong_bytes, byteslen }.into() }),
        (0..=Pong::MAX_BYTESLEN).prop_map(|byteslen| Pong { byteslen }.into()),
    ]
}

fn later() -> impl Strategy<Value = Message> {
    prop_oneof![
        (channel_id(), any::<u64>(), any::<u64>(), any::<[u8; 32]>(), point()).prop_map(
            |(channel_id, next_commitment, next_revocation, secret, point)| {
                let message = ChannelReestablish {
                    channel_id,
                    next_commitment_number: next_commitment,
                    next_revocation_number: next_revocation,
                    your_last_per_commitment_secret: secret,
                    my_current_per_commitment_point: point,
                };
                message.into()
            }
        ),
        (channel_id(), any::<u64>(), signature(), signature()).prop_map(
            |(channel_id, scid, node_signature, bitcoin_signature)| {
                let message = AnnouncementSignatures {
                    channel_id,
                    short_channel_id: ShortChannelId::from(scid),
                    node_signature,
                    bitcoin_signature,
                };
                message.into()
            }
        ),
    ]
}

fn raw() -> impl Strategy<Value = Message> {
    (any::<u16>(), bytes())
        .prop_filter("a type with a variant of its own", |(type_number, _)| {
            !crate::samples::full().iter().any(|message| message.type_number() == *type_number)
        })
        .prop_map(|(type_number, payload)| Message::Raw(RawMessage { type_number, payload }))
}

fn open_channel() -> impl Strategy<Value = OpenChannel> {
    let ids = (any::<[u8; 32]>(), any::<u32>(), any::<u8>(), amount(), any::<u64>());
    (ids, accept_channel()).prop_map(
        |((chain, feerate_per_kw, flags, funding, push_msat), accept)| OpenChannel {
            chain_hash: ChainHash::from(chain),
            temporary_channel_id: accept.temporary_channel_id,
            funding_satoshis: funding,
            push_msat,
            dust_limit_satoshis: accept.dust_limit_satoshis,
            max_htlc_value_in_flight_msat: accept.max_htlc_value_in_flight_msat,
            channel_reserve_satoshis: accept.channel_reserve_satoshis,
            htlc_minimum_msat: accept.htlc_minimum_msat,
            feerate_per_kw,
            to_self_delay: accept.to_self_delay,
            max_accepted_htlcs: accept.max_accepted_htlcs,
            funding_pubkey: accept.funding_pubkey,
            revocation_basepoint: accept.revocation_basepoint,
            payment_basepoint: accept.payment_basepoint,
            delayed_payment_basepoint: accept.delayed_payment_basepoint,
            htlc_basepoint: accept.htlc_basepoint,
            first_per_commitment_point: accept.first_per_commitment_point,
            channel_flags: flags,
            upfront_shutdown_script: accept.upfront_shutdown_script,
            channel_type: accept.channel_type,
        },
    )
}

fn accept_channel() -> impl Strategy<Value = AcceptChannel> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u16>(), any::<u16>());
    let points = [point(), point(), point(), point(), point(), point()];
    let tlvs = (of(script()), of(features().prop_map(ChannelType)));
    (channel_id(), amount(), amount(), numbers, points, tlvs).prop_map(
        |(temporary_channel_id, dust, reserve, numbers, points, tlvs)| AcceptChannel {
            temporary_channel_id,
            dust_limit_satoshis: dust,
            max_htlc_value_in_flight_msat: numbers.0,
            channel_reserve_satoshis: reserve,
            htlc_minimum_msat: numbers.1,
            minimum_depth: numbers.2,
            to_self_delay: numbers.3,
            max_accepted_htlcs: numbers.4,
            funding_pubkey: points[0],
            revocation_basepoint: points[1],
            payment_basepoint: points[2],
            delayed_payment_basepoint: points[3],
            htlc_basepoint: points[4],
            first_per_commitment_point: points[5],
            upfront_shutdown_script: tlvs.0,
            channel_type: tlvs.1,
        },
    )
}

fn channel_id() -> impl Strategy<Value = ChannelId> {
    any::<[u8; 32]>().prop_map(ChannelId)
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..=Amount::MAX_MONEY.to_sat()).prop_map(Amount::from_sat)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..300)
}

fn script() -> impl Strategy<Value = ScriptBuf> {
    bytes().prop_map(ScriptBuf::from_bytes)
}

fn features() -> impl Strategy<Value = Features> {
    prop_oneof![vec(0..64_u16, 0..20), vec(any::<u16>(), 0..3)]
        .prop_map(|bits| Features::from_bits(&bits))
}

fn point() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_filter_map("no secret key", |bytes| {
        SecretKey::from_slice(&bytes).ok().map(|secret| secret.public_key(SECP256K1))
    })
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64)
        .prop_filter_map("no signature", |bytes| Signature::from_compact(&bytes).ok())
}

/// Bytes that begin as a message of a known type does, for which random ones would rarely do.
pub fn near_message() -> impl Strategy<Value = Vec<u8>> {
    let known = (0..MessageType::ALL.len()).prop_map(|at| MessageType::ALL[at].number);
    (known, vec(any::<u8>(), 0..500)).prop_map(|(number, payload)| {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.extend(payload);
        bytes
    })
}
