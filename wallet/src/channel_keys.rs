//! The secret keys of one channel.
//!
//! All but the payment basepoint come from the root of the channels' keys and the channel's
//! [`KeysId`] by HKDF-Expand with SHA-256 (RFC 5869): the root is the PRK, 32 bytes are taken, and
//! the info is the text `navvy channel 1 <what>`, the 16 bytes of the KeysId and a counter byte,
//! which is 0 unless the result is not a scalar of secp256k1. The counter then goes up by one.
//!
//! The payment basepoint is one of 1000 on a hardened path, so that a peer's commitment pays to one
//! of 2000 scripts that follow from the seed alone (see [`crate::Recovery`]).

use crate::keys::Keys;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use transactions::{ChannelPublicKeys, KeysId};
use zeroize::Zeroizing;

/// The keys, as the peer sees them in `open_channel` or `accept_channel`, with their secrets.
pub(crate) struct ChannelKeys<'a> {
    keys: &'a Keys,
    keys_id: &'a KeysId,
}

impl<'a> ChannelKeys<'a> {
    pub(crate) const fn new(keys: &'a Keys, keys_id: &'a KeysId) -> Self {
        Self { keys, keys_id }
    }

    pub(crate) fn public(&self) -> ChannelPublicKeys {
        ChannelPublicKeys {
            funding_pubkey: point(&self.funding()),
            revocation_basepoint: point(&self.scalar("revocation")),
            payment_basepoint: point(&self.payment()),
            delayed_payment_basepoint: point(&self.delayed_payment()),
            htlc_basepoint: point(&self.scalar("htlc")),
        }
    }

    pub(crate) fn funding(&self) -> SecretKey {
        self.scalar("funding")
    }

    pub(crate) fn delayed_payment(&self) -> SecretKey {
        self.scalar("delayed payment")
    }

    pub(crate) fn payment(&self) -> SecretKey {
        self.keys.payment(payment_index(self.keys_id))
    }

    /// The seed of the per-commitment secrets (BOLT 3).
    pub(crate) fn commitment_seed(&self) -> Zeroizing<[u8; 32]> {
        self.bytes("commitments", 0)
    }

    fn scalar(&self, what: &str) -> SecretKey {
        let found = (0..=u8::MAX)
            .find_map(|counter| SecretKey::from_slice(self.bytes(what, counter).as_slice()).ok());
        // One in 2^127 is no scalar; 256 in a row are not.
        #[allow(clippy::expect_used)]
        found.expect("a scalar among 256 hashes")
    }

    fn bytes(&self, what: &str, counter: u8) -> Zeroizing<[u8; 32]> {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.keys.channels());
        engine.input(b"navvy channel 1 ");
        engine.input(what.as_bytes());
        engine.input(&self.keys_id.0);
        engine.input(&[counter]);
        // The number of the first and only block of HKDF-Expand.
        engine.input(&[1]);
        Zeroizing::new(Hmac::from_engine(engine).to_byte_array())
    }
}

/// Which of the payment basepoints a channel has: the first two bytes of its KeysId, modulo 1000.
pub(crate) fn payment_index(keys_id: &KeysId) -> u16 {
    let [high, low, ..] = keys_id.0;
    u16::from_be_bytes([high, low]) % PAYMENT_BASEPOINTS
}

fn point(secret: &SecretKey) -> PublicKey {
    secret.public_key(SECP256K1)
}

/// How many payment basepoints there are, shared by all channels.
pub(crate) const PAYMENT_BASEPOINTS: u16 = 1000;
