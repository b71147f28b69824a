//! Chain and mempool together: how each changes with the other.

use std::collections::BTreeMap;

use bitcoin::{Amount, Block, BlockHash, OutPoint, ScriptBuf, Transaction, Txid};

use super::accept::Judge;
use super::block_rules::BlockError;
use super::ledger::Ledger;
use super::mempool::{Mempool, fitting};
use super::mining::next_block;
use super::{Fill, Options, Reorg, ReorgError, Reorganised, Returned};
use crate::{FeeEstimates, Refusal, Rule};

/// All that the handles share.
pub(super) struct World {
    pub ledger: Ledger,
    pub pool: Mempool,
    pub estimates: FeeEstimates,
    /// Whether the backend plays dead.
    pub outage: bool,
    /// Seconds that the next block is later than usual.
    pub delay: u32,
    blocks_made: u64,
}

impl World {
    pub fn new(options: Options) -> Self {
        let estimates = options.feerate.map_or_else(FeeEstimates::new, FeeEstimates::flat);
        Self {
            ledger: Ledger::new(options),
            pool: Mempool::default(),
            estimates,
            outage: false,
            delay: 0,
            blocks_made: 0,
        }
    }

    pub fn judge(&self) -> Judge<'_> {
        Judge { ledger: &self.ledger, pool: &self.pool }
    }

    /// Takes one transaction, or a parent with its child.
    pub fn broadcast(&mut self, transactions: &[Transaction]) -> Result<(), Refusal> {
        match transactions {
            [] => Ok(()),
            [transaction] => self.accept(transaction),
            [parent, child] => self.accept_pair(parent, child),
            [_, _, _, ..] => {
                let text = "at most a parent and its child are taken together";
                Err(Refusal::new(Rule::Other, text))
            }
        }
    }

    /// A block on the tip with these transactions; they need not be in the mempool.
    pub fn template(&mut self, transactions: Vec<Transaction>, script: ScriptBuf) -> Block {
        let fees = self.fees(&transactions);
        let interval = self.ledger.options.block_interval;
        let usual = self.ledger.time().saturating_add(interval).max(self.ledger.options.start_time);
        let now = usual.saturating_add(self.delay);
        self.blocks_made = self.blocks_made.saturating_add(1);
        next_block(&self.ledger, transactions, fees, script, now, self.blocks_made)
    }

    /// Adds a block on the tip, and takes from the mempool what is in it or conflicts with it.
    pub fn submit(&mut self, block: Block) -> Result<BlockHash, BlockError> {
        let spent: Vec<(Txid, Vec<OutPoint>)> = block
            .txdata
            .iter()
            .map(|tx| {
                let outpoints = tx.input.iter().map(|input| input.previous_output).collect();
                (tx.compute_txid(), outpoints)
            })
            .collect();
        let hash = self.ledger.connect(block)?;
        self.delay = 0;
        for (txid, outpoints) in spent {
            self.pool.remove(&txid);
            for outpoint in outpoints {
                if let Some(conflicting) = self.pool.spender(&outpoint) {
                    self.pool.evict(&conflicting);
                }
            }
        }
        Ok(hash)
    }

    /// Mines one block. What the mempool holds is valid in it; should it not be, it is evicted.
    pub fn mine(&mut self, script: &ScriptBuf, fill: Fill) -> Option<BlockHash> {
        loop {
            let transactions = match fill {
                Fill::Mempool => fitting(&self.pool),
                Fill::Nothing => Vec::new(),
            };
            let block = self.template(transactions, script.clone());
            match self.submit(block) {
                Ok(hash) => return Some(hash),
                Err(BlockError::Transaction { txid, .. }) => self.pool.evict(&txid),
                Err(_) if self.pool.is_empty() => return None,
                Err(_) => drop(self.pool.take_all()),
            }
        }
    }

    pub fn reorganise(&mut self, reorg: &Reorg) -> Result<Reorganised, ReorgError> {
        let height = self.ledger.tip_height();
        if reorg.depth > height {
            return Err(ReorgError { depth: reorg.depth, height });
        }
        let mut undone = Vec::new();
        while self.ledger.tip_height() > height.saturating_sub(reorg.depth) {
            let Some(block) = self.ledger.disconnect() else { break };
            undone.push(block);
        }
        let disconnected = undone.iter().map(|block| block.block_hash()).collect();
        let again = undone.iter().rev().flat_map(|block| block.txdata.iter().skip(1)).cloned();
        let waiting = self.pool.take_all().into_iter().map(|entry| entry.transaction);
        let returned: Vec<Transaction> = match reorg.returned {
            Returned::ToMempool => again.chain(waiting).collect(),
            Returned::Nowhere => waiting.collect(),
        };
        for transaction in returned {
            if let Ok(plan) = self.judge().returning(&transaction) {
                plan.carry_out(&mut self.pool);
            }
        }
        let blocks = (0..reorg.blocks).filter_map(|_| self.mine(&reorg.script, reorg.fill));
        Ok(Reorganised { disconnected, connected: blocks.collect() })
    }

    fn accept(&mut self, transaction: &Transaction) -> Result<(), Refusal> {
        let plan = self.judge().transaction(transaction)?;
        plan.carry_out(&mut self.pool);
        Ok(())
    }

    /// The parent by itself if it can stand alone, so that a good parent does not fall with a bad
    /// child; else both or none.
    fn accept_pair(&mut self, parent: &Transaction, child: &Transaction) -> Result<(), Refusal> {
        match self.accept(parent) {
            Ok(()) => self.accept(child),
            Err(Refusal { rule: Rule::FeeBelowMinimum | Rule::ReplacementFeeTooLow, .. }) => {
                let plan = self.judge().pair(parent, child)?;
                plan.carry_out(&mut self.pool);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What these transactions pay in fees; those whose inputs are unknown count as paying none.
    fn fees(&self, transactions: &[Transaction]) -> Amount {
        let mut outputs: BTreeMap<OutPoint, Amount> = BTreeMap::new();
        let mut fees = Amount::ZERO;
        for transaction in transactions {
            let value = |outpoint: &OutPoint| {
                let in_chain = self.ledger.coins.get(outpoint).map(|coin| coin.txout.value);
                in_chain.or_else(|| outputs.get(outpoint).copied())
            };
            let brought = transaction
                .input
                .iter()
                .try_fold(Amount::ZERO, |sum, vin| sum.checked_add(value(&vin.previous_output)?));
            let paid = super::coins::sum(transaction.output.iter().map(|output| output.value));
            let fee = brought.zip(paid).and_then(|(brought, paid)| brought.checked_sub(paid));
            fees = fees.checked_add(fee.unwrap_or(Amount::ZERO)).unwrap_or(fees);
            let txid = transaction.compute_txid();
            for (vout, output) in (0_u32..).zip(&transaction.output) {
                outputs.insert(OutPoint { txid, vout }, output.value);
            }
        }
        fees
    }
}
