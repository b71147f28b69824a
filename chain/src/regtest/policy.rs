//! What is relayed: the checks between "valid in a block" and "taken into the mempool".
//!
//! The limits are those of Bitcoin Core 31. Transactions of version 3 (BIP 431) and ephemeral dust
//! are not implemented and therefore refused.

use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::{Amount, Script, Transaction, TxIn, Weight, Witness};

use super::coins::Coin;
use crate::{Refusal, Rule};

/// The form of the transaction and of its outputs.
pub(super) fn check_standard(transaction: &Transaction) -> Result<(), Refusal> {
    if transaction.is_coinbase() {
        return Err(Refusal::new(Rule::Malformed, "a coinbase exists in blocks only"));
    }
    if !(1..=2).contains(&transaction.version.0) {
        return not_standard(format!("version {} is not relayed", transaction.version.0));
    }
    if transaction.weight() > MAX_WEIGHT {
        return not_standard(format!("it weighs {}, at most {MAX_WEIGHT}", transaction.weight()));
    }
    if transaction.base_size() < MIN_BASE_SIZE {
        return not_standard(format!("it has fewer than {MIN_BASE_SIZE} bytes without witness"));
    }
    for (vin, input) in transaction.input.iter().enumerate() {
        if input.script_sig.len() > MAX_SCRIPT_SIG || !input.script_sig.is_push_only() {
            return not_standard(format!("the script_sig of input {vin} is not of a known form"));
        }
    }
    for (vout, output) in transaction.output.iter().enumerate() {
        if !is_standard_script(&output.script_pubkey) {
            return not_standard(format!("the script of output {vout} is of no known form"));
        }
        let least = output.script_pubkey.minimal_non_dust();
        if output.value < least {
            return Err(Refusal::new(
                Rule::Dust,
                format!("output {vout} has {}, at least {least} for its script", output.value),
            ));
        }
    }
    Ok(())
}

/// The form of what the inputs spend and of how they do it.
pub(super) fn check_inputs(transaction: &Transaction, spent: &[Coin]) -> Result<(), Refusal> {
    for (vin, (input, coin)) in transaction.input.iter().zip(spent).enumerate() {
        let script = &coin.txout.script_pubkey;
        if !is_standard_script(script) || is_unknown_witness_program(script) {
            return not_standard(format!("input {vin} spends a script of no known form"));
        }
        if script.is_p2wsh() && !is_standard_p2wsh_spend(&input.witness) {
            return not_standard(format!("the witness of input {vin} is larger than is relayed"));
        }
        if !script.is_p2tr() && has_high_s(input) {
            return Err(Refusal::new(
                Rule::ScriptInvalid,
                format!("a signature of input {vin} has the higher one of the two values of S"),
            ));
        }
    }
    Ok(())
}

/// The size that fees are reckoned on, in virtual bytes: a quarter of the weight, or five for each
/// signature check where that is more.
pub(super) fn virtual_size(weight: Weight, signature_checks: u64) -> u64 {
    weight.to_wu().max(signature_checks.saturating_mul(20)).div_ceil(4)
}

/// What `virtual_size` costs at a feerate, rounded up.
pub(super) fn fee_at(sat_per_kvb: u64, virtual_size: u64) -> Amount {
    Amount::from_sat(sat_per_kvb.saturating_mul(virtual_size).div_ceil(1000))
}

/// Whether the fee reaches the minimum for relay.
pub(super) fn check_fee(
    fee: Amount,
    virtual_size: u64,
    min_relay_sat_per_kvb: u64,
) -> Result<(), Refusal> {
    let least = fee_at(min_relay_sat_per_kvb, virtual_size);
    if fee >= least {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::FeeBelowMinimum,
        format!("the fee is {fee} for {virtual_size} virtual bytes, at least {least}"),
    ))
}

/// Whether outputs with this script are relayed.
fn is_standard_script(script: &Script) -> bool {
    script.is_p2pkh()
        || script.is_p2sh()
        || script.is_witness_program()
        || script.is_p2pk()
        || is_data(script)
        || is_small_multisig(script)
}

/// `OP_RETURN` and pushes.
fn is_data(script: &Script) -> bool {
    let after = script.as_bytes().get(1..).map(Script::from_bytes);
    script.is_op_return() && after.is_some_and(Script::is_push_only)
}

/// Bare multisig of at most three keys.
fn is_small_multisig(script: &Script) -> bool {
    let bytes = script.as_bytes();
    let keys = bytes.len().checked_sub(2).and_then(|at| bytes.get(at)).copied();
    script.is_multisig() && keys.is_some_and(|keys| (OP_1..=OP_3).contains(&keys))
}

/// A witness program without rules so far. Pay-to-anchor is the one of version 1 that is spent.
fn is_unknown_witness_program(script: &Script) -> bool {
    script.is_witness_program()
        && !script.is_p2wpkh()
        && !script.is_p2wsh()
        && !script.is_p2tr()
        && script.as_bytes() != PAY_TO_ANCHOR
}

fn is_standard_p2wsh_spend(witness: &Witness) -> bool {
    let Some(script) = witness.last() else { return true };
    let arguments = witness.len().saturating_sub(1);
    script.len() <= MAX_WITNESS_SCRIPT
        && arguments <= MAX_WITNESS_ITEMS
        && witness.iter().take(arguments).all(|item| item.len() <= MAX_WITNESS_ITEM)
}

/// Whether the input carries an ECDSA signature that is not in its lower form.
fn has_high_s(input: &TxIn) -> bool {
    let is_high = |bytes: &[u8]| {
        let Some((_hash_type, der)) = bytes.split_last() else { return false };
        let Ok(signature) = Signature::from_der(der) else { return false };
        let mut lower = signature;
        lower.normalize_s();
        lower != signature
    };
    let mut pushed = input.script_sig.instructions().flatten();
    input.witness.iter().any(is_high)
        || pushed.any(|push| push.push_bytes().is_some_and(|bytes| is_high(bytes.as_bytes())))
}

fn not_standard(text: String) -> Result<(), Refusal> {
    Err(Refusal::new(Rule::NotStandard, text))
}

const MAX_WEIGHT: Weight = Weight::from_wu(400_000);
const MIN_BASE_SIZE: usize = 65;
const MAX_SCRIPT_SIG: usize = 1650;
const MAX_WITNESS_SCRIPT: usize = 3600;
const MAX_WITNESS_ITEMS: usize = 100;
const MAX_WITNESS_ITEM: usize = 80;
const OP_1: u8 = 0x51;
const OP_3: u8 = 0x53;
const PAY_TO_ANCHOR: &[u8] = &[OP_1, 0x02, 0x4e, 0x73];
