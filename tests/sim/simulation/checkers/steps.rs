//! After each step: what is in memory is what is on the disk, and what is derived fits.

use crate::simulation::rows::coins_of;
use crate::simulation::world::{Violation, World};
use bitcoin::OutPoint;
use node::{Channel, Node, ResumedChannel, Table};
use std::collections::BTreeSet;

impl World {
    /// A step is done.
    pub fn check_step(&mut self, index: usize) -> Result<(), Violation> {
        let Some(node) = self.hosts[index].node() else { return Ok(()) };
        let (height, hash) = node.wallet().tip();
        let tip = node.tip();
        if (height, hash) != (tip.height, tip.hash) {
            return Err(format!("n{index}'s wallet is at block {height}, its channels at {tip}"));
        }
        self.check_rows(index, node)?;
        check_leases(index, node)?;
        self.check_early_opens(index, node)?;
        self.checkers.fresh[index].clear();
        Ok(())
    }

    /// No handler forgets to save, and every row is a fixed point.
    fn check_rows(&self, index: usize, node: &Node) -> Result<(), Violation> {
        let rows = &self.hosts[index].rows;
        let mut durable = 0;
        for (keys_id, channel) in node.channels() {
            let row = channel.row();
            if row.as_deref() != rows.at(Table::Channels, &keys_id.0) {
                let name = channel.state.name();
                return Err(format!("n{index} has not saved a channel in {name}"));
            }
            let Some(row) = row else { continue };
            durable += 1;
            // A row that has not changed since it was read is still what it was.
            if self.checkers.fresh[index].contains(keys_id) {
                check_fixed_point(index, channel, &row)?;
            }
        }
        if rows.of(Table::Channels).count() != durable {
            return Err(format!("n{index} has rows of channels that it does not know"));
        }
        for (id, request) in node.requests() {
            if rows.at(Table::Requests, id.0.as_bytes()) != Some(request.row().as_slice()) {
                return Err(format!(
                    "n{index} has not saved the request {id} ({:?})",
                    request.status
                ));
            }
        }
        Ok(())
    }

    /// Who waits for `funding_signed`, or for less, has a connection to wait on.
    fn check_early_opens(&self, index: usize, node: &Node) -> Result<(), Violation> {
        let life = self.hosts[index].life;
        for channel in node.channels().values() {
            let is_early = EARLY.contains(&channel.state.name());
            let other = self.hosts.iter().position(|host| host.node_id == channel.node_id);
            let is_connected = other.is_some_and(|other| self.network.has_end(index, life, other));
            if is_early && !is_connected && self.has_nothing_to_hear(index) {
                let name = channel.state.name();
                return Err(format!("n{index} is in {name} and its connection is gone"));
            }
        }
        Ok(())
    }

    fn has_nothing_to_hear(&self, index: usize) -> bool {
        self.hosts[index].process.as_ref().is_some_and(|process| process.lanes.is_empty())
    }
}

fn check_fixed_point(index: usize, channel: &Channel, row: &[u8]) -> Result<(), Violation> {
    let name = channel.state.name();
    match Channel::resume(row).map_err(|error| format!("n{index}'s {name}: {error}"))? {
        ResumedChannel::Channel(again, None) => {
            if again.row().as_deref() != Some(row) || again.state.name() != name {
                return Err(format!("n{index}'s {name} is another one after a restart"));
            }
        }
        ResumedChannel::Channel(again, Some(_)) => {
            if name != "WaitForFundingSigned" || again.state.name() != "Tombstone" {
                return Err(format!("n{index}'s {name} becomes {}", again.state.name()));
            }
        }
        ResumedChannel::Ended(..) => {
            if name != "WaitForAcceptChannel" && name != "WaitForTests" {
                return Err(format!("n{index}'s {name} is gone after a restart"));
            }
        }
    }
    Ok(())
}

/// What is leased is what the records need, and nothing is leased twice.
fn check_leases(index: usize, node: &Node) -> Result<(), Violation> {
    let mut needed = BTreeSet::new();
    for (keys_id, channel) in node.channels() {
        for coin in coins_of(&channel.state) {
            if !needed.insert(coin) {
                return Err(format!("n{index} has promised {coin} twice"));
            }
            if node.leases().get(&coin) != Some(keys_id) {
                let name = channel.state.name();
                return Err(format!("n{index} does not lease {coin} of a channel in {name}"));
            }
        }
    }
    let leased: BTreeSet<OutPoint> = node.leases().keys().copied().collect();
    if leased != needed {
        return Err(format!("n{index} leases coins without a reason: {leased:?}"));
    }
    Ok(())
}

const EARLY: [&str; 5] = [
    "WaitForAcceptChannel",
    "WaitForTests",
    "WaitForFundingSigned",
    "WaitForDecision",
    "WaitForFundingCreated",
];
