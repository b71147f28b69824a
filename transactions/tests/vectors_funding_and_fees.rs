//! BOLT 3, appendix B (the funding transaction), appendix A (weights) and the worked example of the
//! fee calculation.
#![cfg(test)]

use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, PubkeyHash, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    WPubkeyHash, Witness, absolute::LockTime, consensus::encode, hashes::Hash as _,
    hashes::hash160, script::PushBytesBuf, sighash::SighashCache, transaction::Version,
};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};
use serde_json::Value;
use transactions::{
    CommitmentFormat, FeeratePerKw, FundingOutput, Htlc, MilliSatoshi, commitment_fee,
    commitment_weight, funding_script, htlc_transaction_fee, htlc_transaction_weight, sign_message,
};

#[test]
fn appendix_b_funding_transaction() {
    let file: Value = serde_json::from_str(FUNDING).unwrap();
    let [local, remote]: [PublicKey; 2] = ["local_funding_pubkey", "remote_funding_pubkey"]
        .map(|name| file[name].as_str().unwrap().parse().unwrap());
    let script = funding_script(&remote, &local);
    assert_eq!(script, funding_script(&local, &remote));
    assert_eq!(script.to_hex_string(), file["funding_witness_script"].as_str().unwrap());

    let key: SecretKey = file["block1_coinbase_privkey"].as_str().unwrap().parse().unwrap();
    let public = key.public_key(SECP256K1);
    let hash = hash160::Hash::hash(&public.serialize());
    let amount = Amount::from_sat(file["funding_satoshis"].as_u64().unwrap());
    let change = TxOut {
        value: Amount::from_sat(file["change_satoshis"].as_u64().unwrap()),
        script_pubkey: ScriptBuf::new_p2wpkh(&WPubkeyHash::from_raw_hash(hash)),
    };
    let funding = FundingOutput::new(OutPoint::null(), amount, &local, &remote);
    let coin = OutPoint {
        txid: file["input_txid"].as_str().unwrap().parse().unwrap(),
        vout: u32::try_from(file["input_index"].as_u64().unwrap()).unwrap(),
    };
    let mut output = vec![change, funding.txout()];
    output.sort();
    let mut transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output: coin, sequence: Sequence::MAX, ..TxIn::default() }],
        output,
    };
    let spent = ScriptBuf::new_p2pkh(&PubkeyHash::from_raw_hash(hash));
    let sighash = SighashCache::new(&transaction)
        .legacy_signature_hash(0, &spent, EcdsaSighashType::All.to_u32())
        .unwrap();
    let signature = bitcoin::ecdsa::Signature {
        signature: sign_message(&Message::from_digest(sighash.to_byte_array()), &key),
        sighash_type: EcdsaSighashType::All,
    };
    transaction.input[0].script_sig = ScriptBuf::builder()
        .push_slice(PushBytesBuf::try_from(signature.to_vec()).unwrap())
        .push_slice(public.serialize())
        .into_script();

    assert_eq!(encode::serialize_hex(&transaction), file["funding_tx"].as_str().unwrap());
    let txid = transaction.compute_txid();
    assert_eq!(txid.to_string(), file["funding_txid"].as_str().unwrap());
    let index = usize::try_from(file["funding_output_index"].as_u64().unwrap()).unwrap();
    assert_eq!(transaction.output[index], funding.txout());
    let feerate = FeeratePerKw(u32::try_from(file["feerate_per_kw"].as_u64().unwrap()).unwrap());
    let paid = Amount::from_sat(file["input_satoshis"].as_u64().unwrap())
        .checked_sub(transaction.output.iter().map(|output| output.value).sum())
        .unwrap();
    assert_eq!(feerate.fee(transaction.weight().to_wu()), paid);
    assert_eq!(transaction.input[0].witness, Witness::new());
}

#[test]
fn worked_example_of_the_fee() {
    let file: Value = serde_json::from_str(FEE_EXAMPLE).unwrap();
    let format = CommitmentFormat::StaticRemotekey;
    let number = |name: &str| file[name].as_u64().unwrap();
    let feerate = FeeratePerKw(u32::try_from(number("feerate_per_kw")).unwrap());
    let dust_limit = Amount::from_sat(number("dust_limit_satoshis"));
    let amounts = |list: &Value| -> Vec<MilliSatoshi> {
        list.as_array().unwrap().iter().map(|msat| MilliSatoshi(msat.as_u64().unwrap())).collect()
    };
    let mut untrimmed = 0_usize;
    let mut trimmed = Amount::ZERO;
    for (offered, name) in [(true, "offered"), (false, "received")] {
        let (kept, dropped): (Vec<_>, Vec<_>) =
            amounts(&file[format!("{name}_msat")]).into_iter().partition(|amount| {
                let htlc = Htlc { offered, amount: *amount, payment_hash: [0; 32], cltv_expiry: 0 };
                !htlc.is_trimmed(format, feerate, dust_limit)
            });
        assert_eq!(kept, amounts(&file["untrimmed"][name]));
        untrimmed = untrimmed.checked_add(kept.len()).unwrap();
        for amount in dropped {
            trimmed = trimmed.checked_add(amount.floor()).unwrap();
        }
    }
    let fee = commitment_fee(format, feerate, untrimmed);
    assert_eq!(commitment_weight(format, untrimmed), number("weight"));
    assert_eq!(fee, Amount::from_sat(number("base_fee_sat")));
    assert_eq!(fee.checked_add(trimmed), Some(Amount::from_sat(number("actual_fee_sat"))));
    assert_eq!(htlc_transaction_fee(format, feerate, true), Amount::from_sat(3_315));
    assert_eq!(htlc_transaction_fee(format, feerate, false), Amount::from_sat(3_515));
}

#[test]
fn appendix_a_weights() {
    use CommitmentFormat::{Anchors, StaticRemotekey};
    assert_eq!(commitment_weight(StaticRemotekey, 0), 724);
    assert_eq!(commitment_weight(Anchors, 0), 1_124);
    assert_eq!(commitment_weight(Anchors, 3), 1_640);
    assert_eq!(commitment_weight(Anchors, usize::MAX), u64::MAX);
    assert_eq!(htlc_transaction_weight(StaticRemotekey, true), 663);
    assert_eq!(htlc_transaction_weight(StaticRemotekey, false), 703);
    assert_eq!(htlc_transaction_weight(Anchors, true), 666);
    assert_eq!(htlc_transaction_weight(Anchors, false), 706);
    assert_eq!(htlc_transaction_fee(Anchors, FeeratePerKw(u32::MAX), true), Amount::ZERO);
    assert_eq!(htlc_transaction_fee(Anchors, FeeratePerKw(u32::MAX), false), Amount::ZERO);
}

const FUNDING: &str = include_str!("../../tests/vectors/bolt3-funding.json");
const FEE_EXAMPLE: &str = include_str!("../../tests/vectors/bolt3-fee-example.json");
