//! What the node waits for in a block, found in one pass over its transactions.
//!
//! The cost of a block depends on its size and hardly on how much is watched.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, Block, OutPoint, ScriptBuf, Transaction, Txid};

/// One thing to look for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// A transaction that spends this output.
    Spent(OutPoint),
    /// This transaction.
    Confirmed(Txid),
    /// An output with this script.
    Paid(ScriptBuf),
}

/// All that is looked for, and for whom: `K` names the owner of a watch. Several owners may watch
/// the same thing, and each of them gets its own match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watches<K> {
    outpoints: BTreeMap<OutPoint, BTreeSet<K>>,
    txids: BTreeMap<Txid, BTreeSet<K>>,
    scripts: BTreeMap<ScriptBuf, BTreeSet<K>>,
    owners: BTreeMap<K, BTreeSet<Watch>>,
}

/// Something that was looked for and is in the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<K> {
    /// Who was looking.
    pub key: K,
    /// Position of the transaction in its block.
    pub tx_index: u32,
    /// The transaction.
    pub txid: Txid,
    /// What is found in it.
    pub found: Found,
}

/// What a match is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The transaction spends a watched output.
    Spent {
        /// The output.
        outpoint: OutPoint,
        /// Which input spends it.
        vin: u32,
    },
    /// The transaction itself is watched.
    Confirmed,
    /// The transaction pays to a watched script.
    Paid {
        /// Which output pays.
        vout: u32,
        /// How much.
        value: Amount,
    },
}

impl<K: Ord + Clone> Watches<K> {
    /// Nothing to look for.
    pub fn new() -> Self {
        Self {
            outpoints: BTreeMap::new(),
            txids: BTreeMap::new(),
            scripts: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// Makes `watches` all that `key` looks for; none of them ends its watching. Costs no more than
    /// the difference to what it looked for before.
    pub fn set(&mut self, key: &K, watches: BTreeSet<Watch>) {
        let before = self.owners.remove(key).unwrap_or_default();
        for watch in before.difference(&watches) {
            self.unlist(watch, key);
        }
        for watch in watches.difference(&before) {
            self.list(watch, key);
        }
        if !watches.is_empty() {
            self.owners.insert(key.clone(), watches);
        }
    }

    /// What `key` looks for.
    pub fn of(&self, key: &K) -> impl Iterator<Item = &Watch> {
        self.owners.get(key).into_iter().flatten()
    }

    /// Who looks for a spend of this output.
    pub fn spenders_of(&self, outpoint: &OutPoint) -> impl Iterator<Item = &K> {
        self.outpoints.get(outpoint).into_iter().flatten()
    }

    /// The owners of at least one watch, in order.
    pub fn owners(&self) -> impl Iterator<Item = &K> {
        self.owners.keys()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// All matches in a block, in the order of its transactions; within one, spends in the order of
    /// its inputs, then itself, then payments in the order of its outputs; and for one thing, in
    /// the order of the owners.
    pub fn find(&self, block: &Block) -> Vec<Match<K>> {
        let mut matches = Vec::new();
        if self.is_empty() {
            return matches;
        }
        for (tx_index, transaction) in (0_u32..).zip(&block.txdata) {
            matches.extend(self.find_in(tx_index, transaction));
        }
        matches
    }

    /// The matches in one transaction, which may as well be unconfirmed: `tx_index` is only passed
    /// on.
    pub fn find_in(&self, tx_index: u32, transaction: &Transaction) -> Vec<Match<K>> {
        let mut found: Vec<(&BTreeSet<K>, Found)> = Vec::new();
        for (vin, input) in (0_u32..).zip(&transaction.input) {
            let outpoint = input.previous_output;
            if let Some(keys) = self.outpoints.get(&outpoint) {
                found.push((keys, Found::Spent { outpoint, vin }));
            }
        }
        let mut txid = None;
        if !self.txids.is_empty() {
            let id = transaction.compute_txid();
            txid = Some(id);
            if let Some(keys) = self.txids.get(&id) {
                found.push((keys, Found::Confirmed));
            }
        }
        for (vout, output) in (0_u32..).zip(&transaction.output) {
            if let Some(keys) = self.scripts.get(&output.script_pubkey) {
                found.push((keys, Found::Paid { vout, value: output.value }));
            }
        }
        if found.is_empty() {
            return Vec::new();
        }
        let txid = txid.unwrap_or_else(|| transaction.compute_txid());
        let for_each_key = found.into_iter().flat_map(|(keys, found)| {
            keys.iter().map(move |key| Match {
                key: key.clone(),
                tx_index,
                txid,
                found: found.clone(),
            })
        });
        for_each_key.collect()
    }

    fn list(&mut self, watch: &Watch, key: &K) {
        let keys = match watch {
            Watch::Spent(outpoint) => self.outpoints.entry(*outpoint).or_default(),
            Watch::Confirmed(txid) => self.txids.entry(*txid).or_default(),
            Watch::Paid(script) => self.scripts.entry(script.clone()).or_default(),
        };
        keys.insert(key.clone());
    }

    fn unlist(&mut self, watch: &Watch, key: &K) {
        match watch {
            Watch::Spent(outpoint) => drop_key(&mut self.outpoints, outpoint, key),
            Watch::Confirmed(txid) => drop_key(&mut self.txids, txid, key),
            Watch::Paid(script) => drop_key(&mut self.scripts, script, key),
        }
    }
}

impl<K: Ord + Clone> Default for Watches<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes `key` off the list of `watched`, and the list away with its last key.
fn drop_key<W: Ord, K: Ord>(index: &mut BTreeMap<W, BTreeSet<K>>, watched: &W, key: &K) {
    if let Some(keys) = index.get_mut(watched) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(watched);
        }
    }
}
