//! The best chain: its blocks, the coins after the last of them, and the way back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::constants::genesis_block;
use bitcoin::{Amount, Block, BlockHash, Network, OutPoint, Transaction, Txid};

use super::block_rules::{BlockError, check_block, check_reward};
use super::coins::{Coin, CoinSet, fee, spent_coins, sum};
use super::consensus::{Place, check_final, check_form, check_maturity, check_relative_locks};
use super::scripts::check_scripts;
use super::{Options, ScriptCheck};
use crate::{Refusal, Tip};

/// A chain of valid blocks and its coins.
pub(super) struct Ledger {
    /// By height; the genesis block is always there.
    blocks: Vec<Entry>,
    heights: BTreeMap<BlockHash, u32>,
    transactions: BTreeMap<Txid, (u32, u32)>,
    /// Blocks that were part of the chain once.
    stale: BTreeMap<BlockHash, Arc<Block>>,
    pub coins: CoinSet,
    pub options: Options,
}

struct Entry {
    hash: BlockHash,
    block: Arc<Block>,
    /// What each of its transactions spent.
    spent: Vec<Spent>,
}

type Spent = Vec<(OutPoint, Coin)>;

impl Ledger {
    pub fn new(options: Options) -> Self {
        // The outputs of the genesis block cannot be spent, by an old oversight that became a rule.
        let genesis = genesis_block(Network::Regtest);
        let hash = genesis.block_hash();
        Self {
            blocks: vec![Entry { hash, block: Arc::new(genesis), spent: Vec::new() }],
            heights: BTreeMap::from([(hash, 0)]),
            transactions: BTreeMap::new(),
            stale: BTreeMap::new(),
            coins: CoinSet::new(),
            options,
        }
    }

    pub fn tip_height(&self) -> u32 {
        u32::try_from(self.blocks.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub fn next_height(&self) -> u32 {
        self.tip_height().saturating_add(1)
    }

    pub fn tip(&self) -> Tip {
        let height = self.tip_height();
        let hash = self.blocks.last().map(|entry| entry.hash);
        Tip { height, hash: hash.unwrap_or_else(|| genesis_block(Network::Regtest).block_hash()) }
    }

    pub fn at(&self, height: u32) -> Option<Tip> {
        self.entry(height).map(|entry| Tip { height, hash: entry.hash })
    }

    pub fn contains(&self, tip: Tip) -> bool {
        self.at(tip.height) == Some(tip)
    }

    pub fn block_at(&self, height: u32) -> Option<Arc<Block>> {
        self.entry(height).map(|entry| Arc::clone(&entry.block))
    }

    /// A block of the best chain or one that was part of it.
    pub fn block(&self, hash: &BlockHash) -> Option<Arc<Block>> {
        match self.heights.get(hash) {
            Some(height) => self.block_at(*height),
            None => self.stale.get(hash).cloned(),
        }
    }

    /// Where a transaction of the chain is.
    pub fn position(&self, txid: &Txid) -> Option<(u32, u32)> {
        self.transactions.get(txid).copied()
    }

    pub fn transaction(&self, txid: &Txid) -> Option<Transaction> {
        let (height, tx_index) = self.position(txid)?;
        let index = usize::try_from(tx_index).ok()?;
        self.entry(height)?.block.txdata.get(index).cloned()
    }

    pub fn time(&self) -> u32 {
        self.blocks.last().map_or(0, |entry| entry.block.header.time)
    }

    /// Median time of the eleven blocks that end with `height`.
    pub fn median_time(&self, height: u32) -> u32 {
        let heights = height.saturating_sub(10)..=height;
        let mut times: Vec<u32> =
            heights.filter_map(|height| Some(self.entry(height)?.block.header.time)).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(0)
    }

    /// Runs `check` with the place that a transaction in the next block has.
    pub fn in_next_block<T>(&self, check: impl FnOnce(&Place<'_>) -> T) -> T {
        let median_time_at = |height| self.median_time(height);
        check(&Place {
            height: self.next_height(),
            median_time: self.median_time(self.tip_height()),
            median_time_at: &median_time_at,
        })
    }

    /// Adds a block on the tip, or says which rule it breaks and changes nothing.
    pub fn connect(&mut self, block: Block) -> Result<BlockHash, BlockError> {
        self.in_next_block(|place| check_block(&block, self.tip().hash, place))?;
        let mut spent = Vec::new();
        if let Err(error) = self.spend_all(&block, &mut spent) {
            self.restore(&block, spent);
            return Err(error);
        }
        let (height, hash) = (self.next_height(), block.block_hash());
        for (tx_index, transaction) in (0_u32..).zip(&block.txdata) {
            self.transactions.insert(transaction.compute_txid(), (height, tx_index));
        }
        self.heights.insert(hash, height);
        self.stale.remove(&hash);
        self.blocks.push(Entry { hash, block: Arc::new(block), spent });
        Ok(hash)
    }

    /// Takes the tip away; `None` at the genesis block.
    pub fn disconnect(&mut self) -> Option<Arc<Block>> {
        if self.blocks.len() < 2 {
            return None;
        }
        let Entry { hash, block, spent } = self.blocks.pop()?;
        for transaction in &block.txdata {
            self.transactions.remove(&transaction.compute_txid());
        }
        self.restore(&block, spent);
        self.heights.remove(&hash);
        self.stale.insert(hash, Arc::clone(&block));
        Some(block)
    }

    /// Moves the coins through a block. `spent` gets one element per transaction that was applied.
    fn spend_all(&mut self, block: &Block, spent: &mut Vec<Spent>) -> Result<(), BlockError> {
        let mut fees = Vec::new();
        for (tx_index, transaction) in block.txdata.iter().enumerate() {
            if !transaction.is_coinbase() {
                let fee = self.check_transaction(transaction).map_err(|refusal| {
                    BlockError::Transaction { tx_index, txid: transaction.compute_txid(), refusal }
                })?;
                fees.push(fee);
            }
            let coins = self.spend(transaction);
            spent.push(coins);
        }
        let reward = sum(fees).and_then(|fees| fees.checked_add(self.subsidy()));
        check_reward(block, reward)
    }

    /// All rules for a transaction in the next block; returns its fee.
    fn check_transaction(&self, transaction: &Transaction) -> Result<Amount, Refusal> {
        check_form(transaction)?;
        let coins = spent_coins(transaction, &self.coins)?;
        self.in_next_block(|place| {
            check_final(transaction, place)?;
            check_relative_locks(transaction, &coins, place)?;
            check_maturity(&coins, place)
        })?;
        let fee = fee(transaction, &coins)?;
        match self.options.scripts {
            ScriptCheck::Full => check_scripts(transaction, &coins)?,
            ScriptCheck::Skipped => {}
        }
        Ok(fee)
    }

    fn spend(&mut self, transaction: &Transaction) -> Spent {
        let mut spent = Vec::new();
        for input in &transaction.input {
            if let Some(coin) = self.coins.remove(&input.previous_output) {
                spent.push((input.previous_output, coin));
            }
        }
        let (txid, height) = (transaction.compute_txid(), self.next_height());
        let coinbase = transaction.is_coinbase();
        for (vout, txout) in (0_u32..).zip(&transaction.output) {
            if !txout.script_pubkey.is_op_return() {
                let coin = Coin { txout: txout.clone(), height, coinbase };
                self.coins.insert(OutPoint { txid, vout }, coin);
            }
        }
        spent
    }

    /// The reverse of `spend` for the transactions at the head of a block.
    fn restore(&mut self, block: &Block, spent: Vec<Spent>) {
        let applied: Vec<(&Transaction, Spent)> = block.txdata.iter().zip(spent).collect();
        for (transaction, spent) in applied.into_iter().rev() {
            let txid = transaction.compute_txid();
            for (vout, _) in (0_u32..).zip(&transaction.output) {
                self.coins.remove(&OutPoint { txid, vout });
            }
            self.coins.extend(spent);
        }
    }

    /// New coins in the next block.
    pub fn subsidy(&self) -> Amount {
        let halvings = self.next_height().checked_div(self.options.halving_interval);
        let initial = Amount::ONE_BTC.to_sat().saturating_mul(50);
        Amount::from_sat(initial.checked_shr(halvings.unwrap_or(0)).unwrap_or(0))
    }

    fn entry(&self, height: u32) -> Option<&Entry> {
        self.blocks.get(usize::try_from(height).ok()?)
    }
}
