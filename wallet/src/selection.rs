//! Which coins to spend.

use crate::coins::{Coin, sum};
use bdk_wallet::chain::ChainPosition;
use bdk_wallet::coin_selection::{
    BranchAndBoundCoinSelection, CoinSelectionAlgorithm, CoinSelectionResult, InsufficientFunds,
};
use bdk_wallet::{KeychainKind, LocalOutput, Utxo, WeightedUtxo};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::rand::{RngCore, rngs::mock::StepRng};
use bitcoin::{Amount, FeeRate, OutPoint, Script, ScriptBuf, WPubkeyHash, Weight};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use transactions::FeeratePerKw;

/// A way to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Coins that need no change, if there are such.
    Changeless,
    /// The largest coins, and so the fewest inputs.
    Largest,
    /// The same for a target that leaves enough for change, which then need not go to the fee.
    WithChange,
}

impl Strategy {
    /// In the order of preference.
    pub(crate) const ALL: [Self; 3] = [Self::Changeless, Self::Largest, Self::WithChange];
}

/// Chooses coins that pay `target` and their own fees: all of `required`, and of `optional` what is
/// needed. `optional` is in the order of [`largest_first`]. `None` if there is no such choice.
pub(crate) fn select<'a>(
    strategy: Strategy,
    required: &[&'a Coin],
    optional: &[&'a Coin],
    target: Amount,
    feerate: FeeratePerKw,
) -> Option<Vec<&'a Coin>> {
    match strategy {
        Strategy::Changeless => changeless(required, optional, target, feerate),
        Strategy::Largest | Strategy::WithChange => largest(required, optional, target, feerate),
    }
}

/// Orders coins by value, and equal ones by their place.
pub(crate) fn largest_first(coins: &mut [&Coin]) {
    coins.sort_by_key(|coin| (Reverse(coin.output.value), coin.outpoint));
}

fn largest<'a>(
    required: &[&'a Coin],
    optional: &[&'a Coin],
    target: Amount,
    feerate: FeeratePerKw,
) -> Option<Vec<&'a Coin>> {
    let cost = feerate.fee_ceil(INPUT_WEIGHT);
    let mut chosen = required.to_vec();
    let mut rest = optional.iter();
    // What the chosen coins bring without the fees of their inputs.
    let brought = |coin: &Coin| coin.output.value.checked_sub(cost).unwrap_or(Amount::ZERO);
    let mut have = sum(required.iter().map(|coin| brought(coin)));
    while have < target {
        let coin = *rest.next()?;
        have = sum([have, brought(coin)]);
        chosen.push(coin);
    }
    Some(chosen)
}

/// bdk's branch and bound, over coins that are not too large to fit.
fn changeless<'a>(
    required: &[&'a Coin],
    optional: &[&'a Coin],
    target: Amount,
    feerate: FeeratePerKw,
) -> Option<Vec<&'a Coin>> {
    if target > Amount::MAX_MONEY {
        return None;
    }
    let costs = feerate.fee_ceil(INPUT_WEIGHT.saturating_add(CHANGE_WEIGHT));
    let fits = |coin: &&&Coin| coin.output.value <= sum([target, costs]);
    let optional: Vec<&Coin> = optional.iter().filter(fits).take(MOST_TRIED).copied().collect();
    let weighted = |coins: &[&Coin]| coins.iter().map(|coin| weigh(coin)).collect::<Vec<_>>();
    let rate = FeeRate::from_sat_per_kwu(u64::from(feerate.0));
    let result = BranchAndBoundCoinSelection::new(CHANGE_BYTES, Nothing).coin_select(
        weighted(required),
        weighted(&optional),
        rate,
        target,
        &change_model(),
        // Nobody draws from it.
        &mut StepRng::new(0, 0),
    );
    let chosen: BTreeSet<OutPoint> = result.ok()?.selected.iter().map(Utxo::outpoint).collect();
    let all = required.iter().copied().chain(optional);
    Some(all.filter(|coin| chosen.contains(&coin.outpoint)).collect())
}

/// What bdk falls back on where no coins fit: there are other strategies.
#[derive(Debug)]
struct Nothing;

impl CoinSelectionAlgorithm for Nothing {
    fn coin_select<R: RngCore>(
        &self,
        _required: Vec<WeightedUtxo>,
        _optional: Vec<WeightedUtxo>,
        _rate: FeeRate,
        target: Amount,
        _change: &Script,
        _chance: &mut R,
    ) -> Result<CoinSelectionResult, InsufficientFunds> {
        Err(InsufficientFunds { needed: target, available: Amount::ZERO })
    }
}

/// The coins that bring more than they cost at this feerate.
pub(crate) fn worthwhile<'a>(
    coins: impl Iterator<Item = &'a Coin>,
    feerate: FeeratePerKw,
) -> Vec<&'a Coin> {
    let cost = feerate.fee_ceil(INPUT_WEIGHT);
    coins.filter(|coin| coin.output.value > cost).collect()
}

/// What the coins are worth together.
pub(crate) fn total<'a>(coins: impl IntoIterator<Item = &'a &'a Coin>) -> Amount {
    sum(coins.into_iter().map(|coin| coin.output.value))
}

/// The coin as bdk's selection wants it. It looks at the value and the weight, and no further.
fn weigh(coin: &Coin) -> WeightedUtxo {
    let utxo = Utxo::Local(LocalOutput {
        outpoint: coin.outpoint,
        txout: coin.output.clone(),
        keychain: KeychainKind::from(coin.keychain),
        is_spent: false,
        derivation_index: coin.index,
        chain_position: ChainPosition::Unconfirmed { first_seen: None, last_seen: None },
    });
    WeightedUtxo { satisfaction_weight: Weight::from_wu(SATISFACTION_WEIGHT), utxo }
}

/// A script as long as any change script.
pub(crate) fn change_model() -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::all_zeros())
}

/// What an input weighs outside its witness: outpoint, length of the script, sequence.
pub(crate) const INPUT_BASE_WEIGHT: u64 = (36 + 1 + 4) * 4;
/// What an input of ours weighs.
pub(crate) const INPUT_WEIGHT: u64 = INPUT_BASE_WEIGHT + WITNESS_BYTES as u64;
/// The witness of an input of ours: a count, a signature with its sighash byte, which has 71 bytes or
/// by rare chance fewer, a public key, and a length byte for each.
pub(crate) const WITNESS_BYTES: usize = 1 + 1 + 71 + 1 + 33;
/// bdk counts an input with an empty witness, of one byte.
const SATISFACTION_WEIGHT: u64 = WITNESS_BYTES as u64 - 1;
/// An output to ourselves: value, length, script.
const CHANGE_BYTES: u64 = 8 + 1 + 22;
/// What it weighs.
pub(crate) const CHANGE_WEIGHT: u64 = CHANGE_BYTES * 4;
/// The search without change is exponential in the worst case, and nothing is gained by more coins.
const MOST_TRIED: usize = 1_000;
