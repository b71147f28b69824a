//! Who signs for a channel. Only the wallet knows the secrets.

use bitcoin::Transaction;
use secp256k1::{Message, PublicKey, ecdsa::Signature};

use crate::{ChannelPublicKeys, CommitmentNumber, FundingOutput, KeysId};

/// Signs for channels.
///
/// An implementation is a pure function of its seed. Everything here is deterministic (signatures
/// by RFC 6979, always low S): the same question has the same answer, before and after a restart,
/// on this machine or on one restored from the seed. Nothing fails: every [`KeysId`] has keys, and
/// whether something *should* be signed is for the caller to know.
///
/// What must hold between the answers:
/// - `per_commitment_point` is the point of `per_commitment_secret`.
/// - `sign_funding_spend` verifies with `public_keys(..).funding_pubkey`, `sign_sweep` with the key
///   that [`SweepKey`] says, `sign_announcement` with the funding key, `sign_announcement_node`
///   with `node_id`.
/// - Two [`KeysId`]s share no key and no secret, but perhaps the payment basepoint, which is one of
///   few, so that a seed alone finds its coins.
pub trait Signer {
    /// The public keys that go into `open_channel` or `accept_channel`.
    fn public_keys(&self, keys_id: &KeysId) -> ChannelPublicKeys;

    /// The point of one of our commitments. Harmless to reveal.
    fn per_commitment_point(&self, keys_id: &KeysId, number: CommitmentNumber) -> PublicKey;

    /// The secret of one of our commitments: whoever has it can punish that commitment's broadcast.
    /// Used to check what a peer claims to know (`peer_ahead`), never sent as long as #0 is
    /// current.
    fn per_commitment_secret(&self, keys_id: &KeysId, number: CommitmentNumber) -> [u8; 32];

    /// Signs input 0 of a commitment or closing transaction, which spends the funding output: the
    /// digest is [`FundingOutput::sighash`] (SIGHASH_ALL), the key our funding key. The caller may
    /// ask for a signature of *our* commitment only when it is about to broadcast it.
    fn sign_funding_spend(
        &self,
        keys_id: &KeysId,
        funding: &FundingOutput,
        transaction: &Transaction,
    ) -> Signature;

    /// Signs an input that spends an output of a commitment ([`crate::sweep_sighash`] says what is
    /// signed; SIGHASH_ALL) with the key that `key` names.
    fn sign_sweep(&self, keys_id: &KeysId, key: SweepKey, sighash: &Message) -> Signature;

    /// The signature under a `channel_announcement` (BOLT 7) by the funding key, over the double
    /// SHA-256 given.
    fn sign_announcement(&self, keys_id: &KeysId, digest: &[u8; 32]) -> Signature;

    /// The same by the node key.
    fn sign_announcement_node(&self, digest: &[u8; 32]) -> Signature;

    /// Our node id: the public key of the node key.
    fn node_id(&self) -> PublicKey;
}

/// Which of a channel's keys spends an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepKey {
    /// `to_local` of our commitment: the delayed payment key for this point
    /// ([`crate::derive_secret_key`] of the delayed payment basepoint's secret).
    ToLocal {
        /// Our point of that commitment.
        per_commitment_point: PublicKey,
    },
    /// `to_remote` of the peer's commitment: the payment basepoint itself.
    ToRemote,
    /// Our anchor in either commitment: the funding key.
    Anchor,
}
