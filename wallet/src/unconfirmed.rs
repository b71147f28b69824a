//! Transactions of ours that no block holds yet: whoever broadcast them has to do it again.

use crate::coins::{Coins, Known};
use crate::wallet::Wallet;
use bitcoin::{OutPoint, Transaction, Txid};

impl Wallet {
    /// All of them that can still confirm, in the order of their txids.
    pub fn unconfirmed(&self) -> Vec<Transaction> {
        self.unconfirmed.values().map(|transaction| transaction.as_ref().clone()).collect()
    }

    /// Reads again what is kept apart from bdk, and so costs as much as the wallet's history.
    pub(crate) fn refresh(&mut self) {
        let known = Known::all(&self.inner);
        self.coins = Coins::of(&known, self.inner.spk_index());
        let waiting = known.into_iter().filter(|known| known.height.is_none());
        self.unconfirmed = waiting.map(|known| (known.txid, known.transaction)).collect();
    }

    /// The same after one more transaction of ours, for which a look at it is mostly enough.
    pub(crate) fn refresh_with(&mut self, txid: Txid, plain: bool) {
        let Some(node) = self.inner.tx_graph().get_tx_node(txid) else { return };
        if !plain {
            return self.refresh();
        }
        let known = Known { txid, transaction: node.tx, height: None };
        self.coins.follow(&known, self.inner.spk_index());
        self.unconfirmed.insert(txid, known.transaction);
    }

    /// Whether a transaction is new, conflicts with none, and spends of ours only what is a coin.
    pub(crate) fn is_plain(&self, transaction: &Transaction, txid: Txid) -> bool {
        let graph = self.inner.tx_graph();
        let known = |outpoint: OutPoint| graph.get_tx(outpoint.txid).is_some();
        let mut inputs = transaction.input.iter().map(|input| input.previous_output);
        graph.get_tx(txid).is_none()
            && graph.direct_conflicts(transaction).next().is_none()
            && inputs.all(|outpoint| self.coins.contains(&outpoint) || !known(outpoint))
    }

    /// When a transaction counts as seen: after those that it replaces and after its own end, if it
    /// is broadcast again. bdk takes the later of two that conflict, and clocks stand still or go back.
    pub(crate) fn seen_after(&self, transaction: &Transaction, txid: Txid, seconds: u64) -> u64 {
        let graph = self.inner.tx_graph();
        let seen = |txid: Txid| graph.get_tx_node(txid).and_then(|node| node.last_seen);
        let replaced = graph.direct_conflicts(transaction).filter_map(|(_, txid)| seen(txid));
        let before = replaced.chain(graph.get_last_evicted(txid)).max();
        before.map_or(seconds, |before| seconds.max(before.saturating_add(1)))
    }
}
