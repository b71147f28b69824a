//! The three acts as values: every flipped bit, and random keys.

use bytes::Bytes;
use proptest::prelude::*;
use secp256k1::{PublicKey, SecretKey};

use super::{key, open, oracle, seal, secret};
use crate::{Act, Fault, HandshakeError, Initiator, NodeKey, Responder};

/// Where an act is damaged decides which fault it has: version, point, encrypted node id, tag.
#[test]
fn every_flipped_bit_has_its_fault() {
    let acts = oracle::handshake(&secret(0x11), &secret(0x12), &secret(0x21), &secret(0x22)).acts;
    for (act, bytes) in [Act::One, Act::Two, Act::Three].into_iter().zip(&acts) {
        for bit in 0..bytes.len() * 8 {
            let mut damaged = acts.clone();
            let index = act as usize;
            damaged[index][bit / 8] ^= 1 << (bit % 8);
            let fault = match (act, bit / 8) {
                (_, 0) => Fault::BadVersion(1 << bit),
                (Act::Three, 1..50) => Fault::BadCiphertext,
                (Act::One | Act::Two, 1..34)
                    if PublicKey::from_slice(&damaged[index][1..34]).is_err() =>
                {
                    Fault::BadPubkey
                }
                _ => Fault::BadTag,
            };
            let error = play(&damaged, secret(0x21)).unwrap_err();
            assert_eq!(error, HandshakeError { act, fault }, "bit {bit}");
        }
    }
    assert_eq!(play(&acts, secret(0x21)), Ok(()));
}

/// An initiator that has the wrong node id for us fails the first check, and learns nothing.
#[test]
fn a_wrong_node_id_fails_act_one() {
    let acts = oracle::handshake(&secret(0x11), &secret(0x12), &secret(0x23), &secret(0x22)).acts;
    let expected = HandshakeError { act: Act::One, fault: Fault::BadTag };
    assert_eq!(play(&acts, secret(0x21)), Err(expected));
}

#[test]
fn faults_are_printed_as_bolt_8_writes_them() {
    let print = |act, fault| HandshakeError { act, fault }.to_string();
    assert_eq!(print(Act::One, Fault::BadTag), "ACT1_BAD_TAG");
    assert_eq!(print(Act::Two, Fault::BadVersion(7)), "ACT2_BAD_VERSION 7");
    let broken = Fault::ReadFailed(std::io::ErrorKind::UnexpectedEof);
    assert_eq!(print(Act::Three, broken), "ACT3_READ_FAILED (unexpected end of file)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any keys: both sides write what the oracle writes and end with crossed keys.
    #[test]
    fn random_keys_agree_with_the_oracle(keys in prop::array::uniform4(secret_key())) {
        let [s, e, rs, re] = keys;
        let expected = oracle::handshake(&s, &e, &rs, &re);
        let responder_key = NodeKey::from(rs);
        let (initiator, act_one) =
            Initiator::start(&NodeKey::from(s), e, &responder_key.public_key())?;
        let (responder, act_two) = Responder::act_one(&responder_key, re, &act_one)?;
        let (act_three, mut sealer, mut opener) = initiator.act_two(&act_two)?;
        let (remote, mut remote_sealer, mut remote_opener) = responder.act_three(&act_three)?;
        prop_assert_eq!(remote, PublicKey::from_secret_key_global(&s));
        let acts = [act_one.to_vec(), act_two.to_vec(), act_three.to_vec()];
        prop_assert_eq!(acts, expected.acts);
        let ck = expected.chaining_key;
        for index in 0..501 {
            let there = seal(&mut sealer, b"there");
            let back = seal(&mut remote_sealer, b"back");
            prop_assert_eq!(open(&mut remote_opener, &there)?, Some(Bytes::from("there")));
            prop_assert_eq!(open(&mut opener, &back)?, Some(Bytes::from("back")));
            if index % 500 == 0 {
                let expected_there = oracle::packet(&ck, &expected.initiator_key, index, b"there");
                prop_assert_eq!(there, expected_there);
                let expected_back = oracle::packet(&ck, &expected.responder_key, index, b"back");
                prop_assert_eq!(back, expected_back);
            }
        }
    }

    /// Anything at all in place of an act is refused, and nothing panics.
    #[test]
    fn arbitrary_acts_are_refused(
        one in prop::array::uniform32(any::<u8>()),
        more in prop::array::uniform18(any::<u8>()),
        version in 0..2_u8,
    ) {
        let mut act: [u8; 50] = [&one[..], &more[..]].concat().try_into().unwrap();
        act[0] = version;
        prop_assert!(Responder::act_one(&key(0x21), secret(0x22), &act).is_err());
        let remote = key(0x21).public_key();
        let (initiator, _) = Initiator::start(&key(0x11), secret(0x12), &remote)?;
        prop_assert!(initiator.act_two(&act).is_err());
    }
}

/// Gives each act to the side that reads it; the other keys are those of the vectors.
fn play(acts: &[Vec<u8>; 3], responder_key: SecretKey) -> Result<(), HandshakeError> {
    let responder_key = NodeKey::new(responder_key);
    let [one, two, three] = acts;
    let (responder, _) =
        Responder::act_one(&responder_key, secret(0x22), one.as_slice().try_into().unwrap())?;
    let (initiator, _) = Initiator::start(&key(0x11), secret(0x12), &responder_key.public_key())?;
    initiator.act_two(two.as_slice().try_into().unwrap())?;
    responder.act_three(three.as_slice().try_into().unwrap())?;
    Ok(())
}

fn secret_key() -> impl Strategy<Value = SecretKey> {
    prop::array::uniform32(any::<u8>())
        .prop_filter_map("not a scalar", |bytes| SecretKey::from_slice(&bytes).ok())
}
