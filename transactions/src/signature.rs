//! Signatures: what is signed, by which rule of determinism, and which signatures are refused.

use bitcoin::{
    Amount, EcdsaSighashType, Script, Transaction,
    hashes::{Hash as _, sha256},
    sighash::SighashCache,
};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey, ecdsa::Signature};

/// Whether S is in the lower half (BIP 146): BOLT 2 refuses all other signatures.
pub fn is_low_s(signature: &Signature) -> bool {
    let mut normalized = *signature;
    normalized.normalize_s();
    normalized == *signature
}

/// Whether `signature` by `key` signs `message`. One with a high S is refused although it would
/// satisfy the curve: no node relays it.
pub fn verify_signature(message: &Message, signature: &Signature, key: &PublicKey) -> bool {
    is_low_s(signature) && SECP256K1.verify_ecdsa(message, signature, key).is_ok()
}

/// Signs by RFC 6979 without further entropy, always with a low S; R is not ground to 32 bytes. The
/// vectors of BOLT 3 are signed in this way.
// [BOLT 3 test_vectors G1] Signatures are deterministic, RFC 6979 with HMAC-SHA256.
pub fn sign_message(message: &Message, key: &SecretKey) -> Signature {
    SECP256K1.sign_ecdsa(message, key)
}

/// The BIP 143 digest of one input. `script` is the witness script, or the output script itself of
/// a P2WPKH output. An input that does not exist has the digest of nothing, which no transaction
/// has: a signature over it is worthless, and none verifies by chance.
pub(crate) fn segwit_message(
    transaction: &Transaction,
    index: usize,
    script: &Script,
    amount: Amount,
    sighash_type: EcdsaSighashType,
) -> Message {
    let mut cache = SighashCache::new(transaction);
    let digest = if script.is_p2wpkh() {
        cache.p2wpkh_signature_hash(index, script, amount, sighash_type).ok()
    } else {
        cache.p2wsh_signature_hash(index, script, amount, sighash_type).ok()
    };
    digest.map_or_else(
        || Message::from_digest(sha256::Hash::hash(&[]).to_byte_array()),
        |sighash| Message::from_digest(sighash.to_byte_array()),
    )
}

/// A signature as it stands in a witness: DER and the byte of the sighash type.
pub(crate) fn witness_signature(signature: &Signature, sighash_type: EcdsaSighashType) -> Vec<u8> {
    bitcoin::ecdsa::Signature { signature: *signature, sighash_type }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_high_s_is_refused_though_the_curve_is_satisfied() {
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        let public = key.public_key(SECP256K1);
        let message = Message::from_digest([2; 32]);
        let low = sign_message(&message, &key);
        assert!(is_low_s(&low));
        assert!(verify_signature(&message, &low, &public));

        let mut compact = low.serialize_compact();
        let s = SecretKey::from_slice(&compact[32..]).unwrap();
        compact[32..].copy_from_slice(&s.negate().secret_bytes());
        let high = Signature::from_compact(&compact).unwrap();
        assert!(!is_low_s(&high));
        assert!(!verify_signature(&message, &high, &public));
        let mut normalized = high;
        normalized.normalize_s();
        assert_eq!(normalized, low);
    }

    #[test]
    fn an_input_that_does_not_exist_is_signed_worthlessly() {
        let transaction = Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: Vec::new(),
            output: Vec::new(),
        };
        let all = EcdsaSighashType::All;
        let message = segwit_message(&transaction, 0, Script::new(), Amount::ZERO, all);
        assert_eq!(message[..], sha256::Hash::hash(&[]).to_byte_array());
    }
}
