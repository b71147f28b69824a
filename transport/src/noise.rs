//! The four primitives of `Noise_XK_secp256k1_ChaChaPoly_SHA256` for snow, none of which it has
//! in this combination. Nothing here draws a random number, and no secret of the node passes
//! through snow's own buffers as bytes: the resolver hands out keys that are already in place.

use std::sync::{Arc, OnceLock};

use secp256k1::{PublicKey, SecretKey, ecdh::SharedSecret};
use sha2::{Digest, Sha256};
use snow::{
    Error,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::CryptoResolver,
    types::{Cipher, Dh, Hash, Random},
};
use zeroize::Zeroizing;

use crate::{
    NodeKey,
    cipher::{self, Secret, TAG_LENGTH},
};

/// What the end of the handshake leaves: the chaining key, and the key of each direction.
pub(crate) struct Split {
    pub(crate) chaining_key: Secret,
    pub(crate) initiator_key: Secret,
    pub(crate) responder_key: Secret,
}

/// Where the [`Split`] arrives. snow keeps the chaining key to itself, BOLT 8 needs it to rotate
/// keys: so it is taken where snow derives the last two keys from it.
pub(crate) type Tap = Arc<OnceLock<Split>>;

/// Gives snow its primitives, for one handshake.
pub(crate) struct Resolver {
    static_key: NodeKey,
    ephemeral: Secret,
    tap: Tap,
}

impl Resolver {
    pub(crate) fn new(static_key: NodeKey, ephemeral: Secret, tap: Tap) -> Self {
        Resolver { static_key, ephemeral, tap }
    }
}

// [BOLT 8 security G1] nothing is invented here: snow orders the handshake, RustCrypto and
// libsecp256k1 compute
impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(NoRandom))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(Secp256k1 {
            public_key: self.static_key.public_key().serialize(),
            key: self.static_key.duplicate(),
            ephemeral: self.ephemeral.clone(),
        }))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::new(Sha { state: Sha256::new(), tap: Arc::clone(&self.tap) }))
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(ChaChaPoly { key: Zeroizing::new([0; 32]) }))
    }
}

/// The curve. An instance starts with the node's key and changes to the ephemeral key when snow
/// asks it to generate one, which is how the two that snow resolves come to differ.
struct Secp256k1 {
    public_key: [u8; PUBLIC_KEY_LENGTH],
    key: NodeKey,
    ephemeral: Secret,
}

impl Dh for Secp256k1 {
    fn name(&self) -> &'static str {
        "secp256k1"
    }

    fn pub_len(&self) -> usize {
        PUBLIC_KEY_LENGTH
    }

    fn priv_len(&self) -> usize {
        32
    }

    /// The default is the length of a public key, one byte more than an ECDH gives here.
    fn dh_len(&self) -> usize {
        32
    }

    /// The key is in place already.
    fn set(&mut self, _: &[u8]) {}

    /// Not earlier: to make a public key costs more than to refuse most acts.
    fn generate(&mut self, _: &mut dyn Random) -> Result<(), Error> {
        let secret = SecretKey::from_slice(&*self.ephemeral).map_err(|_| Error::Rng)?;
        self.key = NodeKey::new(secret);
        self.public_key = self.key.public_key().serialize();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public_key
    }

    /// snow asks for it only where it makes key pairs for others.
    fn privkey(&self) -> &[u8] {
        &[]
    }

    /// `public_key` is a buffer of snow's, longer than a key.
    fn dh(&self, public_key: &[u8], output: &mut [u8]) -> Result<(), Error> {
        let bytes = public_key.first_chunk::<PUBLIC_KEY_LENGTH>().ok_or(Error::Dh)?;
        let point = PublicKey::from_slice(bytes).map_err(|_| Error::Dh)?;
        let output = output.first_chunk_mut().ok_or(Error::Dh)?;
        // [BOLT 8 handshake_state G2] an ECDH is hashed: SHA-256 of the compressed point
        let mut secret = SharedSecret::new(&point, self.key.secret());
        *output = secret.secret_bytes();
        secret.non_secure_erase();
        Ok(())
    }
}

/// SHA-256, and the place where the last derivation is overheard.
struct Sha {
    state: Sha256,
    tap: Tap,
}

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.state.reset();
    }

    fn input(&mut self, data: &[u8]) {
        self.state.update(data);
    }

    fn result(&mut self, output: &mut [u8]) {
        let digest = self.state.finalize_reset();
        if let Some(output) = output.first_chunk_mut() {
            *output = digest.into();
        }
    }

    /// Always asked for two outputs: the third is for patterns with a pre-shared key. Every
    /// derivation of XK mixes in an ECDH except the last, at the end of act three, after all tags
    /// were checked: that one has no input, and its salt is the chaining key that BOLT 8 rotates.
    fn hkdf(
        &mut self,
        chaining_key: &[u8],
        input: &[u8],
        _outputs: usize,
        first: &mut [u8],
        second: &mut [u8],
        _third: &mut [u8],
    ) {
        let (one, two) = cipher::derive(chaining_key, input);
        if let (Some(first), Some(second)) = (first.first_chunk_mut(), second.first_chunk_mut()) {
            *first = *one;
            *second = *two;
        }
        if let (true, Ok(chaining_key)) = (input.is_empty(), chaining_key.try_into()) {
            self.tap.get_or_init(|| Split {
                chaining_key: Zeroizing::new(chaining_key),
                initiator_key: one,
                responder_key: two,
            });
        }
    }
}

/// The AEAD, with a key that is erased.
struct ChaChaPoly {
    key: Secret,
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        *self.key = *key;
    }

    /// A failure, which 33 bytes cannot cause, gives length 0, and thereby an act of a wrong size,
    /// which is not sent.
    fn encrypt(&self, nonce: u64, data: &[u8], plaintext: &[u8], output: &mut [u8]) -> usize {
        let Some((text, rest)) = output.split_at_mut_checked(plaintext.len()) else { return 0 };
        let Some(tag) = rest.first_chunk_mut::<TAG_LENGTH>() else { return 0 };
        text.copy_from_slice(plaintext);
        let Ok(sealed) = cipher::seal(&self.key, nonce, data, text) else { return 0 };
        *tag = sealed;
        text.len().saturating_add(TAG_LENGTH)
    }

    fn decrypt(
        &self,
        nonce: u64,
        data: &[u8],
        ciphertext: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Error> {
        let (text, tag) = ciphertext.split_last_chunk().ok_or(Error::Decrypt)?;
        let output = output.get_mut(..text.len()).ok_or(Error::Decrypt)?;
        output.copy_from_slice(text);
        cipher::open(&self.key, nonce, data, output, tag).map_err(|_| Error::Decrypt)?;
        Ok(output.len())
    }
}

/// Entropy is an argument of this crate: snow finds none.
struct NoRandom;

impl Random for NoRandom {
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::Rng)
    }
}

/// Bytes of a compressed point.
const PUBLIC_KEY_LENGTH: usize = 33;
