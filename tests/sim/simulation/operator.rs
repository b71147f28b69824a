//! Who gives the commands, and the faucet that pays for them.

use super::calendar::Item;
use super::host::Host;
use super::network::ADDRESS;
use super::world::World;
use bitcoin::{Amount, OutPoint, ScriptBuf};
use chain::regtest::faucet_script;
use funding::RequestId;
use node::{ChannelState, CloseCommand, Command, CommandId, Event, OpenCommand, OpenName};
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Funds, KeysId};
use wire::ChannelType;

/// What the operator has done so far.
#[derive(Default)]
pub struct Operator {
    opens: u32,
    commands: u64,
    asked: Vec<(usize, OpenCommand)>,
    /// Nodes that got their first coins.
    funded: BTreeSet<usize>,
    /// Whether the run is over.
    pub is_done: bool,
    /// Height at which faults ended.
    pub calm_from: u32,
    /// Why the last review was not content.
    pub waits_for: String,
}

impl World {
    /// A node gave an address: coins for it, the first time several.
    pub fn fund(&mut self, index: usize, script: &ScriptBuf) {
        let coins = if self.operator.funded.insert(index) { self.dice.between(2, 5) } else { 1 };
        for _ in 0..coins {
            let amount = Amount::from_sat(self.dice.between(60_000, 3_000_000));
            if self.chain.pay(script, amount).is_some() {
                self.trace.line(format_args!("the faucet pays {amount} to n{index}"));
            }
        }
    }

    /// The next command.
    pub fn operate(&mut self) {
        if self.is_calm {
            return;
        }
        let pause = self.dice.until_next(self.settings.command_every);
        self.calendar.plan(self.now + pause, Item::Operate);
        let index = self.dice.index(self.hosts.len());
        let choice = self.dice.below(100);
        match choice {
            0..40 if self.operator.opens < self.settings.opens => self.open(index),
            0..40 => self.close(index, false),
            40..50 => self.close(index, false),
            50..54 => self.close(index, true),
            54..60 => self.repeat_open(),
            60..66 => self.pay_out(index),
            66..72 => {
                if let Some(other) = self.another(index) {
                    let node_id = self.hosts[other].node_id;
                    self.command(index, Command::Disconnect { node_id });
                }
            }
            72..80 => {
                if let Some(other) = self.another(index) {
                    let node_id = self.hosts[other].node_id;
                    let address = ADDRESS.to_owned();
                    self.command(index, Command::Connect { node_id, address, keep: false });
                }
            }
            80..88 => self.command(index, Command::NewAddress),
            88..92 => self.rescue(index, true),
            92..95 => self.rescue(index, false),
            _ => {}
        }
    }

    /// A command reaches a process.
    pub fn command(&mut self, index: usize, command: Command) {
        self.operator.commands += 1;
        let id = CommandId(self.operator.commands);
        self.hear(index, Event::Command { id, command });
    }

    fn another(&mut self, index: usize) -> Option<usize> {
        let others: Vec<usize> = (0..self.hosts.len()).filter(|other| *other != index).collect();
        self.dice.pick(&others)
    }

    fn open(&mut self, index: usize) {
        let Some(other) = self.another(index) else { return };
        if self.hosts[index].process.is_none() {
            return;
        }
        self.operator.opens += 1;
        let most = [30_000, 200_000, 1_500_000, 2_500_000][self.dice.index(4)];
        let funding = self.dice.between(20_000, most);
        let push = match self.dice.below(4) {
            0 => self.dice.below(1_000),
            1 => self.dice.below(funding / 2),
            2 => funding - self.dice.below(3_000).min(funding),
            _ => 0,
        };
        let anchors = self.dice.per_mille(700);
        let open = OpenCommand {
            request: RequestId(format!("r{}", self.operator.opens)),
            node_id: self.hosts[other].node_id,
            address: Some(ADDRESS.to_owned()),
            funding: Amount::from_sat(funding),
            push: Amount::from_sat(push),
            announce: self.dice.per_mille(300),
            channel_type: if anchors {
                ChannelType::anchors_zero_fee_htlc_tx()
            } else {
                ChannelType::static_remotekey()
            },
            feerate: self.dice.per_mille(300).then_some(FeeratePerKw(253)),
            max_fee: Amount::from_sat(100_000),
            coins: Vec::new(),
            force: self.dice.per_mille(500),
        };
        let (id, what) = (&open.request, if anchors { "anchors" } else { "static_remotekey" });
        self.trace.line(format_args!(
            "n{index} is to open {id} to n{other}: {funding} sat, {push} pushed, {what}"
        ));
        self.operator.asked.push((index, open.clone()));
        self.command(index, Command::Open(Box::new(open)));
    }

    /// The same request again: it must be the same open.
    fn repeat_open(&mut self) {
        let asked = self.operator.asked.clone();
        if let Some((index, open)) = self.dice.pick(&asked) {
            self.command(index, Command::Open(Box::new(open)));
        }
    }

    fn close(&mut self, index: usize, force: bool) {
        let outpoints = open_outpoints(&self.hosts[index], force);
        let Some(outpoint) = self.dice.pick(&outpoints) else { return };
        let how = if force { "by force" } else { "mutually" };
        self.trace.line(format_args!("n{index} is to close {outpoint} {how}"));
        let feerate =
            self.dice.per_mille(400).then(|| FeeratePerKw([253, 600, 3_000][self.dice.index(3)]));
        let close = CloseCommand { outpoint, force, feerate, cap: None, script: None };
        self.command(index, Command::Close(close));
    }

    /// An open that is not done is cancelled, or a child pays for it.
    fn rescue(&mut self, index: usize, is_cancel: bool) {
        let keys: Vec<KeysId> = self.hosts[index].node().map_or_else(Vec::new, |node| {
            let is_rescued = |state: &ChannelState| match state {
                ChannelState::Funding(funding::State::Normal(_)) => false,
                ChannelState::Funding(_) => true,
                ChannelState::Closing(_) => is_cancel,
            };
            let all = node.channels().iter().filter(|(_, channel)| is_rescued(&channel.state));
            all.map(|(keys_id, _)| *keys_id).collect()
        });
        let Some(keys_id) = self.dice.pick(&keys) else { return };
        let open = OpenName::KeysId(keys_id);
        let how = if is_cancel { "cancel" } else { "bump" };
        self.trace.line(format_args!("n{index} is to {how} {open}"));
        let (feerate, max_fee) = (None, Some(Amount::from_sat(50_000)));
        self.command(
            index,
            if is_cancel {
                Command::CancelOpen { open, feerate, max_fee }
            } else {
                Command::BumpOpen { open, feerate, max_fee }
            },
        );
    }

    fn pay_out(&mut self, index: usize) {
        let amount = Amount::from_sat(self.dice.between(10_000, 100_000));
        let send = Command::Send { script: faucet_script(), amount, feerate: None };
        self.command(index, send);
    }
}

/// The funding outpoints of a node's channels that can be closed.
pub fn open_outpoints(host: &Host, force: bool) -> Vec<OutPoint> {
    let Some(node) = host.node() else { return Vec::new() };
    let is_closable = |state: &ChannelState| match state {
        ChannelState::Funding(funding::State::Normal(_)) => true,
        ChannelState::Funding(funding::State::WaitForChannelReady(_)) => force,
        ChannelState::Closing(closing::State::ShuttingDown(_)) => true,
        ChannelState::Closing(closing::State::Closing(_)) => force,
        ChannelState::Funding(_) | ChannelState::Closing(closing::State::Closed(_)) => false,
    };
    node.channels()
        .values()
        .filter(|channel| is_closable(&channel.state))
        .filter_map(|channel| channel.state.channel().map(|channel| channel.outpoint))
        .collect()
}

/// Whether a script is one of a node's wallet.
pub fn owns(host: &Host, script: &bitcoin::Script) -> bool {
    host.node().is_some_and(|node| node.wallet().owns(script))
}
