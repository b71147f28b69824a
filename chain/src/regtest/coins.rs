//! Unspent outputs, and where a transaction looks for its inputs.

use std::collections::BTreeMap;

use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};

use crate::{Refusal, Rule};

/// An unspent output.
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub txout: TxOut,
    /// Height of the block that it is in; for an unconfirmed one, that of the next block.
    pub height: u32,
    pub coinbase: bool,
}

/// Somewhere to find coins.
pub(super) trait CoinView {
    fn coin(&self, outpoint: &OutPoint) -> Option<Coin>;
}

/// The coins of a chain, in the order of their outpoints.
pub(super) type CoinSet = BTreeMap<OutPoint, Coin>;

impl CoinView for CoinSet {
    fn coin(&self, outpoint: &OutPoint) -> Option<Coin> {
        self.get(outpoint).cloned()
    }
}

/// Another view after one more transaction: its outputs are there, what it spends is gone.
pub(super) struct WithParent<'a, V> {
    pub below: &'a V,
    pub parent: &'a Transaction,
    pub parent_txid: Txid,
    /// Height that its outputs count as.
    pub height: u32,
}

impl<V: CoinView> CoinView for WithParent<'_, V> {
    fn coin(&self, outpoint: &OutPoint) -> Option<Coin> {
        if outpoint.txid != self.parent_txid {
            let gone = self.parent.input.iter().any(|input| input.previous_output == *outpoint);
            return if gone { None } else { self.below.coin(outpoint) };
        }
        unconfirmed_coin(self.parent, outpoint.vout, self.height)
    }
}

/// The output `vout` of a transaction that is not in a block yet.
pub(super) fn unconfirmed_coin(transaction: &Transaction, vout: u32, height: u32) -> Option<Coin> {
    let txout = transaction.output.get(usize::try_from(vout).ok()?)?.clone();
    Some(Coin { txout, height, coinbase: false })
}

/// What each input spends.
pub(super) fn spent_coins(
    transaction: &Transaction,
    view: &impl CoinView,
) -> Result<Vec<Coin>, Refusal> {
    let find = |(vin, input): (usize, &bitcoin::TxIn)| {
        view.coin(&input.previous_output).ok_or_else(|| {
            Refusal::new(
                Rule::InputsMissingOrSpent,
                format!("input {vin} spends {}, which is not there", input.previous_output),
            )
        })
    };
    transaction.input.iter().enumerate().map(find).collect()
}

/// What the inputs bring beyond the outputs.
pub(super) fn fee(transaction: &Transaction, spent: &[Coin]) -> Result<Amount, Refusal> {
    let brought = sum(spent.iter().map(|coin| coin.txout.value));
    let paid = sum(transaction.output.iter().map(|output| output.value));
    let fee = brought.zip(paid).and_then(|(brought, paid)| brought.checked_sub(paid));
    fee.ok_or_else(|| Refusal::new(Rule::Malformed, "it pays out more than it brings in"))
}

/// The sum, unless it is more than there can be.
pub(super) fn sum(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
    let sum = amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add)?;
    (sum <= Amount::MAX_MONEY).then_some(sum)
}
