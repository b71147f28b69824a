//! The database is lost, the seed is not.

use super::{World, seed};
use crate::{Keychain, Recovery, Wallet};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Txid};
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use std::collections::BTreeSet;
use transactions::{
    ChannelPublicKeys, Commitment, CommitmentFormat, CommitmentNumber, CommitmentOutput,
    CommitmentState, CommitmentTerms, FeeratePerKw, FundingOutput, KeysId, MilliSatoshi, Signer,
    funding_script, sweep_sighash,
};

fn peer_keys() -> ChannelPublicKeys {
    let key = |byte| SecretKey::from_slice(&[byte; 32]).unwrap().public_key(SECP256K1);
    ChannelPublicKeys {
        funding_pubkey: key(1),
        revocation_basepoint: key(2),
        payment_basepoint: key(3),
        delayed_payment_basepoint: key(4),
        htlc_basepoint: key(5),
    }
}

/// The commitment that the peer publishes when it is asked to close.
fn their_commitment(wallet: &Wallet, keys_id: &KeysId, format: CommitmentFormat) -> Commitment {
    let ours = wallet.public_keys(keys_id);
    let theirs = peer_keys();
    let funding = FundingOutput {
        outpoint: OutPoint { txid: Txid::from_byte_array([0xf0; 32]), vout: 1 },
        amount: Amount::from_sat(1_000_000),
        witness_script: funding_script(&ours.funding_pubkey, &theirs.funding_pubkey),
    };
    let terms = CommitmentTerms {
        format,
        funding,
        owner_is_opener: false,
        owner: theirs,
        other: ours,
        dust_limit: Amount::from_sat(354),
        to_self_delay: 144,
    };
    let state = CommitmentState {
        number: CommitmentNumber(0),
        per_commitment_point: SecretKey::from_slice(&[9; 32]).unwrap().public_key(SECP256K1),
        feerate: FeeratePerKw(1_000),
        to_owner: MilliSatoshi(200_000_000),
        to_other: MilliSatoshi(800_000_000),
        htlcs: Vec::new(),
    };
    Commitment::build(&terms, &state).unwrap()
}

#[test]
fn the_seed_alone_finds_what_a_peer_pays_us() {
    let world = World::new();
    for (format, csv) in [(CommitmentFormat::StaticRemotekey, 0), (CommitmentFormat::Anchors, 1)] {
        // The index is 0xffff % 1000.
        let keys_id = KeysId([0xff; 16]);
        let commitment = their_commitment(&world.wallet, &keys_id, format);
        let vout = commitment.output_index(CommitmentOutput::ToRemote).unwrap();
        let recovery = Recovery::new(&seed(), Network::Regtest);
        assert_eq!(recovery.scripts().count(), 2_000);
        let found = recovery.find(std::slice::from_ref(&commitment.transaction));
        assert_eq!(found.len(), 1);
        let txid = commitment.transaction.compute_txid();
        assert_eq!(found[0].index, 535);
        assert_eq!(found[0].input.outpoint, OutPoint { txid, vout });
        assert_eq!(found[0].input.csv, csv);
        let to = ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::all_zeros());
        let sweep = recovery.sweep(&found, &to, FeeratePerKw(500), 100).unwrap();
        let sighash = sweep_sighash(&sweep, 0, &found[0].input);
        let signature = bitcoin::ecdsa::Signature::from_slice(&sweep.input[0].witness[0]).unwrap();
        SECP256K1.verify_ecdsa(&sighash, &signature.signature, &found[0].key).unwrap();
        assert_eq!(found[0].key, world.wallet.public_keys(&keys_id).payment_basepoint);
        let by_channel =
            world.wallet.sign_sweep(&keys_id, transactions::SweepKey::ToRemote, &sighash);
        assert_eq!(by_channel, recovery.sign(535, &sighash));
    }
}

#[test]
fn strangers_are_not_found() {
    let mut world = World::new();
    let other = PublicKey::from_secret_key(SECP256K1, &SecretKey::from_slice(&[3; 32]).unwrap());
    let script = transactions::to_remote_anchors_script(&other).to_p2wsh();
    let transaction = world.foreign(script, 5_000);
    let recovery = Recovery::new(&seed(), Network::Regtest);
    assert!(recovery.find(&[transaction]).is_empty());
}

#[test]
fn coins_are_found_by_following_the_chain_again() {
    let mut world = World::new();
    world.give(100_000);
    // 150 addresses that nobody paid to, then one that somebody did.
    for _ in 0..150 {
        world.wallet.fresh_address();
    }
    world.give(50_000);
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    let amount = Amount::from_sat(110_000);
    let nothing = BTreeSet::new();
    // An open that is tried again and again leaves one change address behind.
    let mut paid = None;
    for _ in 0..500 {
        let rate = FeeratePerKw(500);
        paid = Some(world.wallet.send(script.clone(), amount, rate, amount, &nothing).unwrap());
    }
    world.mine(&[paid.unwrap().transaction]);
    let genesis = world.chain[0].block_hash();
    let birthday = crate::BlockId { height: 0, hash: genesis };
    let mut again = Wallet::new(&seed(), Network::Regtest, birthday);
    for (height, block) in (1..).zip(&world.chain[1..]) {
        again.apply_block(height, block).unwrap();
    }
    let coins: Vec<_> = again.coins().collect();
    assert_eq!(coins.len(), 1);
    assert_eq!((coins[0].keychain, coins[0].index), (Keychain::Internal, 0));
    assert_eq!(again.balance(&nothing), world.wallet.balance(&nothing));
}
