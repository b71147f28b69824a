//! BOLT 8 once more, straight from its text and without snow, hkdf or a codec. It knows the
//! secrets of both sides, so it needs no state and cannot fail.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use secp256k1::{PublicKey, SecretKey, ecdh::SharedSecret};
use sha2::{Digest, Sha256};

/// What a handshake must produce.
pub(super) struct Handshake {
    pub(super) acts: [Vec<u8>; 3],
    pub(super) chaining_key: [u8; 32],
    pub(super) initiator_key: [u8; 32],
    pub(super) responder_key: [u8; 32],
}

/// The handshake of an initiator with keys `s`, `e` and a responder with keys `rs`, `re`.
pub(super) fn handshake(s: &SecretKey, e: &SecretKey, rs: &SecretKey, re: &SecretKey) -> Handshake {
    let point = |key| PublicKey::from_secret_key_global(key).serialize();
    let ecdh = |public, secret| {
        let public = PublicKey::from_secret_key_global(public);
        SharedSecret::new(&public, secret).secret_bytes()
    };
    let ck = hash(&[b"Noise_XK_secp256k1_ChaChaPoly_SHA256"]);
    let h = hash(&[&hash(&[&ck, b"lightning"]), &point(rs)]);

    let h = hash(&[&h, &point(e)]);
    let (ck, k) = derive(&ck, &ecdh(rs, e));
    let c = encrypt(&k, 0, &h, &[]);
    let one = [&[0], point(e).as_slice(), &c].concat();
    let h = hash(&[&h, &c]);

    let h = hash(&[&h, &point(re)]);
    let (ck, k) = derive(&ck, &ecdh(e, re));
    let c = encrypt(&k, 0, &h, &[]);
    let two = [&[0], point(re).as_slice(), &c].concat();
    let h = hash(&[&h, &c]);

    let c = encrypt(&k, 1, &h, &point(s));
    let h = hash(&[&h, &c]);
    let (ck, k) = derive(&ck, &ecdh(re, s));
    let three = [&[0], c.as_slice(), &encrypt(&k, 0, &h, &[])].concat();

    let (initiator_key, responder_key) = derive(&ck, &[]);
    Handshake { acts: [one, two, three], chaining_key: ck, initiator_key, responder_key }
}

/// The packet of the message with this index, counted from 0, in a direction that began with
/// these keys.
pub(super) fn packet(ck: &[u8; 32], key: &[u8; 32], index: u64, message: &[u8]) -> Vec<u8> {
    let (mut ck, mut key) = (*ck, *key);
    for _ in 0..index / 500 {
        (ck, key) = derive(&ck, &key);
    }
    let nonce = index % 500 * 2;
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [encrypt(&key, nonce, &[], &length), encrypt(&key, nonce + 1, &[], message)].concat()
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// HKDF of RFC 5869 with two blocks and no info.
fn derive(salt: &[u8; 32], input: &[u8]) -> ([u8; 32], [u8; 32]) {
    let secret = hmac(salt, input);
    let first = hmac(&secret, &[1]);
    (first, hmac(&secret, &[&first[..], &[2]].concat()))
}

/// RFC 2104.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    hash(&[&pad(0x5c), &hash(&[&pad(0x36), message])])
}

fn encrypt(key: &[u8; 32], nonce: u64, ad: &[u8], text: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = [&[0; 4], &nonce.to_le_bytes()[..]].concat().try_into().unwrap();
    let aead = ChaCha20Poly1305::new(key.into());
    aead.encrypt((&nonce).into(), Payload { msg: text, aad: ad }).unwrap()
}
