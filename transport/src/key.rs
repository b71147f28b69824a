//! The key that a node is known by.

use secp256k1::{PublicKey, SecretKey};

/// A secret key with its public key, computed once. It cannot be printed or copied, and its
/// memory is overwritten when it is dropped.
pub struct NodeKey {
    secret: SecretKey,
    public_key: PublicKey,
}

impl NodeKey {
    /// Takes over a secret key. `SecretKey` is `Copy`: what the caller keeps is the caller's to
    /// erase.
    #[must_use]
    pub fn new(secret: SecretKey) -> Self {
        let public_key = PublicKey::from_secret_key_global(&secret);
        NodeKey { secret, public_key }
    }

    /// The node id.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// Copies on purpose, for one handshake: why there is no `Clone`.
    pub(crate) fn duplicate(&self) -> Self {
        NodeKey { secret: self.secret, public_key: self.public_key }
    }
}

impl From<SecretKey> for NodeKey {
    fn from(secret: SecretKey) -> Self {
        NodeKey::new(secret)
    }
}

impl Drop for NodeKey {
    fn drop(&mut self) {
        self.secret.non_secure_erase();
    }
}
