//! The only door between deciding and doing.

use crate::{Effect, Store, StoreError, Table, Write};
use bitcoin::Txid;
use std::collections::{BTreeMap, BTreeSet};

/// What must be on disk, and what should then happen in the world.
#[derive(Debug, Default)]
#[must_use = "a step changes nothing until it is committed"]
pub struct Step {
    writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    effects: Vec<Effect>,
}

impl Step {
    /// A row, from now on. Of several writes of one row in a step the last one counts.
    pub(crate) fn write(&mut self, table: Table, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.writes.insert((table, key), value);
    }

    /// Something to do after the commit.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The transactions that this step broadcasts.
    pub(crate) fn broadcast_txids(&self) -> BTreeSet<Txid> {
        let transactions = self.effects.iter().filter_map(|effect| {
            let Effect::Broadcast(transactions) = effect else { return None };
            Some(transactions)
        });
        transactions.flatten().map(bitcoin::Transaction::compute_txid).collect()
    }

    /// Whether anything has to be written.
    pub fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Writes, and only then gives the effects away, in the order of their events. A step without writes
    /// commits nothing.
    ///
    /// # Errors
    /// The store's: then nothing happened, and the process has to end.
    pub fn commit(self, store: &mut impl Store) -> Result<Vec<Effect>, StoreError> {
        if !self.writes.is_empty() {
            let writes: Vec<Write> = self
                .writes
                .into_iter()
                .map(|((table, key), value)| Write { table, key, value })
                .collect();
            store.write(&writes)?;
        }
        Ok(self.effects)
    }
}
