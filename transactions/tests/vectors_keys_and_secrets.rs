//! BOLT 3, appendices D (per-commitment secrets) and E (key derivation).
#![cfg(test)]

use bitcoin::hex::FromHex as _;
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use serde_json::Value;
use transactions::{
    CommitmentNumber, InsertSecretError, RevealedSecrets, derive_public_key,
    derive_revocation_public_key, derive_revocation_secret_key, derive_secret_key,
    per_commitment_point, per_commitment_secret,
};

#[test]
fn appendix_d_generation() {
    let file = file(SHACHAIN);
    let vectors = list(&file["generate"]);
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let secret = per_commitment_secret(&bytes32(&vector["seed"]), number(vector));
        assert_eq!(secret, bytes32(&vector["output"]), "{}", vector["name"]);
    }
}

#[test]
fn appendix_d_storage() {
    let file = file(SHACHAIN);
    let cases = list(&file["store"]);
    let mut inserts = 0_usize;
    for case in cases {
        let mut secrets = RevealedSecrets::default();
        for insert in list(&case["inserts"]) {
            let (number, secret) = (number(insert), bytes32(&insert["secret"]));
            let before = secrets.clone();
            let result = secrets.insert(number, secret);
            if insert["ok"].as_bool().unwrap() {
                assert_eq!(result, Ok(()), "{}", case["name"]);
                assert_eq!(secrets.get(number), Some(secret));
            } else {
                assert_eq!(result, Err(InsertSecretError::WrongSecret), "{}", case["name"]);
                assert_eq!(secrets, before);
            }
            inserts = inserts.saturating_add(1);
        }
    }
    assert_eq!((cases.len(), inserts), (9, 56));
}

#[test]
fn appendix_e_key_derivation() {
    let file = file(KEYS);
    let (inputs, outputs) = (&file["inputs"], &file["outputs"]);
    let (secret, per_commitment) =
        (secret_key(&inputs["base_secret"]), secret_key(&inputs["per_commitment_secret"]));
    let (base, point) =
        (public_key(&inputs["base_point"]), public_key(&inputs["per_commitment_point"]));
    assert_eq!(secret.public_key(SECP256K1), base);
    assert_eq!(per_commitment_point(&per_commitment.secret_bytes()), Some(point));
    assert_eq!(derive_public_key(&base, &point), Some(public_key(&outputs["localpubkey"])));
    assert_eq!(derive_secret_key(&secret, &point), Some(secret_key(&outputs["localprivkey"])));
    assert_eq!(
        derive_revocation_public_key(&base, &point),
        Some(public_key(&outputs["revocationpubkey"]))
    );
    assert_eq!(
        derive_revocation_secret_key(&secret, &per_commitment),
        Some(secret_key(&outputs["revocationprivkey"]))
    );
}

/// The appendix counts indexes down from 2^48 - 1.
fn number(vector: &Value) -> CommitmentNumber {
    let index: u64 = vector["index"].as_str().unwrap().parse().unwrap();
    CommitmentNumber(0xffff_ffff_ffff_u64.checked_sub(index).unwrap())
}

fn file(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn bytes32(value: &Value) -> [u8; 32] {
    <[u8; 32]>::from_hex(value.as_str().unwrap()).unwrap()
}

fn public_key(value: &Value) -> PublicKey {
    value.as_str().unwrap().parse().unwrap()
}

fn secret_key(value: &Value) -> SecretKey {
    value.as_str().unwrap().parse().unwrap()
}

const SHACHAIN: &str = include_str!("../../tests/vectors/bolt3-shachain.json");
const KEYS: &str = include_str!("../../tests/vectors/bolt3-keys.json");
