//! The keys of one commitment.

use secp256k1::PublicKey;

use crate::{CommitmentTerms, derive_public_key, derive_revocation_public_key};

/// The public keys in the outputs of one commitment, derived from the terms and its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitmentKeys {
    /// `revocationpubkey`: whoever punishes the commitment's broadcast.
    pub revocation_pubkey: PublicKey,
    /// `local_delayedpubkey`: the owner's, in `to_local` and in the outputs of HTLC transactions.
    pub owner_delayed_pubkey: PublicKey,
    /// `local_htlcpubkey`: the owner's, in HTLC outputs.
    pub owner_htlc_pubkey: PublicKey,
    /// `remote_htlcpubkey`: the other side's, in HTLC outputs.
    pub other_htlc_pubkey: PublicKey,
    /// `remotepubkey`: the other side's, in `to_remote`.
    pub other_payment_pubkey: PublicKey,
}

impl CommitmentKeys {
    /// Derives them. `None`: the points cancel out, which happens to nobody by chance.
    pub fn derive(terms: &CommitmentTerms, per_commitment_point: &PublicKey) -> Option<Self> {
        let (owner, other) = (&terms.owner, &terms.other);
        Some(Self {
            // [BOLT 3 revocationpubkey G1] Of the other side's basepoint and the owner's point.
            revocation_pubkey: derive_revocation_public_key(
                &other.revocation_basepoint,
                per_commitment_point,
            )?,
            // [BOLT 3 key_derivation G5] From the owner's delayed basepoint, be it ours
            // [BOLT 3 key_derivation G6] or the peer's.
            owner_delayed_pubkey: derive_public_key(
                &owner.delayed_payment_basepoint,
                per_commitment_point,
            )?,
            // [BOLT 3 key_derivation G3] From the owner's HTLC basepoint.
            owner_htlc_pubkey: derive_public_key(&owner.htlc_basepoint, per_commitment_point)?,
            // [BOLT 3 key_derivation G4] From the other side's, with the owner's point.
            other_htlc_pubkey: derive_public_key(&other.htlc_basepoint, per_commitment_point)?,
            // [BOLT 3 remotepubkey G1] The payment basepoint itself, the same in every commitment.
            other_payment_pubkey: other.payment_basepoint,
        })
    }
}
