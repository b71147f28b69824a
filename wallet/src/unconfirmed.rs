//! Transactions of ours that no block holds yet: whoever broadcast them has to do it again.

use crate::wallet::Wallet;
use bitcoin::Transaction;

impl Wallet {
    /// All of them that can still confirm, in the order of their txids. Linear in the wallet's history, as
    /// every look at it is: once a block is often enough.
    pub fn unconfirmed(&self) -> Vec<Transaction> {
        let all = self.inner.transactions();
        let waiting = all.filter(|transaction| transaction.chain_position.is_unconfirmed());
        let mut waiting: Vec<_> = waiting
            .map(|transaction| (transaction.tx_node.txid, transaction.tx_node.tx.as_ref().clone()))
            .collect();
        waiting.sort_by_key(|(txid, _)| *txid);
        waiting.into_iter().map(|(_, transaction)| transaction).collect()
    }
}
