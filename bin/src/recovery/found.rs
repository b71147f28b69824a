//! What was found, and what of it is spent.

use bitcoin::{Amount, OutPoint, Transaction};
use std::collections::BTreeMap;
use wallet::FoundOutput;

/// See the file's head.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    all: BTreeMap<OutPoint, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    output: FoundOutput,
    height: u32,
    /// The block of its spend.
    spent: Option<u32>,
}

impl Found {
    /// Whether it was not known.
    pub(super) fn add(&mut self, output: FoundOutput, height: u32) -> bool {
        let outpoint = output.input.outpoint;
        if let Some(known) = self.all.get_mut(&outpoint) {
            known.height = height;
            return false;
        }
        self.all.insert(outpoint, Entry { output, height, spent: None }).is_none()
    }

    /// Whether something was spent.
    pub(super) fn spend(&mut self, transactions: &[Transaction], height: u32) -> bool {
        let mut any = false;
        if self.all.is_empty() {
            return any;
        }
        for input in transactions.iter().flat_map(|transaction| &transaction.input) {
            if let Some(entry) = self.all.get_mut(&input.previous_output) {
                entry.spent = Some(height);
                any = true;
            }
        }
        any
    }

    /// Blocks above this one are gone.
    pub(super) fn rewind(&mut self, height: u32) {
        self.all.retain(|_, entry| entry.height <= height);
        for entry in self.all.values_mut() {
            entry.spent = entry.spent.filter(|spent| *spent <= height);
        }
    }

    /// What was spent at or below this block is of no use any more.
    pub(super) fn forget_below(&mut self, height: u32) {
        self.all.retain(|_, entry| entry.spent.is_none_or(|spent| spent > height));
    }

    pub(super) fn is_unspent(&self, outpoint: &OutPoint) -> bool {
        self.all.get(outpoint).is_some_and(|entry| entry.spent.is_none())
    }

    pub(super) fn unspent(&self) -> impl Iterator<Item = &FoundOutput> {
        self.all.values().filter(|entry| entry.spent.is_none()).map(|entry| &entry.output)
    }

    /// How many are unspent, and what they hold.
    pub(super) fn sum(&self) -> (usize, Amount) {
        let amounts = self.unspent().map(|output| output.input.output.value);
        (
            self.unspent().count(),
            amounts.fold(Amount::ZERO, |sum, amount| {
                sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY)
            }),
        )
    }

    /// Those that a note has to keep, with their heights: spends are seen again.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&FoundOutput, u32)> {
        self.all.values().map(|entry| (&entry.output, entry.height))
    }
}
