//! The keys, against values that were derived apart from this code.

use super::World;
use crate::{BlockId, Seed, Wallet};
use bitcoin::Network;
use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use secp256k1::{Message, SECP256K1, SecretKey};
use transactions::{
    CommitmentNumber, FundingOutput, KeysId, Signer, SweepKey, derive_public_key, funding_script,
};

fn keys_id() -> KeysId {
    KeysId(std::array::from_fn(|index| 0xf0 + index as u8))
}

/// `tests/golden/keys.txt` holds, for 32 bytes of 7 as entropy and the KeysId f0f1..ff, what a program
/// independent of this one computed. One line is a name and a value.
#[test]
fn every_key_is_the_golden_one() {
    let golden = include_str!("../../tests/golden/keys.txt");
    let mut seen = String::new();
    for (name, network) in [("mainnet", Network::Bitcoin), ("regtest", Network::Regtest)] {
        let genesis = bitcoin::constants::genesis_block(network).block_hash();
        let birthday = BlockId { height: 0, hash: genesis };
        let mut wallet = Wallet::new(&Seed::from_entropy([7; 32]), network, birthday);
        let keys = wallet.public_keys(&keys_id());
        let point = |number| wallet.per_commitment_point(&keys_id(), CommitmentNumber(number));
        let secret = wallet.per_commitment_secret(&keys_id(), CommitmentNumber(0));
        for (what, value) in [
            ("node_id", wallet.node_id().to_string()),
            ("funding_pubkey", keys.funding_pubkey.to_string()),
            ("revocation_basepoint", keys.revocation_basepoint.to_string()),
            ("payment_basepoint", keys.payment_basepoint.to_string()),
            ("delayed_payment_basepoint", keys.delayed_payment_basepoint.to_string()),
            ("htlc_basepoint", keys.htlc_basepoint.to_string()),
            ("per_commitment_secret_0", secret.to_lower_hex_string()),
            ("per_commitment_point_0", point(0).to_string()),
            ("per_commitment_point_1", point(1).to_string()),
        ] {
            seen.push_str(&format!("{name} {what} {value}\n"));
        }
        let script = transactions::Funds::fresh_script(&mut wallet);
        seen.push_str(&format!("{name} change_0 {script:x}\n"));
        let script = wallet.fresh_address().script_pubkey();
        seen.push_str(&format!("{name} receiving_0 {script:x}\n"));
    }
    assert_eq!(seen, golden);
}

#[test]
fn channels_do_not_share_keys() {
    let world = World::new();
    let one = world.wallet.public_keys(&keys_id());
    let mut other = keys_id();
    other.0[15] ^= 1;
    let other = world.wallet.public_keys(&other);
    assert_ne!(one.funding_pubkey, other.funding_pubkey);
    assert_ne!(one.revocation_basepoint, other.revocation_basepoint);
    assert_ne!(one.delayed_payment_basepoint, other.delayed_payment_basepoint);
    assert_ne!(one.htlc_basepoint, other.htlc_basepoint);
    // All but this one, whose index is in the first two bytes.
    assert_eq!(one.payment_basepoint, other.payment_basepoint);
}

#[test]
fn signatures_fit_the_public_keys() {
    let world = World::new();
    let wallet = &world.wallet;
    let keys = wallet.public_keys(&keys_id());
    let message = Message::from_digest([3; 32]);
    let check = |signature, key| SECP256K1.verify_ecdsa(&message, &signature, &key).unwrap();
    check(wallet.sign_announcement(&keys_id(), &[3; 32]), keys.funding_pubkey);
    check(wallet.sign_announcement_node(&[3; 32]), wallet.node_id());
    assert_eq!(wallet.node_secret().public_key(SECP256K1), wallet.node_id());
    let sweep = |key| wallet.sign_sweep(&keys_id(), key, &message);
    check(sweep(SweepKey::Anchor), keys.funding_pubkey);
    check(sweep(SweepKey::ToRemote), keys.payment_basepoint);
    let per_commitment_point = wallet.per_commitment_point(&keys_id(), CommitmentNumber(0));
    let delayed = derive_public_key(&keys.delayed_payment_basepoint, &per_commitment_point);
    check(sweep(SweepKey::ToLocal { per_commitment_point }), delayed.unwrap());
}

#[test]
fn the_funding_output_is_spent_with_the_funding_key() {
    let mut world = World::new();
    let keys = world.wallet.public_keys(&keys_id());
    let peer = SecretKey::from_slice(&[1; 32]).unwrap().public_key(SECP256K1);
    let witness_script = funding_script(&keys.funding_pubkey, &peer);
    let mut transaction = world.foreign(bitcoin::ScriptBuf::new(), 90_000);
    let outpoint = transaction.input[0].previous_output;
    let amount = bitcoin::Amount::from_sat(100_000);
    let funding = FundingOutput { outpoint, amount, witness_script };
    let signature = world.wallet.sign_funding_spend(&keys_id(), &funding, &transaction);
    let sighash = bitcoin::sighash::SighashCache::new(&transaction)
        .p2wsh_signature_hash(0, &funding.witness_script, amount, bitcoin::EcdsaSighashType::All)
        .unwrap();
    let message = Message::from_digest(sighash.to_byte_array());
    SECP256K1.verify_ecdsa(&message, &signature, &keys.funding_pubkey).unwrap();
    let again = world.wallet.sign_funding_spend(&keys_id(), &funding, &transaction);
    assert_eq!(signature, again);
    // No panic for nonsense.
    transaction.input.clear();
    world.wallet.sign_funding_spend(&keys_id(), &funding, &transaction);
}
