//! Signatures for channels.

use crate::channel_keys::ChannelKeys;
use crate::wallet::Wallet;
use bitcoin::hashes::Hash;
use bitcoin::{EcdsaSighashType, Transaction, sighash::SighashCache};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey, ecdsa::Signature};
use transactions::{ChannelPublicKeys, CommitmentNumber, FundingOutput, KeysId, Signer, SweepKey};

impl Signer for Wallet {
    fn public_keys(&self, keys_id: &KeysId) -> ChannelPublicKeys {
        self.channel(keys_id).public()
    }

    fn per_commitment_point(&self, keys_id: &KeysId, number: CommitmentNumber) -> PublicKey {
        let secret = self.per_commitment_secret(keys_id, number);
        // BOLT 3 takes the hash as a scalar as it is; one in 2^127 is none.
        #[allow(clippy::expect_used)]
        let secret = SecretKey::from_slice(&secret).expect("a hash that is a scalar");
        secret.public_key(SECP256K1)
    }

    fn per_commitment_secret(&self, keys_id: &KeysId, number: CommitmentNumber) -> [u8; 32] {
        // [BOLT 3 per_commitment_secret G1] of our seed and 16 random bytes of the channel
        let seed = self.channel(keys_id).commitment_seed();
        transactions::per_commitment_secret(&seed, number)
    }

    fn sign_funding_spend(
        &self,
        keys_id: &KeysId,
        funding: &FundingOutput,
        transaction: &Transaction,
    ) -> Signature {
        let digest = SighashCache::new(transaction).p2wsh_signature_hash(
            0,
            &funding.witness_script,
            funding.amount,
            EcdsaSighashType::All,
        );
        // A transaction without inputs has no digest; its signature is worth nothing anyway.
        let digest = digest.map_or([0; 32], |digest| digest.to_byte_array());
        sign(&self.channel(keys_id).funding(), &Message::from_digest(digest))
    }

    fn sign_sweep(&self, keys_id: &KeysId, key: SweepKey, sighash: &Message) -> Signature {
        let channel = self.channel(keys_id);
        let secret = match key {
            SweepKey::ToLocal { per_commitment_point } => {
                let base = channel.delayed_payment();
                // Fails for a point that cancels the key out, which is none of ours.
                transactions::derive_secret_key(&base, &per_commitment_point).unwrap_or(base)
            }
            SweepKey::ToRemote => channel.payment(),
            SweepKey::Anchor => channel.funding(),
        };
        sign(&secret, sighash)
    }

    fn sign_announcement(&self, keys_id: &KeysId, digest: &[u8; 32]) -> Signature {
        sign(&self.channel(keys_id).funding(), &Message::from_digest(*digest))
    }

    fn sign_announcement_node(&self, digest: &[u8; 32]) -> Signature {
        sign(self.keys().node(), &Message::from_digest(*digest))
    }

    fn node_id(&self) -> PublicKey {
        self.keys().node().public_key(SECP256K1)
    }
}

impl Wallet {
    fn channel<'a>(&'a self, keys_id: &'a KeysId) -> ChannelKeys<'a> {
        ChannelKeys::new(self.keys(), keys_id)
    }
}

/// Deterministic (RFC 6979), with the lower of the two S, which libsecp256k1 always gives.
pub(crate) fn sign(secret: &SecretKey, message: &Message) -> Signature {
    SECP256K1.sign_ecdsa(message, secret)
}
