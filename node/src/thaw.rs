//! Channels go to rest, and are read again: when a block holds their funding transaction, when their peer comes
//! or speaks of them, when a command names them. Who speaks of one that is being read has to wait.

use crate::channel::{Channel, ChannelEvent, ChannelState, ResumedChannel};
use crate::command::{Command, OpenName};
use crate::dormant::{
    DormantHead, Sighting, dormant_row, read_dormant_row, sightings_key, sightings_row,
};
use crate::node::Node;
use crate::turn::{Hex, Turn};
use crate::{CommandId, ConnId, Effect, Table};
use bitcoin::{OutPoint, Transaction};
use chain::ConnectedBlock;
use funding::{FundingPosition, LinkKind, RecordError, Role};
use secp256k1::PublicKey;
use transactions::{Height, KeysId};
use wire::Message;

/// What is under way about channels at rest.
#[derive(Debug, Default)]
pub(crate) struct Thawing {
    /// Those that are being read, and whether their peer has to be greeted on a new connection.
    keys: std::collections::BTreeMap<KeysId, bool>,
    messages: Vec<(ConnId, Message)>,
    commands: Vec<(CommandId, Command)>,
}

impl Channel {
    /// Whether it is a peer's open of which no block has shown anything: all there is of it is a promise.
    pub(crate) fn is_never_seen(&self) -> bool {
        let ChannelState::Funding(funding::State::WaitForChannelReady(s)) = &self.state else {
            return false;
        };
        s.channel.role == Role::Accepter
            && matches!(s.channel.position, FundingPosition::Unbroadcast { .. })
    }
}

impl Node {
    /// Beyond the limit those that are longest without a sign rest on disk, first those whose peer is away.
    pub(crate) fn rest_the_oldest(&mut self, turn: &mut Turn<'_>) {
        if !self.thawing.keys.is_empty() {
            // Whoever waits for several has to find them all.
            return;
        }
        while self.never_seen.len() > self.config.policy.max_live_pending {
            let is_down = |keys_id: &KeysId| {
                self.channels.get(keys_id).is_some_and(|channel| !channel.link.is_up())
            };
            let mut all = self.never_seen.iter().map(|(_, keys_id)| *keys_id);
            let oldest = all.clone().find(is_down).or_else(|| all.next());
            let Some(keys_id) = oldest else { return };
            self.rest(keys_id, turn);
        }
    }

    /// Later than all before.
    pub(crate) fn next_touch(&mut self) -> u64 {
        self.touches = self.touches.saturating_add(1);
        self.touches
    }

    fn rest(&mut self, keys_id: KeysId, turn: &mut Turn<'_>) {
        let Some(channel) = self.channels.remove(&keys_id) else { return };
        self.unlist(keys_id, &channel);
        let (Some(head), Some(row)) = (DormantHead::of(&channel), channel.row()) else { return };
        tracing::info!(keys_id = %Hex(keys_id), "a channel that was never seen rests on disk");
        turn.step.write(Table::Channels, keys_id.0.to_vec(), None);
        turn.step.write(Table::Dormant, keys_id.0.to_vec(), Some(dormant_row(head, &row)));
        self.dormant.add(keys_id, head);
    }

    /// Reads one again: [`crate::Event::Thawed`] follows.
    fn thaw(&mut self, keys_id: KeysId, greets: bool, turn: &mut Turn<'_>) {
        let is_new = !self.thawing.keys.contains_key(&keys_id);
        *self.thawing.keys.entry(keys_id).or_default() |= greets;
        if is_new {
            turn.step.effect(Effect::Thaw { keys_id });
        }
    }

    /// After a start, what a block had shown before it; later, what was asked for and did not come.
    pub(crate) fn thaw_again(&mut self, turn: &mut Turn<'_>) {
        let seen: Vec<KeysId> = self.dormant.seen.keys().copied().collect();
        for keys_id in self.thawing.keys.keys().copied() {
            turn.step.effect(Effect::Thaw { keys_id });
        }
        for keys_id in seen {
            self.thaw(keys_id, false, turn);
        }
    }

    /// The peer is there.
    pub(crate) fn thaw_peer(&mut self, node_id: &PublicKey, turn: &mut Turn<'_>) {
        for keys_id in self.dormant.of_peer(node_id) {
            self.thaw(keys_id, true, turn);
        }
    }

    /// Whether a peer's message about a channel that is not here has to wait for one at rest.
    pub(crate) fn defer_message(
        &mut self,
        conn: ConnId,
        node_id: &PublicKey,
        message: &Message,
        turn: &mut Turn<'_>,
    ) -> bool {
        let resting = self.dormant.of_peer(node_id);
        if resting.is_empty() {
            return false;
        }
        for keys_id in resting {
            self.thaw(keys_id, false, turn);
        }
        if self.thawing.messages.len() >= MOST_DEFERRED {
            let reason = "the disk is too slow for what the peer says".to_owned();
            turn.step.effect(Effect::Disconnect { conn, reason });
        } else {
            self.thawing.messages.push((conn, message.clone()));
        }
        true
    }

    /// Whether a command has to wait for a channel at rest; then it is kept.
    pub(crate) fn defer_command(
        &mut self,
        id: CommandId,
        command: Command,
        turn: &mut Turn<'_>,
    ) -> Option<Command> {
        let resting = named(&command)
            .filter(|outpoint| !self.outpoints.contains_key(outpoint))
            .map_or_else(Vec::new, |outpoint| self.dormant.of_txid(&outpoint.txid));
        if resting.is_empty() {
            return Some(command);
        }
        for keys_id in resting {
            self.thaw(keys_id, false, turn);
        }
        self.thawing.commands.push((id, command));
        None
    }

    /// A transaction in a block: if it funds a channel at rest, or spends from one that it funded, that is
    /// remembered in the commit of the block.
    pub(crate) fn sight(
        &mut self,
        tx_index: u32,
        transaction: &Transaction,
        connected: &ConnectedBlock,
        turn: &mut Turn<'_>,
    ) {
        let mut found = self.dormant.of_txid(&transaction.compute_txid());
        if !self.dormant.seen.is_empty() {
            let spent = transaction.input.iter().map(|input| input.previous_output.txid);
            let spent = spent.flat_map(|txid| self.dormant.of_txid(&txid));
            found.extend(spent.filter(|keys_id| self.dormant.seen.contains_key(keys_id)));
        }
        for keys_id in found {
            let sightings = self.dormant.seen.entry(keys_id).or_default();
            sightings.push(Sighting {
                block: connected.hash,
                height: Height(connected.height),
                tx_index,
                transaction: transaction.clone(),
            });
            let row = sightings_row(sightings);
            turn.step.write(Table::Dormant, sightings_key(keys_id), Some(row));
            self.thaw(keys_id, false, turn);
        }
    }

    /// What blocks had shown that were taken back was not seen.
    pub(crate) fn unsee(&mut self, fork: Height, turn: &mut Turn<'_>) {
        for (keys_id, sightings) in &mut self.dormant.seen {
            let before = sightings.len();
            sightings.retain(|sighting| sighting.height <= fork);
            if sightings.len() < before {
                let row = sightings_row(sightings);
                turn.step.write(Table::Dormant, sightings_key(*keys_id), Some(row));
            }
        }
    }

    /// The row of a channel at rest; it is one like any other again.
    pub(crate) fn on_thawed(&mut self, keys_id: KeysId, value: Option<&[u8]>, turn: &mut Turn<'_>) {
        let Some(greets) = self.thawing.keys.remove(&keys_id) else { return };
        if let Some(value) = value
            && let Err(error) = self.wake(keys_id, value, greets, turn)
        {
            // Damage of the disk: there is a channel in it, so the process ends, as at a start.
            let text = format!("the channel {} at rest cannot be read: {error}", Hex(keys_id));
            turn.step.break_off(text);
        }
        if self.thawing.keys.is_empty() {
            for (conn, message) in std::mem::take(&mut self.thawing.messages) {
                self.on_message(conn, message, turn);
            }
            for (id, command) in std::mem::take(&mut self.thawing.commands) {
                self.on_command(id, command, turn);
            }
        }
    }

    fn wake(
        &mut self,
        keys_id: KeysId,
        value: &[u8],
        greets: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), RecordError> {
        let (head, row) = read_dormant_row(value)?;
        let ResumedChannel::Channel(mut channel, _) = Channel::resume(row)? else { return Ok(()) };
        self.dormant.remove(keys_id, head);
        let sightings = self.dormant.seen.remove(&keys_id);
        turn.step.write(Table::Dormant, keys_id.0.to_vec(), None);
        if sightings.is_some() {
            turn.step.write(Table::Dormant, sightings_key(keys_id), None);
        }
        turn.step.write(Table::Channels, keys_id.0.to_vec(), channel.row());
        tracing::info!(keys_id = %Hex(keys_id), "a channel at rest is read again");
        let node_id = channel.node_id;
        let is_connected = self.peers.entry(node_id).or_default().conn.is_some();
        channel.touched = self.next_touch();
        if is_connected {
            let kind = if greets { LinkKind::Up } else { LinkKind::Fresh };
            channel.link = self.link(&node_id, kind);
        }
        self.list(keys_id, &channel);
        self.channels.insert(keys_id, *channel);
        if is_connected && greets {
            self.drive(keys_id, ChannelEvent::Connected, turn);
        }
        for sighting in sightings.unwrap_or_default() {
            self.tell(keys_id, sighting, turn);
        }
        self.drive(keys_id, ChannelEvent::Block, turn);
        Ok(())
    }

    /// What a block had shown of a channel while it was at rest.
    fn tell(&mut self, keys_id: KeysId, sighting: Sighting, turn: &mut Turn<'_>) {
        let Some(channel) = self.channels.get(&keys_id) else { return };
        let Some(outpoint) = channel.state.channel().map(|channel| channel.outpoint) else {
            return;
        };
        let Sighting { block, height, tx_index, transaction } = sighting;
        let event = if transaction.compute_txid() == outpoint.txid {
            let output = usize::try_from(outpoint.vout).ok();
            let output = output.and_then(|vout| transaction.output.get(vout)).cloned();
            ChannelEvent::Confirmed { block, height, tx_index, output }
        } else if transaction.input.iter().any(|input| input.previous_output == outpoint) {
            ChannelEvent::Spent { transaction, height }
        } else {
            // Only the beginning of the txid was the same.
            return;
        };
        self.drive(keys_id, event, turn);
    }

    /// Channels at rest whose time has passed are forgotten, as those in memory are.
    pub(crate) fn forget_the_resting(&mut self, turn: &mut Turn<'_>) {
        let Some(height) = self.height().0.checked_sub(self.config.policy.forget_after) else {
            return;
        };
        if !self.synced || self.dormant.is_empty() {
            return;
        }
        for keys_id in self.dormant.take_old(height) {
            turn.step.write(Table::Dormant, keys_id.0.to_vec(), None);
        }
    }
}

/// The funding output that a command names.
fn named(command: &Command) -> Option<OutPoint> {
    if let Command::Close(close) = command {
        return Some(close.outpoint);
    }
    let (Command::CancelOpen { open, .. } | Command::BumpOpen { open, .. }) = command else {
        return None;
    };
    match open {
        OpenName::Outpoint(outpoint) => Some(*outpoint),
        OpenName::KeysId(_) | OpenName::Request(_) => None,
    }
}

/// So many messages wait for channels at rest.
const MOST_DEFERRED: usize = 1_000;
