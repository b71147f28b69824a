//! The only door between deciding and doing.

use crate::{Effect, Store, StoreError, Table, Write};
use bitcoin::Txid;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What must be on disk, and what should then happen in the world.
#[derive(Debug, Default)]
#[must_use = "a step changes nothing until it is committed"]
pub struct Step {
    writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    effects: Vec<Effect>,
    /// What must never be: the node can no longer be trusted with anything.
    broken: Option<String>,
}

/// Why a step was not committed. The process ends: what is on disk is the commit before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The disk failed.
    Store(StoreError),
    /// An invariant of ours is broken: a bug, whatever peers and the backend did. Nothing of the step was
    /// written, so the next start goes on from a state that was whole.
    Broken(String),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Broken(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for CommitError {}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
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

    /// The node has contradicted itself: this step, and the process, end here.
    pub(crate) fn break_off(&mut self, text: String) {
        self.broken.get_or_insert(text);
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
    /// [`CommitError`]: then nothing happened, and the process has to end.
    pub fn commit(self, store: &mut impl Store) -> Result<Vec<Effect>, CommitError> {
        if let Some(text) = self.broken {
            return Err(CommitError::Broken(text));
        }
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
