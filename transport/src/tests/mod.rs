//! Tests of the crate as its users see it. `oracle` is the only other way to the same bytes.

#![expect(clippy::arithmetic_side_effects, reason = "tests may panic")]

mod acts;
mod deadlines;
mod oracle;
mod packets;
mod streams;
mod vectors;

use bytes::{Bytes, BytesMut};
use secp256k1::SecretKey;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    Connection, Deadlines, HandshakeError, Initiator, NodeKey, OpenError, Opener, Responder,
    Sealer, accept, cipher::Cipher, connect,
};

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}

fn key(byte: u8) -> NodeKey {
    NodeKey::new(secret(byte))
}

/// The two ends of a session, as `(sealer, opener)` of the initiator and of the responder.
fn session() -> ((Sealer, Opener), (Sealer, Opener)) {
    let responder_key = key(0x21);
    let (initiator, act_one) =
        Initiator::start(&key(0x11), secret(0x12), &responder_key.public_key()).unwrap();
    let (responder, act_two) =
        Responder::act_one(&responder_key, secret(0x22), &act_one).ok().unwrap();
    let (act_three, sealer, opener) = initiator.act_two(&act_two).ok().unwrap();
    let (_, remote_sealer, remote_opener) = responder.act_three(&act_three).ok().unwrap();
    ((sealer, opener), (remote_sealer, remote_opener))
}

/// [`connect`] with the keys of the vectors.
async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    first: &[u8],
    deadlines: &Deadlines,
) -> Result<Connection<S>, HandshakeError> {
    let remote = key(0x21).public_key();
    connect(io, &key(0x11), secret(0x12), remote, first, deadlines).await
}

/// [`accept`] with the keys of the vectors.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    deadlines: &Deadlines,
) -> Result<Connection<S>, HandshakeError> {
    accept(io, &key(0x21), secret(0x22), deadlines).await
}

/// A sealer and an opener of one direction, without a handshake.
fn direction(key: &[u8; 32], chaining_key: &[u8; 32]) -> (Sealer, Opener) {
    (Sealer::new(Cipher::new(key, chaining_key)), Opener::new(Cipher::new(key, chaining_key)))
}

fn seal(sealer: &mut Sealer, message: &[u8]) -> Vec<u8> {
    let mut packet = BytesMut::new();
    sealer.encode(message, &mut packet).unwrap();
    packet.to_vec()
}

fn open(opener: &mut Opener, packet: &[u8]) -> Result<Option<Bytes>, OpenError> {
    opener.decode(&mut BytesMut::from(packet))
}

fn vectors(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn hex32(value: &Value) -> [u8; 32] {
    hex(value).try_into().unwrap()
}
