//! What the node wants of the world, done; and the planted bugs, which are all of this kind: something left
//! out, or done twice.

use super::backend::Job;
use super::bugs::Bug;
use super::calendar::Item;
use super::world::{Violation, World};
use bitcoin::Transaction;
use closing::Plan;
use node::{ChannelState, Effect, Event, Notice, Reply, Store as _, Table};
use wire::Message;

impl World {
    /// Does one thing.
    pub fn run_effect(&mut self, index: usize, effect: Effect) -> Result<(), Violation> {
        let life = self.hosts[index].life;
        match effect {
            Effect::Send { conn, message } => {
                self.check_message(index, &message)?;
                if !self.swallows(index, &message) {
                    self.send(index, conn, &message);
                }
                self.perhaps_betray(index, &message)?;
            }
            Effect::Ping { conn } => self.ping(index, conn),
            Effect::Broadcast(transactions) => self.broadcast(index, transactions)?,
            Effect::TestAccept(transaction) => self.give_work(index, Job::Test(transaction)),
            Effect::LookFor { transactions, outputs } => {
                self.give_work(index, Job::Look(transactions, outputs));
            }
            Effect::Thaw { keys_id } => {
                let process = self.hosts[index].process.as_ref();
                let row = process.map(|process| process.database.read(Table::Dormant, &keys_id.0));
                let row = row.transpose().map_err(|error| error.to_string())?.flatten();
                let event = Box::new(Event::Thawed { keys_id, row });
                let delay = self.dice.below(500);
                self.trace.line(format_args!("n{index} reads a row at rest"));
                self.calendar.plan(self.now + delay, Item::Hear { host: index, life, event });
            }
            Effect::Decide { keys_id, .. } => {
                let declined = !self.is_calm && self.dice.per_mille(30);
                let decision = if declined { Err("not today".to_owned()) } else { Ok(()) };
                let event = Box::new(Event::Decided { keys_id, decision });
                let delay = self.dice.below(2_000);
                self.calendar.plan(self.now + delay, Item::Hear { host: index, life, event });
            }
            Effect::Dial { node_id, .. } => {
                let delay = self.dice.between(1, 1_000);
                self.calendar.plan(self.now + delay, Item::Dialled { host: index, life, node_id });
            }
            // Strangers and acquaintances are told apart where there are sockets.
            Effect::Acquaint { .. } => {}
            Effect::Disconnect { conn, reason } => self.disconnect(index, conn, &reason),
            Effect::Reply { reply, .. } => self.replied(index, &reply),
            Effect::Notify(notice) => self.notified(index, &notice),
        }
        Ok(())
    }

    fn broadcast(&mut self, index: usize, transactions: Vec<Transaction>) -> Result<(), Violation> {
        self.check_broadcast(index, &transactions)?;
        if self.withholds(index, &transactions) {
            return Ok(());
        }
        self.give_work(index, Job::Broadcast(transactions));
        Ok(())
    }

    fn replied(&mut self, index: usize, reply: &Reply) {
        match reply {
            Reply::Failed(error) => {
                self.trace.line(format_args!("n{index} replies {}: {error}", error.code));
                self.trace.statistics.count(format!("reply {}", error.code));
            }
            Reply::Request(view) => {
                self.trace.line(format_args!("n{index} replies {}: {}", view.id, view.status));
            }
            Reply::Sent { txid, .. } => {
                self.trace.line(format_args!("n{index} replies: sends {txid}"));
            }
            Reply::Address(address) => self.fund(index, &address.script_pubkey()),
            Reply::Done
            | Reply::Balance(_)
            | Reply::Coins(_)
            | Reply::Channels(_)
            | Reply::Requests(_)
            | Reply::Peers(_)
            | Reply::Info(_) => {}
        }
    }

    fn notified(&mut self, index: usize, notice: &Notice) {
        match notice {
            Notice::Channel { keys_id, entry, .. } => {
                let key: String =
                    keys_id.0.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
                let (from, to, cause) = (&entry.from, &entry.to, &entry.cause);
                self.trace.line(format_args!("n{index} {key} {from} -> {to}: {cause}"));
                self.trace.statistics.count(format!("{from} -> {to}"));
            }
            Notice::Request(view) => {
                let (id, status, text) = (&view.id, view.status, &view.text);
                self.trace.line(format_args!("n{index} request {id} {status} {text}"));
                self.trace.statistics.count(format!("request {status}"));
            }
            Notice::Note { text, .. } => {
                self.trace.line(format_args!("n{index} notes {text}"));
            }
            Notice::Peer { connected, reason, .. } => {
                let what = if *connected { "up" } else { "down" };
                self.trace.line(format_args!("n{index} peer {what} {reason}"));
            }
            Notice::Block { .. } => {}
        }
    }

    /// Planted bugs that leave a message out.
    fn swallows(&mut self, index: usize, message: &Message) -> bool {
        match (self.settings.bug, message) {
            (Some(Bug::ChannelReadyOnce), Message::ChannelReady(ready)) => {
                !self.checkers.ready_left.insert((index, ready.channel_id))
            }
            _ => false,
        }
    }

    /// Planted bugs that leave a broadcast out.
    fn withholds(&mut self, index: usize, transactions: &[Transaction]) -> bool {
        let life = self.hosts[index].life;
        match self.settings.bug {
            // What an earlier process had broadcast.
            Some(Bug::NoRebroadcast) => transactions.iter().all(|transaction| {
                let txid = transaction.compute_txid();
                let first = self.checkers.first_broadcast.get(&(index, txid));
                first.is_some_and(|first| *first < life)
            }),
            // What spends an output that a block had seen spent.
            Some(Bug::SweepLost) => transactions
                .iter()
                .flat_map(|transaction| &transaction.input)
                .any(|input| self.checkers.ever_spent.contains(&(index, input.previous_output))),
            Some(Bug::BroadcastOnce) => {
                let txids = transactions.iter().map(Transaction::compute_txid);
                let known = self.checkers.ever_broadcast.len();
                self.checkers.ever_broadcast.extend(txids.map(|txid| (index, txid)));
                known == self.checkers.ever_broadcast.len()
            }
            Some(_) | None => false,
        }
    }

    /// The planted bug: whoever asks its peer to close broadcasts its own commitment all the same.
    fn perhaps_betray(&mut self, index: usize, message: &Message) -> Result<(), Violation> {
        let (Some(Bug::StaleCommitment), Message::ChannelReestablish(zeros)) =
            (self.settings.bug, message)
        else {
            return Ok(());
        };
        let Some(node) = self.hosts[index].node() else { return Ok(()) };
        let asks = node.channels().values().find_map(|channel| match &channel.state {
            ChannelState::Closing(closing::State::Closing(closing))
                if matches!(closing.plan, Plan::Ask { .. })
                    && closing.channel.channel_id() == zeros.channel_id =>
            {
                closing.channel.signed_local_commitment(node.wallet())
            }
            ChannelState::Closing(_) | ChannelState::Funding(_) => None,
        });
        match asks {
            Some(commitment) => self.broadcast(index, vec![commitment]),
            None => Ok(()),
        }
    }
}
