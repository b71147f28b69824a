//! Signatures.
use secp256k1::ecdsa::Signature;

/// Whether S is in the lower half (BIP 146): BOLT 2 refuses all other signatures.
pub fn is_low_s(signature: &Signature) -> bool { let _ = signature; todo!() }
