//! Keys and their derivation (BOLT 3, Key Derivation).
use secp256k1::{PublicKey, SecretKey};

/// The random name of a channel's keys: every key of the channel follows from the seed and this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeysId(pub [u8; 16]);

/// The public keys that one side gives in `open_channel` or `accept_channel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelPublicKeys {
    /// Half of the 2-of-2 of the funding output.
    pub funding_pubkey: PublicKey,
    /// See BOLT 3.
    pub revocation_basepoint: PublicKey,
    /// With static_remotekey: the key of `to_remote` itself.
    pub payment_basepoint: PublicKey,
    /// See BOLT 3.
    pub delayed_payment_basepoint: PublicKey,
    /// See BOLT 3.
    pub htlc_basepoint: PublicKey,
}

/// `localpubkey`, `local_htlcpubkey`, `local_delayedpubkey` ... from a basepoint. `None`: the peer chose
/// points that cancel out.
pub fn derive_public_key(basepoint: &PublicKey, per_commitment_point: &PublicKey) -> Option<PublicKey> { let _ = (basepoint, per_commitment_point); todo!() }
/// The secret of [`derive_public_key`].
pub fn derive_secret_key(base_secret: &SecretKey, per_commitment_point: &PublicKey) -> Option<SecretKey> { let _ = (base_secret, per_commitment_point); todo!() }
/// `revocationpubkey`.
pub fn derive_revocation_public_key(revocation_basepoint: &PublicKey, per_commitment_point: &PublicKey) -> Option<PublicKey> { let _ = (revocation_basepoint, per_commitment_point); todo!() }
/// The secret of [`derive_revocation_public_key`].
pub fn derive_revocation_secret_key(base: &SecretKey, per_commitment_secret: &SecretKey) -> Option<SecretKey> { let _ = (base, per_commitment_secret); todo!() }
