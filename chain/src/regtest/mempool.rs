//! The unconfirmed transactions and how they hang together.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, Transaction, Txid, Weight};

use super::coins::{Coin, CoinSet, CoinView, unconfirmed_coin};

/// Unconfirmed transactions that could all be in the next block together.
#[derive(Default)]
pub(super) struct Mempool {
    entries: BTreeMap<Txid, Pooled>,
    /// In the order of arrival, which puts parents before their children.
    order: BTreeMap<u64, Txid>,
    spends: BTreeMap<OutPoint, Txid>,
    arrivals: u64,
}

/// One transaction of the mempool.
#[derive(Clone)]
pub(super) struct Pooled {
    pub transaction: Transaction,
    pub fee: Amount,
    /// The size that its fee was reckoned on.
    pub virtual_size: u64,
    arrival: u64,
}

impl Mempool {
    pub fn contains(&self, txid: &Txid) -> bool {
        self.entries.contains_key(txid)
    }

    pub fn entry(&self, txid: &Txid) -> Option<&Pooled> {
        self.entries.get(txid)
    }

    /// The transaction that spends this output.
    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spends.get(outpoint).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, parents before children.
    pub fn in_order(&self) -> impl Iterator<Item = &Pooled> {
        self.order.values().filter_map(|txid| self.entries.get(txid))
    }

    /// Takes a transaction in whose parents are here or confirmed and which conflicts with none.
    pub fn insert(&mut self, transaction: Transaction, fee: Amount, virtual_size: u64) {
        let (txid, arrival) = (transaction.compute_txid(), self.arrivals);
        self.arrivals = self.arrivals.saturating_add(1);
        for input in &transaction.input {
            self.spends.insert(input.previous_output, txid);
        }
        self.order.insert(arrival, txid);
        self.entries.insert(txid, Pooled { transaction, fee, virtual_size, arrival });
    }

    /// Takes one away, and leaves its children: for one that is in a block now.
    pub fn remove(&mut self, txid: &Txid) -> Option<Pooled> {
        let entry = self.entries.remove(txid)?;
        self.order.remove(&entry.arrival);
        for input in &entry.transaction.input {
            self.spends.remove(&input.previous_output);
        }
        Some(entry)
    }

    /// Takes one away with all that descends from it.
    pub fn evict(&mut self, txid: &Txid) {
        for txid in self.with_descendants([*txid]) {
            self.remove(&txid);
        }
    }

    /// Empties it, parents before children.
    pub fn take_all(&mut self) -> Vec<Pooled> {
        let all = self.in_order().cloned().collect();
        *self = Self { arrivals: self.arrivals, ..Self::default() };
        all
    }

    /// These and all that spend from them, directly or not.
    pub fn with_descendants(&self, txids: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.reach(txids, |txid| self.children(txid))
    }

    /// These and all that hang together with them in either direction.
    pub fn cluster(&self, txids: impl IntoIterator<Item = Txid>) -> BTreeSet<Txid> {
        self.reach(txids, |txid| {
            let mut next = self.children(txid);
            next.extend(self.parents(txid));
            next
        })
    }

    /// Those of the inputs' transactions that are here.
    pub fn parents_of(&self, transaction: &Transaction) -> BTreeSet<Txid> {
        let parents = transaction.input.iter().map(|input| input.previous_output.txid);
        parents.filter(|txid| self.contains(txid)).collect()
    }

    /// The coins of the chain and of the transactions here; spent ones of the latter as well, since
    /// that is a conflict and not a missing coin.
    pub fn view<'a>(&'a self, chain: &'a CoinSet, next_height: u32) -> PoolView<'a> {
        PoolView { pool: self, chain, next_height }
    }

    fn parents(&self, txid: &Txid) -> BTreeSet<Txid> {
        self.entry(txid).map(|entry| self.parents_of(&entry.transaction)).unwrap_or_default()
    }

    fn children(&self, txid: &Txid) -> BTreeSet<Txid> {
        let outputs = OutPoint { txid: *txid, vout: 0 }..=OutPoint { txid: *txid, vout: u32::MAX };
        self.spends.range(outputs).map(|(_, spender)| *spender).collect()
    }

    fn reach(
        &self,
        from: impl IntoIterator<Item = Txid>,
        next: impl Fn(&Txid) -> BTreeSet<Txid>,
    ) -> BTreeSet<Txid> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<Txid> = from.into_iter().collect();
        while let Some(txid) = waiting.pop() {
            if self.contains(&txid) && reached.insert(txid) {
                waiting.extend(next(&txid));
            }
        }
        reached
    }
}

/// See [`Mempool::view`].
pub(super) struct PoolView<'a> {
    pool: &'a Mempool,
    chain: &'a CoinSet,
    next_height: u32,
}

impl CoinView for PoolView<'_> {
    fn coin(&self, outpoint: &OutPoint) -> Option<Coin> {
        match self.pool.entry(&outpoint.txid) {
            Some(entry) => unconfirmed_coin(&entry.transaction, outpoint.vout, self.next_height),
            None => self.chain.coin(outpoint),
        }
    }
}

/// What the next block has room for beside its coinbase, taken in order of arrival.
pub(super) fn fitting(pool: &Mempool) -> Vec<Transaction> {
    let mut room = Weight::MAX_BLOCK.to_wu().saturating_sub(COINBASE_WEIGHT);
    let mut left_out = BTreeSet::new();
    let mut taken = Vec::new();
    for entry in pool.in_order() {
        let weight = entry.transaction.weight().to_wu();
        let parents = pool.parents_of(&entry.transaction);
        match room.checked_sub(weight) {
            Some(rest) if parents.is_disjoint(&left_out) => {
                room = rest;
                taken.push(entry.transaction.clone());
            }
            Some(_) | None => {
                left_out.insert(entry.transaction.compute_txid());
            }
        }
    }
    taken
}

/// Room for the header and the coinbase.
const COINBASE_WEIGHT: u64 = 8_000;
