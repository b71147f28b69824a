//! The coins, kept apart from bdk so that no question walks through the whole history.

use bdk_wallet::KeychainKind;
use bdk_wallet::chain::keychain_txout::KeychainTxOutIndex;
use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An unspent output of the wallet. One that a transaction of ours spends is none, from the moment
/// that the wallet knows that transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Where.
    pub outpoint: OutPoint,
    /// What.
    pub output: TxOut,
    /// The height of its block; `None` while its transaction is unconfirmed: one of ours, or one that
    /// a reorganisation took out of its block.
    pub height: Option<u32>,
    /// Whether it is of a coinbase transaction, and thus locked for 100 blocks.
    pub coinbase: bool,
    /// Which keychain its key is of.
    pub keychain: Keychain,
    /// Which key of the keychain.
    pub index: u32,
}

impl Coin {
    /// Whether it can be spent in the block after `tip`. Change of an unconfirmed transaction of ours
    /// cannot: a channel must not be lost because an earlier one was.
    pub fn is_spendable(&self, tip: u32) -> bool {
        let Some(height) = self.height else { return false };
        let depth = tip.saturating_add(1).saturating_sub(height);
        depth >= if self.coinbase { COINBASE_MATURITY } else { 1 }
    }

    /// Whether its transaction is in no block.
    pub fn is_unconfirmed(&self) -> bool {
        self.height.is_none()
    }
}

/// The two chains of keys of BIP 84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keychain {
    /// Addresses given to others.
    External,
    /// Change and sweeps.
    Internal,
}

impl Keychain {
    /// Its number in the derivation path.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::External => 0,
            Self::Internal => 1,
        }
    }
}

impl From<Keychain> for KeychainKind {
    fn from(keychain: Keychain) -> Self {
        match keychain {
            Keychain::External => Self::External,
            Keychain::Internal => Self::Internal,
        }
    }
}

impl From<KeychainKind> for Keychain {
    fn from(keychain: KeychainKind) -> Self {
        match keychain {
            KeychainKind::External => Self::External,
            KeychainKind::Internal => Self::Internal,
        }
    }
}

/// What the wallet holds. The four parts do not overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Can be spent now.
    pub confirmed: Amount,
    /// In no block: mostly change of transactions of ours.
    pub unconfirmed: Amount,
    /// Confirmed, but promised to an open.
    pub leased: Amount,
    /// Of coinbase transactions that are less than 100 blocks deep.
    pub immature: Amount,
}

/// A transaction that bdk takes for valid: in a block, or unconfirmed and not replaced or given up.
pub(crate) struct Known {
    pub(crate) txid: Txid,
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) height: Option<u32>,
}

impl Known {
    /// All of them: linear in the wallet's history, so once per change.
    pub(crate) fn all(wallet: &bdk_wallet::Wallet) -> Vec<Self> {
        let known = wallet.transactions().map(|transaction| Self {
            txid: transaction.tx_node.txid,
            height: transaction.chain_position.confirmation_height_upper_bound(),
            transaction: transaction.tx_node.tx,
        });
        // A coinbase transaction without its block is nothing.
        known.filter(|known| known.height.is_some() || !known.transaction.is_coinbase()).collect()
    }
}

/// Where bdk keeps which outputs are ours.
type Index = KeychainTxOutIndex<KeychainKind>;

/// The map.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Coins(BTreeMap<OutPoint, Coin>);

impl Coins {
    /// The unspent outputs of these transactions, which are all that bdk takes for valid.
    pub(crate) fn of(known: &[Known], index: &Index) -> Self {
        let inputs = known.iter().flat_map(|known| &known.transaction.input);
        let spent: BTreeSet<OutPoint> = inputs.map(|input| input.previous_output).collect();
        let mut coins = Self::default();
        for known in known {
            coins.receive(known, index, |outpoint| !spent.contains(outpoint));
        }
        coins
    }

    /// Follows a new transaction that has no conflict.
    pub(crate) fn follow(&mut self, known: &Known, index: &Index) {
        for input in &known.transaction.input {
            self.0.remove(&input.previous_output);
        }
        self.receive(known, index, |_| true);
    }

    pub(crate) fn contains(&self, outpoint: &OutPoint) -> bool {
        self.0.contains_key(outpoint)
    }

    fn receive(&mut self, known: &Known, index: &Index, unspent: impl Fn(&OutPoint) -> bool) {
        let coinbase = known.transaction.is_coinbase();
        for (vout, _) in (0_u32..).zip(&known.transaction.output) {
            let outpoint = OutPoint { txid: known.txid, vout };
            let Some(((keychain, index), output)) = index.txout(outpoint) else { continue };
            if unspent(&outpoint) {
                let (output, height) = (output.clone(), known.height);
                let keychain = Keychain::from(keychain);
                let coin = Coin { outpoint, output, height, coinbase, keychain, index };
                self.0.insert(outpoint, coin);
            }
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Coin> {
        self.0.values()
    }

    /// One coin, if it can be spent now.
    pub(crate) fn free(
        &self,
        outpoint: &OutPoint,
        tip: u32,
        leased: &BTreeSet<OutPoint>,
    ) -> Option<&Coin> {
        self.0.get(outpoint).filter(|coin| coin.is_spendable(tip) && !leased.contains(outpoint))
    }

    /// All coins that can be spent now, in the order of their outpoints.
    pub(crate) fn all_free<'a>(
        &'a self,
        tip: u32,
        leased: &'a BTreeSet<OutPoint>,
    ) -> impl Iterator<Item = &'a Coin> {
        self.all().filter(move |coin| coin.is_spendable(tip) && !leased.contains(&coin.outpoint))
    }

    pub(crate) fn balance(&self, tip: u32, leased: &BTreeSet<OutPoint>) -> Balance {
        let mut balance = Balance::default();
        for coin in self.all() {
            let part = if coin.is_unconfirmed() {
                &mut balance.unconfirmed
            } else if !coin.is_spendable(tip) {
                &mut balance.immature
            } else if leased.contains(&coin.outpoint) {
                &mut balance.leased
            } else {
                &mut balance.confirmed
            };
            *part = sum([*part, coin.output.value]);
        }
        balance
    }
}

/// Adds amounts up. All the bitcoin there will be fit into an `Amount` 8,000 times.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    amounts
        .into_iter()
        .fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY))
}

/// How deep a coinbase transaction must be before its outputs can be spent in the next block.
const COINBASE_MATURITY: u32 = 100;
