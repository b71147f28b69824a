//! Transactions of ours that no block holds yet: whoever broadcast them has to do it again.

use crate::coins::{Coins, Known};
use crate::wallet::Wallet;
use bdk_wallet::chain::BlockId;
use bitcoin::{OutPoint, Transaction, Txid};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Wallet {
    /// All of them that can still confirm, in the order of their txids.
    pub fn unconfirmed(&self) -> Vec<Transaction> {
        self.unconfirmed.values().map(|transaction| transaction.as_ref().clone()).collect()
    }

    /// Why a transaction of ours can never confirm, if the chain says so: one in a block, and its height,
    /// that spends a coin of it, or of a transaction that it builds on and that is in no block itself.
    pub fn conflict_of(&self, transaction: &Transaction) -> Option<(Txid, u32)> {
        let graph = self.inner.tx_graph();
        let mut seen = BTreeSet::new();
        let mut todo = vec![Arc::new(transaction.clone())];
        while let Some(transaction) = todo.pop() {
            let txid = transaction.compute_txid();
            if !seen.insert(txid) || self.confirmed_at(txid).is_some() {
                continue;
            }
            let conflicts = graph.direct_conflicts(&transaction).map(|(_, txid)| txid);
            let mut conflicts = conflicts.filter_map(|txid| Some((txid, self.confirmed_at(txid)?)));
            if let Some(conflict) = conflicts.next() {
                return Some(conflict);
            }
            let inputs = transaction.input.iter().map(|input| input.previous_output.txid);
            todo.extend(inputs.filter_map(|txid| graph.get_tx(txid)));
        }
        None
    }

    /// The height of the block of the chain that holds a transaction of ours.
    fn confirmed_at(&self, txid: Txid) -> Option<u32> {
        let node = self.inner.tx_graph().get_tx_node(txid)?;
        let chain = self.inner.local_chain();
        let mut blocks = node.anchors.iter().map(|anchor| anchor.block_id);
        let is_in_chain = |block: &BlockId| {
            chain.get(block.height).is_some_and(|checkpoint| checkpoint.hash() == block.hash)
        };
        blocks.find(is_in_chain).map(|block| block.height)
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
