//! Which coins to spend.

use crate::coins::{Coin, sum};
use bdk_wallet::chain::ChainPosition;
use bdk_wallet::coin_selection::{
    BranchAndBoundCoinSelection, CoinSelectionAlgorithm, LargestFirstCoinSelection,
};
use bdk_wallet::{KeychainKind, LocalOutput, Utxo, WeightedUtxo};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::rand::rngs::mock::StepRng;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, WPubkeyHash, Weight};
use std::collections::BTreeSet;
use transactions::FeeratePerKw;

/// A way to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Coins that need no change, if there are such; else as below.
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
/// needed. `None` if all of them do not suffice.
pub(crate) fn select<'a>(
    strategy: Strategy,
    required: &[&'a Coin],
    optional: &[&'a Coin],
    target: Amount,
    feerate: FeeratePerKw,
) -> Option<Vec<&'a Coin>> {
    if target > Amount::MAX_MONEY {
        return None;
    }
    let weighted = |coins: &[&Coin]| coins.iter().map(|coin| weigh(coin)).collect::<Vec<_>>();
    let (first, then) = (weighted(required), weighted(optional));
    let rate = FeeRate::from_sat_per_kwu(u64::from(feerate.0));
    // Neither strategy draws from it.
    let change = change_model();
    let mut no_chance = StepRng::new(0, 0);
    let result = match strategy {
        Strategy::Changeless => BranchAndBoundCoinSelection::new(
            CHANGE_BYTES,
            LargestFirstCoinSelection,
        )
        .coin_select(first, then, rate, target, &change, &mut no_chance),
        Strategy::Largest | Strategy::WithChange => LargestFirstCoinSelection.coin_select(
            first,
            then,
            rate,
            target,
            &change,
            &mut no_chance,
        ),
    };
    let chosen: BTreeSet<OutPoint> = result.ok()?.selected.iter().map(Utxo::outpoint).collect();
    let all = required.iter().chain(optional).copied();
    Some(all.filter(|coin| chosen.contains(&coin.outpoint)).collect())
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
