//! Transactions of ours that no block holds yet: whoever broadcast them has to do it again.

use crate::wallet::Wallet;
use bitcoin::{Transaction, Txid};

impl Wallet {
    /// All of them that can still confirm, in the order of their txids.
    pub fn unconfirmed(&self) -> Vec<Transaction> {
        self.unconfirmed.clone()
    }

    /// Reads them from bdk: linear in the wallet's history, so once per change.
    pub(crate) fn read_unconfirmed(wallet: &bdk_wallet::Wallet) -> Vec<Transaction> {
        let waiting = wallet.transactions().filter(|transaction| {
            // A coinbase transaction without its block is nothing.
            transaction.chain_position.is_unconfirmed() && !transaction.tx_node.tx.is_coinbase()
        });
        let mut waiting: Vec<_> = waiting
            .map(|transaction| (transaction.tx_node.txid, transaction.tx_node.tx.as_ref().clone()))
            .collect();
        waiting.sort_by_key(|(txid, _)| *txid);
        waiting.into_iter().map(|(_, transaction)| transaction).collect()
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
