//! A whole chain inside the process, for demonstrations, tests and simulations.
//!
//! It has blocks, a mempool and a miner, and holds transactions to the rules of the network: scripts
//! by the interpreter of Bitcoin Core, lock times, maturity, and what is relayed at which fee. It
//! has no clock and no chance: the time of a block follows from that of the block before, so the
//! same calls always make the same blocks.
//!
//! ```text
//! Regtest (handle) --+
//! Regtest (handle) --+--> World { Ledger: blocks, coins   Mempool: transactions, conflicts }
//! Regtest (handle) --+            ^ block_rules, consensus         ^ accept: policy, consensus
//! ```
//!
//! What differs from `bitcoind -regtest` is listed in `docs/adr/0007-embedded-chain.md`.

mod accept;
mod backend;
mod block_rules;
mod coins;
mod consensus;
mod faucet;
mod ledger;
mod mempool;
mod mining;
mod policy;
mod scripts;
mod world;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitcoin::{Amount, Block, BlockHash, OutPoint, ScriptBuf, Transaction, Txid};

pub use block_rules::BlockError;
pub use faucet::{FaucetError, faucet_script};
pub use mining::solve;

use crate::{BackendError, ChainUpdate, FeeEstimates, Tip};
use world::World;

/// A handle on an embedded chain. Clones are handles on the same chain, for any thread.
#[derive(Clone)]
pub struct Regtest {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    changed: Condvar,
}

/// What an embedded chain is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Seconds from one block to the next.
    pub block_interval: u32,
    /// Earliest time of the first block, in seconds since 1970. What compares block times with a
    /// clock wants the present here.
    pub start_time: u32,
    /// Whether scripts and signatures are checked.
    pub scripts: ScriptCheck,
    /// Least feerate of the mempool, in satoshis per 1000 virtual bytes.
    pub min_relay_sat_per_kvb: u64,
    /// What a replacement pays for its own size, in satoshis per 1000 virtual bytes.
    pub incremental_sat_per_kvb: u64,
    /// Estimated feerate for each target, in satoshis per 1000 weight units.
    pub feerate: Option<u32>,
    /// Blocks after which the subsidy halves.
    pub halving_interval: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_interval: 600,
            start_time: 0,
            scripts: ScriptCheck::Full,
            min_relay_sat_per_kvb: 100,
            incremental_sat_per_kvb: 100,
            feerate: Some(1000),
            halving_interval: 210_000,
        }
    }
}

/// Whether scripts and signatures are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptCheck {
    /// Each input, as in a real node.
    Full,
    /// None: for simulations in which nobody forges and speed counts.
    Skipped,
}

/// A reorganisation to bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorg {
    /// How many blocks to take away.
    pub depth: u32,
    /// How many blocks to mine in their place; fewer than `depth` make the chain shorter.
    pub blocks: u32,
    /// Where the transactions of the blocks taken away go.
    pub returned: Returned,
    /// What the new blocks hold.
    pub fill: Fill,
    /// To whom the new blocks pay.
    pub script: ScriptBuf,
}

impl Reorg {
    /// `blocks` empty ones in the place of the newest `depth`, whose transactions go back to the
    /// mempool.
    pub fn new(depth: u32, blocks: u32) -> Self {
        let (returned, fill) = (Returned::ToMempool, Fill::Nothing);
        Self { depth, blocks, returned, fill, script: faucet_script() }
    }
}

/// Where the transactions of a block that is undone go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Back to the mempool, as far as they are still valid.
    ToMempool,
    /// They are lost until somebody broadcasts them again.
    Nowhere,
}

/// What a mined block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The mempool, as far as there is room.
    Mempool,
    /// Its coinbase only.
    Nothing,
}

/// What a reorganisation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganised {
    /// Blocks taken away, newest first.
    pub disconnected: Vec<BlockHash>,
    /// Blocks in their place, in order.
    pub connected: Vec<BlockHash>,
}

/// There are not as many blocks as were to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReorgError {
    /// How many were to be taken away.
    pub depth: u32,
    /// How many there are above the genesis block.
    pub height: u32,
}

impl fmt::Display for ReorgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are {} blocks, {} cannot be taken away", self.height, self.depth)
    }
}

impl std::error::Error for ReorgError {}

/// A transaction of the chain or of the mempool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The transaction.
    pub transaction: Transaction,
    /// Its block and its position in it; `None` while it is unconfirmed.
    pub confirmed: Option<(Tip, u32)>,
}

impl Regtest {
    /// A new chain, which has its genesis block only.
    pub fn new(options: Options) -> Self {
        let (world, changed) = (Mutex::new(World::new(options)), Condvar::new());
        Self { shared: Arc::new(Shared { world, changed }) }
    }

    /// Mines `n` blocks that pay to `script`; the mempool goes into the first ones.
    pub fn mine(&self, n: u32, script: &ScriptBuf) -> Vec<BlockHash> {
        let mut world = self.change();
        (0..n).filter_map(|_| world.mine(script, Fill::Mempool)).collect()
    }

    /// Mines `n` blocks to `script` that leave the mempool as it is.
    pub fn mine_empty(&self, n: u32, script: &ScriptBuf) -> Vec<BlockHash> {
        let mut world = self.change();
        (0..n).filter_map(|_| world.mine(script, Fill::Nothing)).collect()
    }

    /// Mines one block that holds exactly these transactions, in this order. They need not be
    /// relayable, and those of the mempool that conflict with them are evicted.
    ///
    /// # Errors
    /// [`BlockError`]: one of them is not valid; nothing has changed.
    pub fn mine_transactions(
        &self,
        transactions: &[Transaction],
        script: &ScriptBuf,
    ) -> Result<BlockHash, BlockError> {
        let mut world = self.change();
        let block = world.template(transactions.to_vec(), script.clone());
        world.submit(block)
    }

    /// A solved block on the tip with these transactions, not yet part of the chain.
    pub fn template(&self, transactions: &[Transaction], script: &ScriptBuf) -> Block {
        self.lock().template(transactions.to_vec(), script.clone())
    }

    /// Adds a block on the tip.
    ///
    /// # Errors
    /// [`BlockError`]: it breaks a rule; nothing has changed.
    pub fn submit_block(&self, block: Block) -> Result<BlockHash, BlockError> {
        self.change().submit(block)
    }

    /// Replaces the newest `depth` blocks by `n` empty ones; their transactions go back to the
    /// mempool. See [`Regtest::reorg_with`] for other kinds.
    ///
    /// # Errors
    /// [`ReorgError`] when there are fewer blocks than that.
    pub fn reorg(&self, depth: u32, n: u32) -> Result<Reorganised, ReorgError> {
        self.reorg_with(&Reorg::new(depth, n))
    }

    /// Replaces the newest blocks by others.
    ///
    /// # Errors
    /// [`ReorgError`] when there are not as many.
    pub fn reorg_with(&self, reorg: &Reorg) -> Result<Reorganised, ReorgError> {
        self.change().reorganise(reorg)
    }

    /// Pays `amount` to `script` in a block of its own, after as many empty blocks as the faucet
    /// needs to have a ripe coin.
    ///
    /// # Errors
    /// [`FaucetError`].
    pub fn fund(&self, script: &ScriptBuf, amount: Amount) -> Result<OutPoint, FaucetError> {
        self.change().fund(script.clone(), amount)
    }

    /// The same, but leaves the payment in the mempool.
    ///
    /// # Errors
    /// [`FaucetError`].
    pub fn pay(&self, script: &ScriptBuf, amount: Amount) -> Result<OutPoint, FaucetError> {
        self.change().pay(script.clone(), amount)
    }

    /// Evicts a transaction and all that spend from it, as a full mempool would. Returns whether it
    /// was there.
    pub fn drop_from_mempool(&self, txid: &Txid) -> bool {
        let mut world = self.change();
        let there = world.pool.contains(txid);
        world.pool.evict(txid);
        there
    }

    /// The unconfirmed transactions, parents before children.
    pub fn mempool(&self) -> Vec<Transaction> {
        self.lock().pool.in_order().map(|entry| entry.transaction.clone()).collect()
    }

    /// A transaction of the best chain or of the mempool.
    pub fn transaction(&self, txid: &Txid) -> Option<Located> {
        let world = self.lock();
        if let Some(entry) = world.pool.entry(txid) {
            return Some(Located { transaction: entry.transaction.clone(), confirmed: None });
        }
        let (height, tx_index) = world.ledger.position(txid)?;
        let confirmed = Some((world.ledger.at(height)?, tx_index));
        Some(Located { transaction: world.ledger.transaction(txid)?, confirmed })
    }

    /// The best block, also during an outage.
    pub fn best(&self) -> Tip {
        self.lock().ledger.tip()
    }

    /// Time of the best block, in seconds since 1970.
    pub fn time(&self) -> u32 {
        self.lock().ledger.time()
    }

    /// What is new after the blocks of `locator` (newest first), without waiting.
    ///
    /// # Errors
    /// [`BackendError`]: an outage, or no common block.
    pub fn poll(&self, locator: &[Tip]) -> Result<Option<ChainUpdate>, BackendError> {
        self.lock().news(locator)
    }

    /// Makes the next block later by this many seconds.
    pub fn advance(&self, seconds: u32) {
        let mut world = self.lock();
        world.delay = world.delay.saturating_add(seconds);
    }

    /// Sets the estimate for each target, in satoshis per 1000 weight units; `None`: no estimate.
    pub fn set_feerate(&self, sat_per_kw: Option<u32>) {
        self.set_estimates(sat_per_kw.map_or_else(FeeEstimates::new, FeeEstimates::flat));
    }

    /// Sets the estimates target by target.
    pub fn set_estimates(&self, estimates: FeeEstimates) {
        self.lock().estimates = estimates;
    }

    /// Sets the least feerate of the mempool, in satoshis per 1000 virtual bytes. What is there
    /// already stays.
    pub fn set_min_relay(&self, sat_per_kvb: u64) {
        self.lock().ledger.options.min_relay_sat_per_kvb = sat_per_kvb;
    }

    /// Whether all handles answer as if the backend were away. Only
    /// [`Backend`](crate::Backend) and [`Regtest::poll`] are concerned.
    pub fn outage(&self, away: bool) {
        self.change().outage = away;
    }

    /// Sleeps until `done`, which is asked at once and after each change, or until the timeout.
    /// Returns the best block of that moment.
    fn wait(&self, timeout: Duration, mut done: impl FnMut(&World) -> bool) -> Tip {
        let waiting = self.shared.changed.wait_timeout_while(self.lock(), timeout, |w| !done(w));
        let (world, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        world.ledger.tip()
    }

    /// Access that wakes those who wait, once it ends.
    fn change(&self) -> MutexGuard<'_, World> {
        // They need the lock to look at the change, so they cannot look before it is made.
        let world = self.lock();
        self.shared.changed.notify_all();
        world
    }

    /// A panic elsewhere cannot leave the world half changed in a way that matters here.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Regtest {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl fmt::Debug for Regtest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regtest at {}", self.best())
    }
}
