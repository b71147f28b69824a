//! What holds for all commitments, secrets and sweeps, not only for those of the vectors.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow would fail the test")]

use bitcoin::{
    Amount, OutPoint, ScriptBuf, TxOut, Txid, WPubkeyHash, hashes::Hash as _, hashes::hash160,
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use transactions::{
    ChannelPublicKeys, ClosingKind, Commitment, CommitmentError, CommitmentFormat, CommitmentKeys,
    CommitmentNumber, CommitmentOutput, CommitmentState, CommitmentTerms, FeeratePerKw,
    FundingOutput, Htlc, MilliSatoshi, ObscuringFactor, RevealedSecrets, SweepInput, SweepKey,
    anchor_script, anchors_amount, closing_transaction, closing_weight, commitment_fee, dust_limit,
    per_commitment_secret, sign_message, sweep_sighash, sweep_transaction, sweep_weight,
    sweep_witness, to_local_script, to_remote_anchors_script, verify_signature,
};

proptest! {
    #![proptest_config(config(512))]

    /// Outputs, the fee of the formula, and all that was trimmed or rounded off are the funding
    /// amount.
    #[test]
    fn outputs_and_fee_are_the_funding_amount(terms in terms(), mut state in state()) {
        let terms = with_amount(terms, &mut state);
        match Commitment::build(&terms, &state) {
            Ok(commitment) => {
                check_outputs(&terms, &state, &commitment);
                let capped = Commitment::build_with_capped_fee(&terms, &state);
                prop_assert_eq!(capped, Ok(commitment));
            }
            Err(error) => {
                prop_assert_eq!(error, CommitmentError::FeeExceedsBalance);
                let balance = if terms.owner_is_opener { state.to_owner } else { state.to_other };
                match balance.floor().checked_sub(anchors_amount(terms.format)) {
                    Some(rest) => {
                        let capped = Commitment::build_with_capped_fee(&terms, &state).unwrap();
                        prop_assert!(capped.fee(&terms.funding).unwrap() >= rest);
                    }
                    None => prop_assert_eq!(
                        Commitment::build_with_capped_fee(&terms, &state),
                        Err(CommitmentError::FeeExceedsBalance)
                    ),
                }
            }
        }
    }

    /// Values of a peer, whatever they are, end in a commitment or an error.
    #[test]
    fn no_balance_makes_it_panic(
        terms in terms(), state in state(),
        to_owner: u64, to_other: u64, amount: u64, funding: u64,
    ) {
        let mut terms = terms;
        terms.funding.amount = Amount::from_sat(funding);
        let mut state = state;
        (state.to_owner, state.to_other) = (MilliSatoshi(to_owner), MilliSatoshi(to_other));
        if let Some(htlc) = state.htlcs.first_mut() {
            htlc.amount = MilliSatoshi(amount);
        }
        prop_assert_eq!(
            Commitment::build(&terms, &state),
            Err(CommitmentError::BalancesDifferFromFunding)
        );
    }

    #[test]
    fn commitment_numbers_come_back(terms in terms(), state in state(), number in 0..1_u64 << 48) {
        let mut state = state;
        for balance in [&mut state.to_owner, &mut state.to_other] {
            *balance = balance.saturating_add(MilliSatoshi(660_000));
        }
        let terms = with_amount(terms, &mut state);
        state.number = CommitmentNumber(number);
        let (opener, accepter) = match terms.owner_is_opener {
            true => (&terms.owner, &terms.other),
            false => (&terms.other, &terms.owner),
        };
        let factor = ObscuringFactor::new(&opener.payment_basepoint, &accepter.payment_basepoint);
        let commitment = Commitment::build_with_capped_fee(&terms, &state).unwrap();
        prop_assert_eq!(factor.reveal(&commitment.transaction), Some(state.number));
        for kind in [ClosingKind::Legacy, ClosingKind::Simple { locktime: 800_000 }] {
            let output = Some((ScriptBuf::new(), Amount::from_sat(1_000)));
            let closing = closing_transaction(&terms.funding, kind, [output, None]);
            prop_assert_eq!(factor.reveal(&closing), None);
        }
    }

    /// A record of any count, made of the secrets of one seed, yields and takes what it should.
    #[test]
    fn secrets_of_any_count(
        seed: [u8; 32], count in 1..1_u64 << 48, back in any::<prop::sample::Index>(),
    ) {
        let count = count.min(CommitmentNumber::LAST.0);
        let mut bytes = count.to_be_bytes().to_vec();
        for bits in 0..u64::BITS - count.leading_zeros() {
            let latest = latest_with_ones(count, bits);
            bytes.extend(per_commitment_secret(&seed, CommitmentNumber(latest)));
        }
        let mut secrets = RevealedSecrets::decode(&bytes).unwrap();
        prop_assert_eq!(secrets.encode(), bytes);
        let distance = u64::try_from(back.index(1 << 20)).unwrap();
        for number in [0, count / 2, count.saturating_sub(1 + distance), count - 1] {
            let number = CommitmentNumber(number);
            prop_assert_eq!(secrets.get(number), Some(per_commitment_secret(&seed, number)));
        }
        let next = CommitmentNumber(count);
        prop_assert_eq!(secrets.get(next), None);
        prop_assert_eq!(secrets.insert(next, per_commitment_secret(&seed, next)), Ok(()));
        prop_assert_eq!(secrets.get(next), Some(per_commitment_secret(&seed, next)));
    }

    /// Any bytes are read, or not, without a panic, then and later.
    #[test]
    fn any_bytes_are_safe_secrets(
        count: u64, entries in 0..50_usize, byte: u8, shift in 0..64_u32,
    ) {
        let count = count >> shift;
        let bytes = [count.to_be_bytes().as_slice(), &vec![byte; 32 * entries]].concat();
        let _ = RevealedSecrets::decode(&bytes[..bytes.len() / 2]);
        if let Ok(mut secrets) = RevealedSecrets::decode(&bytes) {
            prop_assert_eq!(secrets.encode(), bytes);
            let _ = secrets.get(CommitmentNumber(count / 2));
            let _ = secrets.insert(CommitmentNumber(count), [byte; 32]);
        }
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn sweeps_weigh_what_was_expected(
        inputs in prop::collection::vec(sweep_input(), 1..6), to in destination(),
        feerate in 253..20_000_u32, locktime in 0..900_000_u32,
    ) {
        let (inputs, keys): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
        let feerate = FeeratePerKw(feerate);
        let expected = sweep_weight(&inputs, &to);
        let total: Amount = inputs.iter().map(|input| input.output.value).sum();
        let fee = feerate.fee_ceil(expected);
        let Some(mut sweep) = sweep_transaction(&inputs, &to, feerate, locktime) else {
            prop_assert!(total.checked_sub(fee).is_none_or(|rest| rest < dust_limit(&to)));
            return Ok(());
        };
        prop_assert_eq!(&sweep.output, &vec![TxOut { value: total - fee, script_pubkey: to }]);
        prop_assert_eq!(sweep.lock_time.to_consensus_u32(), locktime);
        let mut sizes = 0;
        for (index, (input, key)) in inputs.iter().zip(&keys).enumerate() {
            let message = sweep_sighash(&sweep, index, input);
            let (signature, public) = (sign_message(&message, key), key.public_key(SECP256K1));
            prop_assert!(verify_signature(&message, &signature, &public));
            sizes += u64::try_from(signature.serialize_der().len()).unwrap() + 1;
            sweep.input[index].witness = sweep_witness(input, &public, &signature);
            let sequence = sweep.input[index].sequence;
            prop_assert!(sequence.is_rbf());
            prop_assert_eq!(sequence.0, u32::from(input.csv));
        }
        let count = u64::try_from(inputs.len()).unwrap();
        let below = expected - sweep.weight().to_wu();
        prop_assert_eq!(below, 72 * count - sizes);
        prop_assert!(below <= 2 * count);
    }

    #[test]
    fn closing_weighs_what_was_expected(
        terms in terms(), first in destination(), second in prop::option::of(destination()),
        secrets in [secret(), secret()],
    ) {
        let [a, b] = secrets.map(|secret| (secret, secret.public_key(SECP256K1)));
        let FundingOutput { outpoint, amount, .. } = terms.funding;
        let funding = FundingOutput::new(outpoint, amount, &a.1, &b.1);
        let outputs = [Some(first.clone()), second.clone()]
            .map(|script| script.map(|script| (script, Amount::from_sat(1_000))));
        let mut closing = closing_transaction(&funding, ClosingKind::Legacy, outputs);
        let message = funding.sighash(&closing);
        let (for_a, for_b) = (sign_message(&message, &a.0), sign_message(&message, &b.0));
        closing.input[0].witness = funding.witness((&b.1, &for_b), (&a.1, &for_a));
        prop_assert_eq!(
            &closing.input[0].witness,
            &funding.witness((&a.1, &for_a), (&b.1, &for_b))
        );
        let scripts: Vec<_> =
            [Some(&first), second.as_ref()].into_iter().flatten().map(|s| s.as_script()).collect();
        let sizes: usize = [for_a, for_b].iter().map(|s| s.serialize_der().len() + 1).sum();
        prop_assert_eq!(
            closing_weight(&funding, &scripts),
            closing.weight().to_wu() + u64::try_from(2 * 72 - sizes).unwrap()
        );
    }
}

fn check_outputs(terms: &CommitmentTerms, state: &CommitmentState, commitment: &Commitment) {
    let has = |output| commitment.output_index(output).is_some();
    let outputs = &commitment.transaction.output;
    assert_eq!(outputs.len(), commitment.outputs.len());
    let keys = CommitmentKeys::derive(terms, &state.per_commitment_point).unwrap();
    let mut sum = Amount::ZERO;
    let mut order = Vec::new();
    for (output, kind) in outputs.iter().zip(&commitment.outputs) {
        sum += output.value;
        let expiry = match kind {
            CommitmentOutput::Htlc(index) => {
                let htlc = &state.htlcs[*index];
                let script = htlc.script(terms.format, &keys);
                assert_eq!(output.script_pubkey, script.to_p2wsh());
                assert_eq!(output.value, htlc.amount.floor());
                htlc.cltv_expiry
            }
            CommitmentOutput::ToLocal | CommitmentOutput::ToRemote => {
                assert!(output.value >= terms.dust_limit);
                0
            }
            CommitmentOutput::OwnerAnchor | CommitmentOutput::OtherAnchor => {
                assert_eq!(output.value, Amount::from_sat(330));
                0
            }
        };
        order.push((output.value, output.script_pubkey.as_bytes(), expiry));
    }
    assert!(order.is_sorted());

    let (trimmed, kept): (Vec<_>, Vec<_>) = state
        .htlcs
        .iter()
        .enumerate()
        .partition(|(_, htlc)| htlc.is_trimmed(terms.format, state.feerate, terms.dust_limit));
    assert!(kept.iter().all(|(index, _)| has(CommitmentOutput::Htlc(*index))));
    assert!(trimmed.iter().all(|(index, _)| !has(CommitmentOutput::Htlc(*index))));
    let base = commitment_fee(terms.format, state.feerate, kept.len());
    let anchors = anchors_amount(terms.format);
    let (owner, other) = (state.to_owner.floor(), state.to_other.floor());
    let (owner, other) = match terms.owner_is_opener {
        true => (owner - base - anchors, other),
        false => (owner, other - base - anchors),
    };
    let mut fee = base;
    for (kind, balance) in [(CommitmentOutput::ToLocal, owner), (CommitmentOutput::ToRemote, other)]
    {
        assert_eq!(has(kind), balance >= terms.dust_limit);
        fee += if has(kind) { Amount::ZERO } else { balance };
    }
    let anchor_with = |balance| !kept.is_empty() || has(balance);
    for (anchor, balance) in [
        (CommitmentOutput::OwnerAnchor, CommitmentOutput::ToLocal),
        (CommitmentOutput::OtherAnchor, CommitmentOutput::ToRemote),
    ] {
        let expected = terms.format == CommitmentFormat::Anchors && anchor_with(balance);
        assert_eq!(has(anchor), expected);
        fee += if has(anchor) { Amount::ZERO } else { anchors / 2 };
    }
    fee += trimmed.iter().map(|(_, htlc)| htlc.amount.floor()).sum();
    let amounts = state.htlcs.iter().map(|htlc| htlc.amount);
    let fractions: u64 =
        amounts.chain([state.to_owner, state.to_other]).map(|amount| amount.0 % 1_000).sum();
    fee += Amount::from_sat(fractions / 1_000);
    assert_eq!(commitment.fee(&terms.funding), Some(fee));
    assert_eq!(sum + fee, terms.funding.amount);
}

#[test]
fn latest_numbers_with_ones_are_what_they_say() {
    for count in 1..300 {
        for ones in 0..u64::BITS - u64::leading_zeros(count) {
            let slow = (0..count).rev().find(|number| number.trailing_ones() == ones);
            assert_eq!(Some(latest_with_ones(count, ones)), slow);
        }
    }
}

/// The latest number below `count` that ends in exactly `ones` one bits.
fn latest_with_ones(count: u64, ones: u32) -> u64 {
    let period = 2_u64 << ones;
    let candidate = (count - 1) / period * period + (1 << ones) - 1;
    if candidate < count { candidate } else { candidate - period }
}

/// Makes the funding output as large as all balances and HTLCs, by rounding the owner's up.
fn with_amount(terms: CommitmentTerms, state: &mut CommitmentState) -> CommitmentTerms {
    let htlcs: u64 = state.htlcs.iter().map(|htlc| htlc.amount.0).sum();
    let others = htlcs + state.to_other.0;
    let amount = Amount::from_sat((others + state.to_owner.0).div_ceil(1_000));
    state.to_owner = MilliSatoshi(amount.to_sat() * 1_000 - others);
    let funding = FundingOutput { amount, ..terms.funding };
    CommitmentTerms { funding, ..terms }
}

fn config(cases: u32) -> Config {
    Config { rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Config::with_cases(cases) }
}

fn secret() -> impl Strategy<Value = SecretKey> {
    any::<[u8; 32]>().prop_filter_map("a secret key", |bytes| SecretKey::from_slice(&bytes).ok())
}

fn point() -> impl Strategy<Value = PublicKey> {
    secret().prop_map(|secret| secret.public_key(SECP256K1))
}

fn format() -> impl Strategy<Value = CommitmentFormat> {
    prop_oneof![Just(CommitmentFormat::StaticRemotekey), Just(CommitmentFormat::Anchors)]
}

fn channel_keys() -> impl Strategy<Value = ChannelPublicKeys> {
    [point(), point(), point(), point(), point()].prop_map(|keys| {
        let [funding, revocation, payment, delayed, htlc] = keys;
        ChannelPublicKeys {
            funding_pubkey: funding,
            revocation_basepoint: revocation,
            payment_basepoint: payment,
            delayed_payment_basepoint: delayed,
            htlc_basepoint: htlc,
        }
    })
}

fn terms() -> impl Strategy<Value = CommitmentTerms> {
    let sides = (channel_keys(), channel_keys(), any::<bool>());
    (format(), sides, any::<[u8; 32]>(), 0..2_000_u64, any::<u16>()).prop_map(
        |(format, (owner, other, owner_is_opener), txid, dust_limit, to_self_delay)| {
            let outpoint = OutPoint { txid: Txid::from_byte_array(txid), vout: 1 };
            let (a, b) = (&owner.funding_pubkey, &other.funding_pubkey);
            CommitmentTerms {
                format,
                funding: FundingOutput::new(outpoint, Amount::ZERO, a, b),
                owner_is_opener,
                owner,
                other,
                dust_limit: Amount::from_sat(dust_limit),
                to_self_delay,
            }
        },
    )
}

fn msat() -> impl Strategy<Value = MilliSatoshi> {
    prop_oneof![0..3_000_000_u64, 0..1_000_000_000_000_u64, Just(0)].prop_map(MilliSatoshi)
}

fn htlc() -> impl Strategy<Value = Htlc> {
    // Few hashes and amounts, so that some HTLCs differ by their expiry only.
    (any::<bool>(), prop_oneof![msat(), Just(MilliSatoshi(5_000_000))], 0..2_u8, 0..3_u32).prop_map(
        |(offered, amount, hash, expiry)| Htlc {
            offered,
            amount,
            payment_hash: [hash; 32],
            cltv_expiry: 500 - expiry,
        },
    )
}

fn state() -> impl Strategy<Value = CommitmentState> {
    let feerate = prop_oneof![0..10_000_u32, any::<u32>()].prop_map(FeeratePerKw);
    (point(), feerate, msat(), msat(), prop::collection::vec(htlc(), 0..10)).prop_map(
        |(per_commitment_point, feerate, to_owner, to_other, htlcs)| CommitmentState {
            number: CommitmentNumber(42),
            per_commitment_point,
            feerate,
            to_owner,
            to_other,
            htlcs,
        },
    )
}

fn destination() -> impl Strategy<Value = ScriptBuf> {
    prop_oneof![Just("0014"), Just("0020"), Just("5120")].prop_map(|start| {
        let length = if start == "0014" { 20 } else { 32 };
        ScriptBuf::from_hex(&format!("{start}{}", "ab".repeat(length))).unwrap()
    })
}

/// An output of each kind that can be swept, and the key that does.
fn sweep_input() -> impl Strategy<Value = (SweepInput, SecretKey)> {
    (0..4_u8, secret(), point(), any::<u16>(), 330..1_000_000_u64, any::<u32>()).prop_map(
        |(kind, secret, point, delay, value, vout)| {
            let public = secret.public_key(SECP256K1);
            let (witness_script, key, csv) = match kind {
                0 => (
                    to_local_script(&point, delay, &public),
                    SweepKey::ToLocal { per_commitment_point: point },
                    delay,
                ),
                1 => (to_remote_anchors_script(&public), SweepKey::ToRemote, 1),
                2 => (anchor_script(&public), SweepKey::Anchor, 0),
                _ => (ScriptBuf::new(), SweepKey::ToRemote, 0),
            };
            let hash = WPubkeyHash::from_raw_hash(hash160::Hash::hash(&public.serialize()));
            let script_pubkey = match witness_script.is_empty() {
                true => ScriptBuf::new_p2wpkh(&hash),
                false => witness_script.to_p2wsh(),
            };
            let outpoint = OutPoint { txid: Txid::all_zeros(), vout };
            let output = TxOut { value: Amount::from_sat(value), script_pubkey };
            (SweepInput { outpoint, output, witness_script, key, csv }, secret)
        },
    )
}
