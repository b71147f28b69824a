//! The second half of a run: nothing goes wrong any more, and everything comes to its end.

use super::backend::Outage;
use super::calendar::Item;
use super::world::{Violation, World};
use std::collections::BTreeSet;

impl World {
    /// Faults are over.
    pub fn calm_down(&mut self) {
        self.is_calm = true;
        self.trace.line(format_args!("faults are over"));
        self.set_outage(Outage::Over);
        self.chain.regtest.set_feerate(Some(1_000));
        // What a rude peer owes, it says again on the next connection.
        if self.settings.rude > 0 {
            let links: BTreeSet<usize> =
                self.network.open_ends().into_iter().map(|(link, _)| link).collect();
            for link in links {
                self.cut(link);
            }
        }
        self.operator.calm_from = self.chain.regtest.best().height;
        self.calendar.plan(self.now + REVIEW_EVERY, Item::Review);
    }

    /// Is all settled?
    pub fn review(&mut self) -> Result<(), Violation> {
        let Some(waits_for) = self.unsettled() else {
            self.trace.line(format_args!("all is settled"));
            self.operator.is_done = true;
            return Ok(());
        };
        let blocks = self.chain.regtest.best().height - self.operator.calm_from;
        if blocks > MOST_BLOCKS {
            return Err(format!("not settled after {blocks} blocks: {waits_for}"));
        }
        self.operator.waits_for = waits_for;
        self.calendar.plan(self.now + REVIEW_EVERY, Item::Review);
        Ok(())
    }
}

/// Between two looks, in milliseconds.
const REVIEW_EVERY: u64 = 9_000;
/// The longest life of a request is 10 minutes of uptime, or some 75 of these blocks.
const MOST_BLOCKS: u32 = 260;
