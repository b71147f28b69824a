//! Keys and their derivation (BOLT 3, Key Derivation).

use std::fmt;

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use secp256k1::{PublicKey, SECP256K1, Scalar, SecretKey};

/// The random name of a channel's keys: every key of the channel follows from the seed and this.
/// Not a secret by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeysId(pub [u8; 16]);

/// The public keys that one side gives in `open_channel` or `accept_channel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPublicKeys {
    /// Half of the 2-of-2 of the funding output; and the key of this side's anchors.
    pub funding_pubkey: PublicKey,
    /// Blinds the revocation key of the other side's commitments (see
    /// [`derive_revocation_public_key`]).
    pub revocation_basepoint: PublicKey,
    /// With static_remotekey: the key of `to_remote` itself, in the other side's commitments.
    pub payment_basepoint: PublicKey,
    /// Becomes the delayed key of `to_local` in this side's own commitments.
    pub delayed_payment_basepoint: PublicKey,
    /// Becomes this side's key in the HTLC outputs of both sides' commitments.
    pub htlc_basepoint: PublicKey,
}

impl fmt::Display for KeysId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeysId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeysId({self})")
    }
}

/// `localpubkey`, `local_htlcpubkey`, `local_delayedpubkey` ... from a basepoint. `None`: the peer
/// chose points that cancel out, which happens to nobody by chance.
// [BOLT 3 key_derivation G1] Basepoint plus SHA256(point || basepoint) times G.
pub fn derive_public_key(
    basepoint: &PublicKey,
    per_commitment_point: &PublicKey,
) -> Option<PublicKey> {
    basepoint.add_exp_tweak(SECP256K1, &hash_of(per_commitment_point, basepoint)?).ok()
}

/// The secret of [`derive_public_key`].
// [BOLT 3 key_derivation G7] The same sum over the secrets.
pub fn derive_secret_key(
    base_secret: &SecretKey,
    per_commitment_point: &PublicKey,
) -> Option<SecretKey> {
    let basepoint = base_secret.public_key(SECP256K1);
    base_secret.add_tweak(&hash_of(per_commitment_point, &basepoint)?).ok()
}

/// `revocationpubkey`: nobody has its secret before the commitment's owner reveals the
/// per-commitment secret to the owner of `revocation_basepoint`. `None` as in
/// [`derive_public_key`].
// [BOLT 3 revocationpubkey G3] Each point times the hash that begins with itself, added up.
pub fn derive_revocation_public_key(
    revocation_basepoint: &PublicKey,
    per_commitment_point: &PublicKey,
) -> Option<PublicKey> {
    let blinded_base = revocation_basepoint
        .mul_tweak(SECP256K1, &hash_of(revocation_basepoint, per_commitment_point)?)
        .ok()?;
    let blinded_point = per_commitment_point
        .mul_tweak(SECP256K1, &hash_of(per_commitment_point, revocation_basepoint)?)
        .ok()?;
    blinded_base.combine(&blinded_point).ok()
}

/// The secret of [`derive_revocation_public_key`].
// [BOLT 3 revocationpubkey G4] The same sum over the two secrets, once both are known.
pub fn derive_revocation_secret_key(
    base: &SecretKey,
    per_commitment_secret: &SecretKey,
) -> Option<SecretKey> {
    let basepoint = base.public_key(SECP256K1);
    let point = per_commitment_secret.public_key(SECP256K1);
    let blinded_base = base.mul_tweak(&hash_of(&basepoint, &point)?).ok()?;
    let blinded_secret = per_commitment_secret.mul_tweak(&hash_of(&point, &basepoint)?).ok()?;
    blinded_base.add_tweak(&Scalar::from(blinded_secret)).ok()
}

fn hash_of(first: &PublicKey, second: &PublicKey) -> Option<Scalar> {
    let mut engine = sha256::Hash::engine();
    engine.input(&first.serialize());
    engine.input(&second.serialize());
    Scalar::from_be_bytes(sha256::Hash::from_engine(engine).to_byte_array()).ok()
}
