//! The balance sheet: one coin is followed through the chain to where every satoshi of it is in the end.

use bitcoin::{Amount, OutPoint, Transaction, Txid};
use chain::Backend;
use chain::regtest::Regtest;
use std::collections::{BTreeMap, BTreeSet};

/// Where a coin went.
pub struct Sheet {
    /// What there was.
    pub given: Amount,
    /// Every transaction that spent some of it, with its fee.
    pub fees: Vec<(Txid, Amount)>,
    /// What is unspent in the end.
    pub unspent: BTreeMap<OutPoint, Amount>,
}

impl Sheet {
    /// Follows `coin` through all blocks.
    pub fn follow(chain: &Regtest, coin: OutPoint) -> Option<Self> {
        let mut unspent: BTreeMap<OutPoint, Amount> = BTreeMap::new();
        let mut fees = Vec::new();
        let mut given = Amount::ZERO;
        let mut backend = chain.another();
        for height in 0..=chain.best().height {
            let tip = backend.tip_at(height).ok()??;
            let block = backend.block(tip.hash).ok()??;
            for transaction in &block.txdata {
                let txid = transaction.compute_txid();
                if txid == coin.txid {
                    let output = transaction.output.get(usize::try_from(coin.vout).ok()?)?;
                    given = output.value;
                    unspent.insert(coin, given);
                } else if spends(transaction, &unspent) {
                    let inputs = transaction
                        .input
                        .iter()
                        .map(|input| unspent.remove(&input.previous_output))
                        .sum::<Option<Amount>>()?;
                    let outputs = transaction.output.iter().map(|output| output.value).sum();
                    fees.push((txid, inputs.checked_sub(outputs)?));
                    for (vout, output) in (0_u32..).zip(&transaction.output) {
                        unspent.insert(OutPoint { txid, vout }, output.value);
                    }
                }
            }
        }
        Some(Self { given, fees, unspent })
    }

    /// All fees.
    pub fn total_fees(&self) -> Amount {
        self.fees.iter().map(|(_, fee)| *fee).sum()
    }

    /// What is nobody's of these: anchors that cost more than they are worth.
    pub fn left_behind(&self, owned: &BTreeSet<OutPoint>) -> Amount {
        self.unspent
            .iter()
            .filter(|(outpoint, _)| !owned.contains(outpoint))
            .map(|(_, amount)| *amount)
            .sum()
    }

    /// What of the unspent is among these coins.
    pub fn owned(&self, coins: &BTreeSet<OutPoint>) -> Amount {
        self.unspent
            .iter()
            .filter(|(outpoint, _)| coins.contains(outpoint))
            .map(|(_, amount)| *amount)
            .sum()
    }
}

fn spends(transaction: &Transaction, unspent: &BTreeMap<OutPoint, Amount>) -> bool {
    transaction.input.iter().any(|input| unspent.contains_key(&input.previous_output))
}
