//! A handshake and the curve operations that BOLT 8 cannot do without: what two benchmarks measure.

use secp256k1::ecdh::SharedSecret;
use secp256k1::{PublicKey, SecretKey};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use transport::{Initiator, NodeKey, Opener, Responder, Sealer};

/// A key that was not used before; chance does not matter here.
pub fn secret_key() -> SecretKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    SecretKey::from_slice(&bytes).unwrap()
}

/// Both sides of a handshake, and what they go on with.
pub fn shaken(ours: &NodeKey, theirs: &NodeKey) -> ((Sealer, Opener), (Sealer, Opener)) {
    let [a, b] = [secret_key(), secret_key()];
    let (initiator, one) = Initiator::start(ours, a, &theirs.public_key()).unwrap();
    let (responder, two) = Responder::act_one(theirs, b, &one).unwrap();
    let (three, sealer, opener) = initiator.act_two(&two).unwrap();
    let (_, their_sealer, their_opener) = responder.act_three(&three).unwrap();
    ((sealer, opener), (their_sealer, their_opener))
}

/// What both sides compute of one. Each side: three ECDH and one key made; three keys read between them.
pub fn curve_operations() -> impl Fn() {
    let secret = secret_key();
    let point = PublicKey::from_secret_key_global(&secret);
    let bytes = point.serialize();
    move || {
        for _ in 0..6 {
            black_box(SharedSecret::new(&point, &secret));
        }
        for _ in 0..2 {
            black_box(PublicKey::from_secret_key_global(&secret));
        }
        for _ in 0..3 {
            black_box(PublicKey::from_slice(&bytes).unwrap());
        }
    }
}
