//! The commitments and HTLC transactions of BOLT 3, appendices C and F, byte for byte.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

use bitcoin::{
    Amount, OutPoint, Transaction, consensus::encode, hashes::Hash as _, hashes::sha256,
    hex::FromHex as _,
};
use secp256k1::{PublicKey, SecretKey, ecdsa::Signature};
use serde_json::Value;
use transactions::{
    ChannelPublicKeys, Commitment, CommitmentError, CommitmentFormat, CommitmentKeys,
    CommitmentNumber, CommitmentOutput, CommitmentState, CommitmentTerms, FeeratePerKw,
    FundingOutput, Htlc, MilliSatoshi, ObscuringFactor, commitment_fee, commitment_weight,
    derive_secret_key, htlc_transaction_weight, sign_message,
};

/// The channel of the appendices: "local" opens and owns the commitments.
struct Channel {
    file: Value,
    terms: CommitmentTerms,
    point: PublicKey,
    local_funding: SecretKey,
    remote_funding: SecretKey,
    local_htlc: SecretKey,
    remote_htlc: SecretKey,
}

impl Channel {
    fn new(format: CommitmentFormat) -> Self {
        let file: Value = serde_json::from_str(COMMITMENT).unwrap();
        let (params, keys) = (&file["params"], &file["internal_keys"]);
        let remote_payment_basepoint = public_key(&params["remote_payment_basepoint"]);
        let local_payment_basepoint = public_key(&params["local_payment_basepoint"]);
        let owner = ChannelPublicKeys {
            funding_pubkey: public_key(&params["local_funding_pubkey"]),
            // Not in the vectors, and without influence on the owner's own commitments.
            revocation_basepoint: local_payment_basepoint,
            payment_basepoint: local_payment_basepoint,
            delayed_payment_basepoint: public_key(&keys["local_delayed_payment_basepoint"]),
            htlc_basepoint: public_key(&params["local_htlc_basepoint"]),
        };
        let other = ChannelPublicKeys {
            funding_pubkey: public_key(&params["remote_funding_pubkey"]),
            revocation_basepoint: public_key(&keys["remote_revocation_basepoint"]),
            payment_basepoint: remote_payment_basepoint,
            delayed_payment_basepoint: remote_payment_basepoint,
            htlc_basepoint: public_key(&params["remote_htlc_basepoint"]),
        };
        let outpoint = OutPoint {
            txid: text(&params["funding_tx_id"]).parse().unwrap(),
            vout: u32::try_from(number(&params["funding_output_index"])).unwrap(),
        };
        let funding = FundingOutput::new(
            outpoint,
            Amount::from_sat(number(&params["funding_amount_satoshi"])),
            &other.funding_pubkey,
            &owner.funding_pubkey,
        );
        assert_eq!(funding.witness_script.to_hex_string(), text(&params["funding_wscript"]));
        let terms = CommitmentTerms {
            format,
            funding,
            owner_is_opener: true,
            owner,
            other,
            dust_limit: Amount::from_sat(number(&params["local_dust_limit_satoshi"])),
            to_self_delay: u16::try_from(number(&params["local_delay"])).unwrap(),
        };
        let point = public_key(&keys["local_per_commitment_point"]);
        let remote_secret = secret_key(&keys["remote_payment_basepoint_secret"]);
        Self {
            terms,
            point,
            local_funding: secret_key(&params["local_funding_privkey"]),
            remote_funding: secret_key(&keys["remote_funding_privkey"]),
            local_htlc: secret_key(&params["local_privkey"]),
            remote_htlc: derive_secret_key(&remote_secret, &point).unwrap(),
            file,
        }
    }

    fn state(&self, vector: &Value) -> (CommitmentState, Vec<[u8; 32]>) {
        let chosen: Vec<&Value> = list(&vector["htlc_set"])
            .iter()
            .map(|id| list(&self.file["htlcs"]).iter().find(|htlc| htlc["id"] == *id).unwrap())
            .collect();
        let preimages = chosen.iter().map(|htlc| bytes32(&htlc["payment_preimage"])).collect();
        let htlcs = chosen.iter().map(|htlc| Htlc {
            offered: text(&htlc["direction"]) == "local->remote",
            amount: MilliSatoshi(number(&htlc["amount_msat"])),
            payment_hash: sha256::Hash::hash(&bytes32(&htlc["payment_preimage"])).to_byte_array(),
            cltv_expiry: u32::try_from(number(&htlc["expiry"])).unwrap(),
        });
        let state = CommitmentState {
            number: CommitmentNumber(number(&self.file["params"]["commitment_number"])),
            per_commitment_point: self.point,
            feerate: feerate(vector),
            to_owner: MilliSatoshi(number(&vector["to_local_msat"])),
            to_other: MilliSatoshi(number(&vector["to_remote_msat"])),
            htlcs: htlcs.collect(),
        };
        (state, preimages)
    }

    /// Signs with both sides' keys and compares every byte. Returns the number of HTLC
    /// transactions.
    fn check(&self, vector: &Value) -> usize {
        let name = text(&vector["name"]);
        let (state, preimages) = self.state(vector);
        let terms = CommitmentTerms {
            dust_limit: vector["dust_limit_satoshis"]
                .as_u64()
                .map_or(self.terms.dust_limit, Amount::from_sat),
            ..self.terms.clone()
        };
        let commitment = Commitment::build_with_capped_fee(&terms, &state).unwrap();
        match Commitment::build(&terms, &state) {
            Ok(strict) => assert_eq!(strict, commitment, "{name}"),
            Err(error) => {
                assert_eq!(error, CommitmentError::FeeExceedsBalance);
                assert!(name.contains("greater than"), "{name}");
            }
        }
        let message = commitment.sighash(&terms.funding);
        let local = sign_message(&message, &self.local_funding);
        let remote = sign_message(&message, &self.remote_funding);
        assert_eq!(remote, signature(&vector["remote_signature"]), "{name}");
        if let Some(expected) = vector["local_signature"].as_str() {
            assert_eq!(local.to_string(), expected, "{name}");
        }
        assert!(commitment.verify(&terms.funding, &terms.other.funding_pubkey, &remote));
        assert!(!commitment.verify(&terms.funding, &terms.owner.funding_pubkey, &remote));
        let signed = commitment.signed(&terms, &local, &remote);
        assert_eq!(encode::serialize_hex(&signed), text(&vector["commit_tx"]), "{name}");
        check_fee(vector, &terms, &commitment);
        check_weight(&terms, &commitment, &signed);
        check_scripts(vector, &terms, &state, &commitment);
        self.check_htlcs(vector, &terms, &state, &preimages, &commitment)
    }

    fn check_htlcs(
        &self,
        vector: &Value,
        terms: &CommitmentTerms,
        state: &CommitmentState,
        preimages: &[[u8; 32]],
        commitment: &Commitment,
    ) -> usize {
        let keys = CommitmentKeys::derive(terms, &state.per_commitment_point).unwrap();
        let transactions = commitment.htlc_transactions(terms, state).unwrap();
        let expected = list(&vector["htlc_txs"]);
        assert_eq!(transactions.len(), expected.len());
        for (htlc_tx, expected) in transactions.iter().zip(expected) {
            let remote = sign_message(&htlc_tx.other_sighash(), &self.remote_htlc);
            let local = sign_message(&htlc_tx.owner_sighash(), &self.local_htlc);
            assert_eq!(remote, signature(&expected["remote_htlc_signature"]));
            if let Some(expected) = expected["local_htlc_signature"].as_str() {
                assert_eq!(local.to_string(), expected);
            }
            assert!(htlc_tx.verify(&keys, &remote));
            assert_eq!(htlc_tx.commitment_txid(), Some(commitment.transaction.compute_txid()));
            let offered = state.htlcs[htlc_tx.htlc].offered;
            let preimage = (!offered).then(|| &preimages[htlc_tx.htlc]);
            let signed = htlc_tx.signed(&local, &remote, preimage);
            assert_eq!(encode::serialize_hex(&signed), text(&expected["tx"]));
            if let Some(index) = expected["output_index"].as_u64() {
                assert_eq!(u64::from(signed.input[0].previous_output.vout), index);
                let kind = if offered { "htlc_timeout" } else { "htlc_success" };
                assert_eq!(text(&expected["type"]), kind);
            }
            // Each signature is expected with 73 bytes, and the expiry with 4 where it has 2.
            let missing = 2 * 73 - signature_bytes(&signed);
            let expiry = if offered { 0 } else { 2 };
            // An HTLC-success weighs 702, but 703 is what everybody computes with.
            let historical = if offered { 0 } else { 1 };
            assert_eq!(
                signed.weight().to_wu() + missing + expiry + historical,
                htlc_transaction_weight(terms.format, offered)
            );
        }
        transactions.len()
    }
}

fn check_fee(vector: &Value, terms: &CommitmentTerms, commitment: &Commitment) {
    let actual = commitment.fee(&terms.funding).unwrap();
    let untrimmed = untrimmed(commitment);
    if let Some(count) = vector["num_htlcs"].as_u64() {
        assert_eq!(u64::try_from(untrimmed).unwrap(), count);
    }
    if let Some(base) = vector["base_fee_sat"].as_u64() {
        let fee = commitment_fee(terms.format, feerate(vector), untrimmed);
        assert_eq!(fee, Amount::from_sat(base));
        assert_eq!(actual, Amount::from_sat(number(&vector["actual_fee_sat"])));
    }
}

/// What the expected weight counts and the transaction has not: longer signatures, outputs that
/// were trimmed, and with anchors two bytes for the number of outputs.
fn check_weight(terms: &CommitmentTerms, commitment: &Commitment, signed: &Transaction) {
    let has = |output| commitment.output_index(output).is_some();
    let missing = |output, weight| if has(output) { 0 } else { weight };
    let absent = match terms.format {
        CommitmentFormat::StaticRemotekey => {
            missing(CommitmentOutput::ToLocal, 172) + missing(CommitmentOutput::ToRemote, 124)
        }
        CommitmentFormat::Anchors => {
            missing(CommitmentOutput::ToLocal, 172)
                + missing(CommitmentOutput::ToRemote, 172)
                + missing(CommitmentOutput::OwnerAnchor, 172)
                + missing(CommitmentOutput::OtherAnchor, 172)
                + 4 * 2
        }
    };
    assert_eq!(
        signed.weight().to_wu() + absent + 2 * 73 - signature_bytes(signed),
        commitment_weight(terms.format, untrimmed(commitment)),
    );
}

fn check_scripts(
    vector: &Value,
    terms: &CommitmentTerms,
    state: &CommitmentState,
    commitment: &Commitment,
) {
    let Some(expected) = vector["outputs_comment"].as_array() else { return };
    let keys = CommitmentKeys::derive(terms, &state.per_commitment_point).unwrap();
    let scripts: Vec<String> = commitment
        .outputs
        .iter()
        .filter_map(|kind| match kind {
            CommitmentOutput::ToLocal => Some(commitment.to_local_script.to_hex_string()),
            CommitmentOutput::Htlc(index) => {
                Some(state.htlcs[*index].script(terms.format, &keys).to_hex_string())
            }
            CommitmentOutput::ToRemote
            | CommitmentOutput::OwnerAnchor
            | CommitmentOutput::OtherAnchor => None,
        })
        .collect();
    // The last vector leaves out `to_local` and `to_remote`.
    for expected in expected.iter().filter_map(|output| output["wscript"].as_str()) {
        assert!(scripts.iter().any(|script| script == expected));
    }
}

#[test]
fn appendix_c_static_remotekey() {
    let channel = Channel::new(CommitmentFormat::StaticRemotekey);
    let vectors = list(&channel.file["vectors"]);
    let htlcs: usize = vectors.iter().map(|vector| channel.check(vector)).sum();
    assert_eq!((vectors.len(), htlcs), (16, 33));
}

#[test]
fn appendix_f_anchors() {
    let channel = Channel::new(CommitmentFormat::Anchors);
    let file: Value = serde_json::from_str(ANCHORS).unwrap();
    let vectors = list(&file["vectors"]);
    let htlcs: usize = vectors.iter().map(|vector| channel.check(vector)).sum();
    assert_eq!((vectors.len(), htlcs), (9, 15));
}

#[test]
fn appendix_c_keys_and_obscured_number() {
    let channel = Channel::new(CommitmentFormat::StaticRemotekey);
    let (params, terms) = (&channel.file["params"], &channel.terms);
    let keys = CommitmentKeys::derive(terms, &channel.point).unwrap();
    assert_eq!(keys.owner_htlc_pubkey, public_key(&params["local_htlcpubkey"]));
    assert_eq!(keys.other_htlc_pubkey, public_key(&params["remote_htlcpubkey"]));
    assert_eq!(keys.owner_delayed_pubkey, public_key(&params["local_delayedpubkey"]));
    assert_eq!(keys.revocation_pubkey, public_key(&params["local_revocation_pubkey"]));

    let factor =
        ObscuringFactor::new(&terms.owner.payment_basepoint, &terms.other.payment_basepoint);
    assert_eq!(format!("{:#x}", factor.value()), text(&params["obscuring_factor"]));
    for vector in list(&channel.file["vectors"]) {
        let transaction: Transaction = encode::deserialize_hex(text(&vector["commit_tx"])).unwrap();
        assert_eq!(factor.reveal(&transaction), Some(CommitmentNumber(42)));
    }
}

fn untrimmed(commitment: &Commitment) -> usize {
    commitment.outputs.iter().filter(|kind| matches!(kind, CommitmentOutput::Htlc(_))).count()
}

/// The bytes of both signatures in a witness that begins with nothing.
fn signature_bytes(transaction: &Transaction) -> u64 {
    let witness = &transaction.input[0].witness;
    (1..=2).map(|index| u64::try_from(witness.nth(index).unwrap().len()).unwrap()).sum()
}

fn feerate(vector: &Value) -> FeeratePerKw {
    FeeratePerKw(u32::try_from(number(&vector["local_feerate_per_kw"])).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn bytes32(value: &Value) -> [u8; 32] {
    <[u8; 32]>::from_hex(text(value)).unwrap()
}

fn public_key(value: &Value) -> PublicKey {
    text(value).parse().unwrap()
}

fn secret_key(value: &Value) -> SecretKey {
    text(value).parse().unwrap()
}

fn signature(value: &Value) -> Signature {
    text(value).parse().unwrap()
}

const COMMITMENT: &str = include_str!("../../tests/vectors/bolt3-commitment.json");
const ANCHORS: &str = include_str!("../../tests/vectors/bolt3-anchors.json");
