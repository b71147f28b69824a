//! One direction of a session: a key that counts its uses and replaces itself.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Error, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 bytes that are overwritten when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Seals or opens the packets of one direction. The nonce is private to this file: nobody can
/// use one twice or skip one.
pub(crate) struct Cipher {
    key: Secret,
    chaining_key: Secret,
    nonce: u64,
}

impl Cipher {
    // [BOLT 8 rotation G1] each direction starts from nonce 0 and from the handshake's last
    // chaining key, and goes its own way from there
    pub(crate) fn new(key: &[u8; 32], chaining_key: &[u8; 32]) -> Self {
        Cipher { key: Zeroizing::new(*key), chaining_key: Zeroizing::new(*chaining_key), nonce: 0 }
    }

    /// Encrypts a plaintext in place and writes the tag into the 16 bytes after it. `packet` is
    /// both together.
    pub(crate) fn seal(&mut self, packet: &mut [u8]) -> Result<(), Error> {
        let (text, tag) = packet.split_last_chunk_mut::<TAG_LENGTH>().ok_or(Error)?;
        // [BOLT 8 sending S3] length and message alike are sealed without associated data
        *tag = seal(&self.key, self.nonce, &[], text)?;
        // [BOLT 8 sending S2] [BOLT 8 sending S5] every use of the key takes a nonce of its own
        self.advance();
        Ok(())
    }

    /// Decrypts a ciphertext in place; `packet` includes its tag, which stays behind it. After an
    /// error the packet is untouched, and so is the nonce: the caller must not go on.
    pub(crate) fn open(&mut self, packet: &mut [u8]) -> Result<(), Error> {
        let (text, tag) = packet.split_last_chunk_mut::<TAG_LENGTH>().ok_or(Error)?;
        open(&self.key, self.nonce, &[], text, tag)?;
        // [BOLT 8 receiving R3] [BOLT 8 receiving R5] every use of the key takes a nonce of its own
        self.advance();
        Ok(())
    }

    /// Rotates as soon as the last use is over, so that an idle connection holds no key that has
    /// already done its work.
    fn advance(&mut self) {
        self.nonce = self.nonce.saturating_add(1);
        // [BOLT 8 rotation G2] a key serves 1000 times, which is 500 messages
        if self.nonce >= USES_OF_A_KEY {
            // [BOLT 8 rotation G3] chaining key and key give the next of both, nonces start over
            (self.chaining_key, self.key) = derive(&*self.chaining_key, &*self.key);
            self.nonce = 0;
        }
    }
}

/// HKDF-SHA256 (RFC 5869) without info: the first two blocks, which is also what the Noise
/// framework calls HKDF with two outputs.
#[expect(clippy::expect_used, reason = "64 bytes are far below the 8160 that HKDF-SHA256 can give")]
pub(crate) fn derive(salt: &[u8], input: &[u8]) -> (Secret, Secret) {
    // [BOLT 8 handshake_state G3] 64 bytes, no info
    let mut output = Zeroizing::new([[0; 32]; 2]);
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(&[], output.as_flattened_mut())
        .expect("64 bytes are a valid length");
    let [first, second] = *output;
    (Zeroizing::new(first), Zeroizing::new(second))
}

/// ChaCha20-Poly1305 in place; gives the tag. Fails only beyond 256 GiB.
pub(crate) fn seal(
    key: &[u8; 32],
    nonce: u64,
    associated_data: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_LENGTH], Error> {
    // [BOLT 8 noise G1] the AEAD is RFC 8439's: the implementation is RustCrypto's
    let aead = ChaCha20Poly1305::new(key.into());
    let tag =
        aead.encrypt_inout_detached((&encode_nonce(nonce)).into(), associated_data, text.into())?;
    Ok(tag.into())
}

/// The reverse of [`seal`]; checks the tag before it changes `text`.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: u64,
    associated_data: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LENGTH],
) -> Result<(), Error> {
    let aead = ChaCha20Poly1305::new(key.into());
    aead.decrypt_inout_detached(
        (&encode_nonce(nonce)).into(),
        associated_data,
        text.into(),
        tag.into(),
    )
}

/// The twelve bytes that the AEAD takes for a counter.
fn encode_nonce(nonce: u64) -> [u8; 12] {
    // [BOLT 8 handshake_state G4] four zero bytes, then the counter, little-endian for once
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&nonce.to_le_bytes());
    bytes
}

pub(crate) const TAG_LENGTH: usize = 16;

/// How often one key encrypts or decrypts. Even, and a packet takes two uses: a key never
/// changes between a length and its message.
const USES_OF_A_KEY: u64 = 1000;
