//! The only place where randomness comes from.

use secp256k1::SecretKey;

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy(getrandom::Error);

/// Random bytes.
///
/// # Errors
/// When the system has none to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoEntropy)?;
    Ok(bytes)
}

/// A random number.
///
/// # Errors
/// When the system has none to give.
pub fn number() -> Result<u64, NoEntropy> {
    bytes().map(u64::from_le_bytes)
}

/// A random secret key.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn secret_key() -> Result<SecretKey, NoEntropy> {
    loop {
        // All but about one in 2^128 arrays are keys.
        if let Ok(key) = SecretKey::from_slice(&bytes::<32>()?) {
            return Ok(key);
        }
    }
}

/// The system's chance, for the node. A system without any ends the process: keys must never be guessable.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl node::Entropy for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the system gives no random bytes");
            std::process::abort();
        }
    }
}

impl std::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the system gives no random bytes: {}", self.0)
    }
}

impl std::error::Error for NoEntropy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_alike() {
        assert_ne!(bytes::<16>().unwrap(), bytes::<16>().unwrap());
        assert_ne!(number().unwrap(), number().unwrap());
        assert_ne!(secret_key().unwrap(), secret_key().unwrap());
    }
}
