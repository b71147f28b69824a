//! What goes wrong in the world outside the processes.

use super::backend::Outage;
use super::calendar::Item;
use super::world::World;
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Transaction, TxIn, TxOut};
use chain::regtest::{Fill, Returned, faucet_script};
use node::ChannelState;
use transactions::{CommitmentNumber, Signer};
use wire::Message;

impl World {
    /// A block is due, or a reorganisation.
    pub fn block(&mut self) {
        let every = if self.is_calm { 8_000 } else { self.settings.block_every };
        self.calendar.plan(self.now + self.dice.until_next(every), Item::Block);
        let (reorgs, empty) = (self.settings.reorgs, self.settings.empty_blocks);
        if !self.is_calm && self.dice.per_mille(reorgs) {
            self.reorganise();
        } else if !self.is_calm && self.dice.per_mille(empty) {
            self.chain.mine_empty(1);
        } else {
            self.chain.mine(1);
        }
        let height = self.chain.regtest.best().height;
        self.trace.line(format_args!("block {height}"));
        self.wake_chain_threads();
    }

    fn reorganise(&mut self) {
        let deepest = u64::from(self.settings.deepest_reorg);
        let depth = u32::try_from(self.dice.between(1, deepest)).unwrap_or(1);
        let more = u32::try_from(self.dice.below(3)).unwrap_or(0);
        let returned =
            if self.dice.per_mille(700) { Returned::ToMempool } else { Returned::Nowhere };
        let fill = if self.dice.per_mille(500) { Fill::Mempool } else { Fill::Nothing };
        // Sometimes the other branch is seen while it is still the shorter one.
        let blocks = (depth + more).saturating_sub(1).max(1);
        self.trace.line(format_args!("reorganisation: {depth} away, {blocks} in their place"));
        self.trace.statistics.count(format!("reorganisation of {depth}"));
        self.chain.reorganise(depth, blocks, returned, fill);
    }

    /// Something of the rest.
    pub fn fault(&mut self) {
        if self.is_calm {
            return;
        }
        let pause = self.dice.until_next(self.settings.fault_every);
        self.calendar.plan(self.now + pause, Item::Fault);
        match self.dice.below(12) {
            0 => {
                self.set_outage(Outage::Begins);
                let length = self.dice.between(1_000, 60_000);
                self.calendar.plan(self.now + length, Item::OutageOver);
            }
            1 | 2 => {
                let rate = [253, 300, 500, 1_000, 2_500, 5_000, 20_000][self.dice.index(7)];
                self.chain.regtest.set_feerate(Some(rate));
                self.trace.line(format_args!("feerate {rate}"));
                self.wake_chain_threads();
            }
            3 | 4 => self.evict(),
            5 => {
                let ends = self.network.open_ends();
                if let Some((link, _)) = self.dice.pick(&ends) {
                    self.cut(link);
                }
            }
            6 | 7 if self.settings.crashes > 0 => {
                let host = self.dice.index(self.hosts.len());
                if self.hosts[host].process.is_some() {
                    self.crash(host, "out of the blue");
                }
            }
            8 if self.settings.thefts => self.steal(),
            9 | 10 if self.settings.sleeps => self.suspend(),
            11 if self.settings.sleeps => self.jump(),
            _ => {}
        }
    }

    /// A machine is suspended: nothing of it moves, and what is sent to it waits.
    fn suspend(&mut self) {
        let index = self.dice.index(self.hosts.len());
        let longest = [20_000, 300_000, 3_600_000][self.dice.index(3)];
        // Everybody is awake when faults are over.
        let length =
            self.dice.between(1_000, longest).min(self.settings.safety.saturating_sub(self.now));
        if self.hosts[index].process.is_some() && self.hosts[index].asleep_until <= self.now {
            self.hosts[index].asleep_until = self.now + length;
            self.trace.line(format_args!("n{index} sleeps for {} s", length / 1_000));
            self.trace.statistics.count("sleep");
        }
    }

    /// Someone sets a machine's wall clock, forwards or back.
    fn jump(&mut self) {
        let index = self.dice.index(self.hosts.len());
        let ahead = self.dice.below(2 * 86_400_000);
        self.hosts[index].clock_ahead = ahead;
        self.trace.line(format_args!("n{index}'s clock is {} s ahead", ahead / 1_000));
        self.trace.statistics.count("clock jump");
    }

    /// Until when an item must wait because its machine sleeps.
    pub fn sleeper(&self, item: &Item) -> Option<u64> {
        let index = match item {
            Item::Turn { host, .. }
            | Item::Hear { host, .. }
            | Item::Poll { host, .. }
            | Item::Work { host, .. }
            | Item::Dialled { host, .. } => *host,
            Item::Packet { link, end, .. }
            | Item::Tick { link, end }
            | Item::Lost { link, end, .. } => self.network.host_of(*link, *end),
            Item::Start { .. }
            | Item::Operate
            | Item::Block
            | Item::Fault
            | Item::OutageOver
            | Item::Review => return None,
        };
        let until = self.hosts[index].asleep_until;
        (until > self.now).then_some(until)
    }

    fn evict(&mut self) {
        let mut pool = self.chain.regtest.mempool();
        pool.retain(|transaction| !self.chain.is_payment(transaction));
        if let Some(transaction) = self.dice.pick(&pool) {
            let txid = transaction.compute_txid();
            self.chain.regtest.drop_from_mempool(&txid);
            self.trace.line(format_args!("{} is evicted", &txid.to_string()[..8]));
            self.trace.statistics.count("eviction");
        }
    }

    /// A block holds a transaction that a node did not make and that spends a coin of its funding
    /// transaction, as another wallet with the same seed could do it.
    fn steal(&mut self) {
        let targets: Vec<_> = self
            .hosts
            .iter()
            .filter_map(|host| host.node())
            .flat_map(|node| node.wallet().coins().map(|c| (c.outpoint, c.output.value)))
            .chain(self.unconfirmed_inputs())
            .collect();
        let Some((outpoint, value)) = self.dice.pick(&targets) else { return };
        let Some(kept) = value.checked_sub(Amount::from_sat(500)) else { return };
        let theft = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output: outpoint, ..TxIn::default() }],
            output: vec![TxOut { value: kept, script_pubkey: faucet_script() }],
        };
        if self.chain.mine_exactly(&[theft]) {
            self.trace.line(format_args!("the coin {outpoint} is stolen"));
            self.trace.statistics.count("theft");
            self.wake_chain_threads();
        }
    }

    fn unconfirmed_inputs(&self) -> Vec<(bitcoin::OutPoint, Amount)> {
        let pool = self.chain.regtest.mempool();
        let inputs = pool.iter().flat_map(|tx| tx.input.iter().map(|input| input.previous_output));
        inputs
            .filter_map(|outpoint| {
                let parent = self.chain.regtest.transaction(&outpoint.txid)?.transaction;
                let vout = usize::try_from(outpoint.vout).ok()?;
                Some((outpoint, parent.output.get(vout)?.value))
            })
            .collect()
    }

    /// In the place of a `channel_reestablish`: one that proves a later state than the receiver has, with
    /// the receiver's own secret, as a peer would send it to a node whose disk was rolled back.
    pub fn forge(&mut self, to: usize, message: &Message) -> Option<Message> {
        let Message::ChannelReestablish(honest) = message else { return None };
        if self.is_calm || !self.settings.forged_proofs || !self.dice.per_mille(60) {
            return None;
        }
        let node = self.hosts[to].node()?;
        let (keys_id, _) = node.channels().iter().find(|(_, channel)| {
            let is_alive = match &channel.state {
                ChannelState::Funding(state) => {
                    state.channel().is_some_and(|_| !matches!(state, funding::State::Tombstone(_)))
                }
                ChannelState::Closing(state) => matches!(state, closing::State::ShuttingDown(_)),
            };
            let is_it = channel.state.channel_ids().contains(&honest.channel_id);
            is_alive && is_it
        })?;
        // Two nodes that are both behind have nobody to close the channel.
        if *self.checkers.forged.entry(honest.channel_id).or_insert(to) != to {
            return None;
        }
        let secret = node.wallet().per_commitment_secret(keys_id, CommitmentNumber(0));
        self.trace.line(format_args!("the reestablish to n{to} is a proof of a later state"));
        self.trace.statistics.count("forged proof");
        let forged = wire::ChannelReestablish {
            next_commitment_number: 2,
            next_revocation_number: 1,
            your_last_per_commitment_secret: secret,
            ..honest.clone()
        };
        Some(Message::ChannelReestablish(forged))
    }
}
