//! Who signs for a channel. Only the wallet knows the secrets.
use crate::{ChannelPublicKeys, CommitmentNumber, FundingOutput, KeysId};
use bitcoin::Transaction;
use secp256k1::{PublicKey, ecdsa::Signature};

/// Signs for channels. Deterministic (RFC 6979): the same question always has the same answer.
pub trait Signer {
    /// The public keys.
    fn public_keys(&self, keys_id: &KeysId) -> ChannelPublicKeys;
    /// The point of one of our commitments.
    fn per_commitment_point(&self, keys_id: &KeysId, number: CommitmentNumber) -> PublicKey;
    /// The secret of one of our commitments: whoever has it can punish that commitment's broadcast. Used to
    /// check what a peer claims to know (`peer_ahead`), never sent as long as #0 is current.
    fn per_commitment_secret(&self, keys_id: &KeysId, number: CommitmentNumber) -> [u8; 32];
    /// Signs input 0 of a commitment or closing transaction, which spends the funding output.
    fn sign_funding_spend(
        &self,
        keys_id: &KeysId,
        funding: &FundingOutput,
        transaction: &Transaction,
    ) -> Signature;
    /// Signs an input that spends an output of a commitment ([`crate::sweep_sighash`] says what is signed).
    fn sign_sweep(
        &self,
        keys_id: &KeysId,
        key: SweepKey,
        sighash: &secp256k1::Message,
    ) -> Signature;
    /// The signature under a `channel_announcement` (BOLT 7) by the funding key, over the double SHA-256 given.
    fn sign_announcement(&self, keys_id: &KeysId, digest: &[u8; 32]) -> Signature;
    /// The same by the node key.
    fn sign_announcement_node(&self, digest: &[u8; 32]) -> Signature;
    /// Our node id.
    fn node_id(&self) -> PublicKey;
}

/// Which of a channel's keys spends an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepKey {
    /// `to_local` of our commitment: the delayed payment key for this point.
    ToLocal {
        /// Our point of that commitment.
        per_commitment_point: PublicKey,
    },
    /// `to_remote` of the peer's commitment: the payment basepoint.
    ToRemote,
    /// Our anchor in either commitment: the funding key.
    Anchor,
}
