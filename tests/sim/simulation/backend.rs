//! The block chain that all nodes share, and what stands between it and each of them: a thread that follows
//! it, and one that broadcasts, tests and asks for feerates.

use super::calendar::Item;
use super::world::World;
use bitcoin::{Amount, Block, BlockHash, OutPoint, Transaction, Txid};
use chain::regtest::{Fill, Options, Regtest, Reorg, Returned, ScriptCheck, faucet_script};
use chain::{Backend, BroadcastError, Feerates, Follower, Tip, Untested, ask_feerates, look_for};
use funding::{Fees, Verdict};
use node::Event;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use transactions::FeeratePerKw;

/// The chain.
pub struct Chain {
    /// It.
    pub regtest: Regtest,
    /// Every block that ever was.
    pub blocks: BTreeMap<BlockHash, Arc<Block>>,
    birthday: Option<Tip>,
    is_away: bool,
    /// What the faucet paid: it does not go back on it.
    payments: Vec<Transaction>,
}

/// Whether the backend answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Not from now on.
    Begins,
    /// From now on.
    Over,
}

/// What a process has between itself and the chain.
pub struct ChainThread {
    follower: Follower,
    said: Option<(bool, Option<String>)>,
    fees: Option<Fees>,
    /// Broadcasts and tests that wait.
    pub jobs: VecDeque<Job>,
}

/// Something for the chain worker.
#[derive(Debug)]
pub enum Job {
    /// Hand over a transaction, or a parent with its child.
    Broadcast(Vec<Transaction>),
    /// Test one.
    Test(Transaction),
    /// Look for some.
    Look(Vec<Txid>, Vec<OutPoint>),
}

impl ChainThread {
    /// For a process that has followed so far.
    pub fn new(follower: Follower) -> Self {
        Self { follower, said: None, fees: None, jobs: VecDeque::new() }
    }
}

impl Chain {
    /// The genesis block.
    pub fn new(scripts: bool) -> Self {
        let scripts = if scripts { ScriptCheck::Full } else { ScriptCheck::Skipped };
        let regtest = Regtest::new(Options { scripts, ..Options::default() });
        Self {
            regtest,
            blocks: BTreeMap::new(),
            birthday: None,
            is_away: false,
            payments: Vec::new(),
        }
    }

    /// Blocks below the first that a node follows, whose rewards the faucet can spend.
    pub fn begin(&mut self) {
        self.mine(110);
        self.birthday = Some(self.regtest.best());
        // So that no reorganisation goes below the birthday.
        self.mine(20);
    }

    /// Where nodes begin.
    pub fn birthday(&self) -> Tip {
        self.birthday.unwrap_or_else(|| self.regtest.best())
    }

    /// Blocks with what the mempool holds.
    pub fn mine(&mut self, count: u32) {
        let hashes = self.regtest.mine(count, &faucet_script());
        self.remember(&hashes);
    }

    /// Blocks with nothing.
    pub fn mine_empty(&mut self, count: u32) {
        let hashes = self.regtest.mine_empty(count, &faucet_script());
        self.remember(&hashes);
    }

    /// Other blocks in the place of the last ones.
    pub fn reorganise(&mut self, depth: u32, blocks: u32, returned: Returned, fill: Fill) {
        let reorg = Reorg { returned, fill, ..Reorg::new(depth, blocks) };
        if let Ok(reorganised) = self.regtest.reorg_with(&reorg) {
            self.remember(&reorganised.connected);
        }
        self.regtest.outage(false);
        for payment in &self.payments {
            // Most are in a block.
            let _ = self.regtest.broadcast(std::slice::from_ref(payment));
        }
        self.regtest.outage(self.is_away);
    }

    /// Whether a transaction is one of the faucet's.
    pub fn is_payment(&self, transaction: &Transaction) -> bool {
        self.payments.contains(transaction)
    }

    /// A payment of the faucet's, unconfirmed.
    pub fn pay(&mut self, script: &bitcoin::ScriptBuf, amount: Amount) -> Option<OutPoint> {
        let before = self.regtest.best().height;
        let outpoint = self.regtest.pay(script, amount).ok();
        self.remember_from(before);
        let payment = outpoint.and_then(|outpoint| self.regtest.transaction(&outpoint.txid));
        self.payments.extend(payment.map(|located| located.transaction));
        outpoint
    }

    /// A block with exactly these transactions; whether they are valid.
    pub fn mine_exactly(&mut self, transactions: &[Transaction]) -> bool {
        match self.regtest.mine_transactions(transactions, &faucet_script()) {
            Ok(hash) => {
                self.remember(&[hash]);
                true
            }
            Err(_) => false,
        }
    }

    /// Where a transaction is in the best chain.
    pub fn height_of(&self, txid: &Txid) -> Option<u32> {
        self.regtest.transaction(txid)?.confirmed.map(|(tip, _)| tip.height)
    }

    /// The blocks of the best chain, from the birthday on.
    pub fn best_blocks(&self) -> Vec<Arc<Block>> {
        let mut blocks = Vec::new();
        let mut hash = self.regtest.best().hash;
        while hash != self.birthday().hash {
            let Some(block) = self.blocks.get(&hash) else { break };
            hash = block.header.prev_blockhash;
            blocks.push(Arc::clone(block));
        }
        blocks.reverse();
        blocks
    }

    fn remember(&mut self, hashes: &[BlockHash]) {
        // An outage is one for the nodes, not for us.
        self.regtest.outage(false);
        for hash in hashes {
            if let Ok(Some(block)) = self.regtest.another().block(*hash) {
                self.blocks.insert(*hash, block);
            }
        }
        self.regtest.outage(self.is_away);
    }

    fn remember_from(&mut self, height: u32) {
        let mut backend = self.regtest.another();
        self.regtest.outage(false);
        let tips = (height + 1..=self.regtest.best().height)
            .filter_map(|height| backend.tip_at(height).ok().flatten());
        let hashes: Vec<BlockHash> = tips.map(|tip| tip.hash).collect();
        self.remember(&hashes);
    }
}

impl World {
    /// The chain changed: every process will see it, sooner or later.
    pub fn wake_chain_threads(&mut self) {
        for host in 0..self.hosts.len() {
            let life = self.hosts[host].life;
            let delay = 1 + self.dice.below(3_000);
            self.calendar.plan(self.now + delay, Item::Poll { host, life });
        }
    }

    /// The thread that follows the chain asks for news.
    pub fn poll(&mut self, index: usize) {
        let Some(process) = &mut self.hosts[index].process else { return };
        let thread = &mut process.chain;
        let (event, state) = match self.chain.regtest.poll(&thread.follower.locator()) {
            Ok(Some(update)) => match thread.follower.apply(&update) {
                Ok(_) => {
                    let synced = update.remaining == 0;
                    (Some(Event::Chain(update)), (synced, None))
                }
                Err(error) => (None, (false, Some(error.to_string()))),
            },
            Ok(None) => (None, (true, None)),
            Err(error) => (None, (false, Some(error.to_string()))),
        };
        let again = event.is_some() || state.1.is_some();
        let mut events: Vec<Event> = event.into_iter().collect();
        if thread.said.as_ref() != Some(&state) {
            events.push(Event::ChainState { synced: state.0, problem: state.1.clone() });
            thread.said = Some(state);
        }
        let fees = estimates(&mut self.chain.regtest);
        if thread.fees != Some(fees) {
            thread.fees = Some(fees);
            events.push(Event::Fees(fees));
        }
        for event in events {
            self.hear(index, event);
        }
        if again {
            let (life, delay) = (self.hosts[index].life, self.dice.between(100, 2_000));
            self.calendar.plan(self.now + delay, Item::Poll { host: index, life });
        }
    }

    /// The other thread does what waits.
    pub fn work(&mut self, index: usize) {
        let Some(process) = &mut self.hosts[index].process else { return };
        let Some(job) = process.chain.jobs.pop_front() else { return };
        let event = match job {
            Job::Broadcast(transactions) => {
                let txid = transactions.first().map(Transaction::compute_txid);
                let result = self.chain.regtest.broadcast(&transactions);
                let text = match &result {
                    Ok(()) => "taken".to_owned(),
                    Err(error) => error.to_string(),
                };
                let short = txid.map(|txid| txid.to_string()[..8].to_owned()).unwrap_or_default();
                self.trace.line(format_args!("n{index} broadcasts {short}: {text}"));
                self.trace.statistics.count(match &result {
                    Ok(()) => "broadcast taken",
                    Err(_) => "broadcast refused",
                });
                match (txid, result) {
                    (Some(txid), Ok(())) => Some(Event::Broadcasted { txid, result: Ok(()) }),
                    (Some(txid), Err(BroadcastError::Refused(refusal))) => {
                        Some(Event::Broadcasted { txid, result: Err(refusal.to_string()) })
                    }
                    (_, _) => None,
                }
            }
            Job::Test(transaction) => {
                let txid = transaction.compute_txid();
                let verdict = match self.chain.regtest.test_accept(&transaction) {
                    chain::Verdict::Accepted => Verdict::Accepted,
                    chain::Verdict::Refused(refusal) => Verdict::Refused(refusal.to_string()),
                    chain::Verdict::Unknown(Untested::Unsupported) => Verdict::Unknown,
                    chain::Verdict::Unknown(Untested::Unavailable(text)) => Verdict::Refused(text),
                };
                Some(Event::Tested { txid, verdict })
            }
            Job::Look(transactions, outputs) => {
                let found = look_for(&mut self.chain.regtest, &transactions, &outputs);
                let found = found.ok();
                if found.as_ref().is_some_and(|look| look.transactions.values().any(|there| !there))
                {
                    self.trace.statistics.count("look finds one of ours missing");
                }
                if found.as_ref().is_some_and(|look| look.outputs.values().any(Option::is_some)) {
                    self.trace.statistics.count("look finds a promised output");
                }
                found.map(Event::Looked)
            }
        };
        if let Some(event) = event {
            self.hear(index, event);
        }
        self.plan_work(index);
    }

    /// A job for the worker.
    pub fn give_work(&mut self, index: usize, job: Job) {
        let Some(process) = &mut self.hosts[index].process else { return };
        process.chain.jobs.push_back(job);
        if process.chain.jobs.len() == 1 {
            self.plan_work(index);
        }
    }

    /// Switches the backend off or on.
    pub fn set_outage(&mut self, outage: Outage) {
        self.chain.is_away = outage == Outage::Begins;
        self.chain.regtest.outage(self.chain.is_away);
        self.trace.line(format_args!("the chain backend: outage {outage:?}"));
        self.wake_chain_threads();
    }

    fn plan_work(&mut self, host: usize) {
        let (life, delay) = (self.hosts[host].life, 1 + self.dice.below(200));
        if self.hosts[host].process.as_ref().is_some_and(|p| !p.chain.jobs.is_empty()) {
            self.calendar.plan(self.now + delay, Item::Work { host, life });
        }
    }
}

/// The backend's estimates, as the daemon takes them.
fn estimates(backend: &mut Regtest) -> Fees {
    let Feerates { fast, normal, floor } = ask_feerates(backend, Feerates::default()).feerates;
    let [fast, normal, floor] = [fast, normal, floor].map(FeeratePerKw);
    Fees { fast, normal, floor }
}
