//! The coins, kept apart from bdk so that no question walks through the whole history.

use bdk_wallet::KeychainKind;
use bitcoin::{Amount, OutPoint, TxOut};
use std::collections::{BTreeMap, BTreeSet};

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

/// The map.
#[derive(Debug, Default)]
pub(crate) struct Coins(BTreeMap<OutPoint, Coin>);

impl Coins {
    /// Reads all of them from bdk: linear in the wallet's history, so once per change.
    pub(crate) fn read(wallet: &bdk_wallet::Wallet) -> Self {
        let graph = wallet.tx_graph();
        let coins = wallet.list_unspent().filter_map(|unspent| {
            let coinbase = graph.get_tx(unspent.outpoint.txid).is_some_and(|tx| tx.is_coinbase());
            let height = unspent.chain_position.confirmation_height_upper_bound();
            // A coinbase transaction without its block is nothing.
            if coinbase && height.is_none() {
                return None;
            }
            let coin = Coin {
                outpoint: unspent.outpoint,
                output: unspent.txout,
                height,
                coinbase,
                keychain: unspent.keychain.into(),
                index: unspent.derivation_index,
            };
            Some((coin.outpoint, coin))
        });
        Self(coins.collect())
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
