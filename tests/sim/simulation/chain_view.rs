//! The chain as a node has heard of it: the checkers judge a node by what it can know.

use super::backend::Chain;
use bitcoin::{BlockHash, Transaction, Txid};
use chain::{ChainUpdate, Follower};
use std::collections::BTreeMap;

/// Blocks by height, and their transactions.
#[derive(Debug, Default)]
pub struct ChainView {
    blocks: BTreeMap<u32, (BlockHash, Vec<Txid>)>,
    transactions: BTreeMap<Txid, (u32, Transaction)>,
}

impl ChainView {
    /// That of a process that has just been started.
    pub fn restored(follower: &Follower, chain: &Chain) -> Self {
        let mut view = Self::default();
        for tip in follower.tips() {
            let transactions =
                chain.blocks.get(&tip.hash).map_or_else(Vec::new, |block| block.txdata.clone());
            view.add(tip.height, tip.hash, &transactions);
        }
        view
    }

    /// Hears of blocks.
    pub fn follow(&mut self, update: &ChainUpdate) {
        let above: Vec<u32> =
            self.blocks.range(update.fork.height + 1..).map(|(height, _)| *height).collect();
        for height in above {
            if let Some((_, txids)) = self.blocks.remove(&height) {
                for txid in txids {
                    self.transactions.remove(&txid);
                }
            }
        }
        for block in &update.connected {
            self.add(block.height, block.hash, &block.block.txdata);
        }
    }

    /// The height of the last block.
    pub fn height(&self) -> u32 {
        self.blocks.last_key_value().map_or(0, |(height, _)| *height)
    }

    /// The last block.
    pub fn tip(&self) -> Option<BlockHash> {
        self.blocks.last_key_value().map(|(_, (hash, _))| *hash)
    }

    /// A transaction and how deep it is.
    pub fn transaction(&self, txid: &Txid) -> Option<(&Transaction, u32)> {
        let (height, transaction) = self.transactions.get(txid)?;
        Some((transaction, self.height() + 1 - height))
    }

    fn add(&mut self, height: u32, hash: BlockHash, transactions: &[Transaction]) {
        let mut txids = Vec::new();
        for transaction in transactions {
            let txid = transaction.compute_txid();
            self.transactions.insert(txid, (height, transaction.clone()));
            txids.push(txid);
        }
        self.blocks.insert(height, (hash, txids));
    }
}
