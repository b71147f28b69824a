//! One turn of the loop: the step in the making, and how a channel is moved in it. Writes, watches, leases,
//! routes and deadlines are derived here from the difference that an event made; no handler can forget one.

use crate::channel::{Channel, ChannelEffect, ChannelEvent, ChannelState, Outcome};
use crate::journal::{JournalRow, JournalSubject};
use crate::mempool::promised_by;
use crate::node::{Node, Timer};
use crate::reply::{HistoryEntry, Notice};
use crate::{Effect, Entropy, Step, Table};
use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Txid};
use chain::Watch;
use funding::{Context, Now, RequestId};
use secp256k1::PublicKey;
use std::collections::BTreeSet;
use transactions::KeysId;
use wire::ChannelId;

/// See the file's head.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) entropy: &'a mut dyn Entropy,
    pub(crate) step: Step,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Now, entropy: &'a mut dyn Entropy) -> Self {
        Self { now, entropy, step: Step::default() }
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.step.effect(Effect::Notify(Box::new(notice)));
    }
}

/// What is still to be said of a channel that is out of the map.
pub(crate) struct Gone {
    pub(crate) node_id: PublicKey,
    pub(crate) request: Option<RequestId>,
    pub(crate) subject: JournalSubject,
    /// The name of its last state.
    pub(crate) from: &'static str,
}

impl Node {
    /// Moves one channel by one event.
    pub(crate) fn drive(&mut self, keys_id: KeysId, event: ChannelEvent, turn: &mut Turn<'_>) {
        let Some(mut channel) = self.channels.remove(&keys_id) else { return };
        let _span = span(keys_id, &channel).entered();
        let from = channel.state.name();
        let before = channel.state.record();
        let had_outpoint = channel.state.channel().is_some();
        let was_funded = channel.state.is_funded();
        let subject = channel.subject();
        self.unlist(keys_id, &channel);
        let mut link = std::mem::take(&mut channel.link);
        let state = channel.state;
        let outcome = self.with_context(&mut link, turn, |cx| state.step(event, cx));
        let Outcome { next, effects, cause, failure } = outcome;
        self.run(keys_id, channel.node_id, &effects, turn);
        let Some(next) = next else {
            let (node_id, request) = (channel.node_id, channel.request);
            self.on_ended(&node_id, from, &cause, turn);
            if before.is_some() {
                let gone = Gone { node_id, request, subject, from };
                self.erase(keys_id, gone, &cause, turn);
            }
            if let Some(failure) = failure {
                self.on_attempt_failed(keys_id, &failure, turn);
            }
            return;
        };
        let changed = next.record() != before;
        // A transition that changed nothing durable says so: tests and the simulator hold each state to it.
        debug_assert!(
            changed || cause.is_empty() || next.name() != from,
            "{from} changed nothing durable and says {cause:?}"
        );
        debug_assert!(!changed || !cause.is_empty(), "{from} changed and does not say why");
        channel = Channel { state: next, link, ..channel };
        if changed {
            let entry =
                self.journal(keys_id, channel.subject(), from, channel.state.name(), &cause, turn);
            channel.remember(entry.clone());
            turn.step.write(Table::Channels, keys_id.0.to_vec(), channel.row());
            turn.notify(Notice::Channel {
                keys_id,
                request: channel.request.clone(),
                node_id: channel.node_id,
                entry,
            });
        }
        if !was_funded && channel.state.is_funded() {
            turn.step.effect(Effect::Acquaint { node_id: channel.node_id });
        }
        self.list(keys_id, &channel);
        let became_channel = !had_outpoint && channel.state.channel().is_some();
        let died = from != TOMBSTONE && channel.state.name() == TOMBSTONE;
        self.channels.insert(keys_id, channel);
        if became_channel || died {
            self.on_funded(keys_id, turn);
        }
    }

    /// The row of a channel goes; the journal and whoever watches hear why.
    pub(crate) fn erase(&mut self, keys_id: KeysId, gone: Gone, cause: &str, turn: &mut Turn<'_>) {
        let Gone { node_id, request, subject, from } = gone;
        turn.step.write(Table::Channels, keys_id.0.to_vec(), None);
        let entry = self.journal(keys_id, subject, from, "", cause, turn);
        turn.notify(Notice::Channel { keys_id, request, node_id, entry });
    }

    /// Puts a new channel in.
    pub(crate) fn insert(
        &mut self,
        keys_id: KeysId,
        mut channel: Channel,
        effects: &[ChannelEffect],
        cause: &str,
        turn: &mut Turn<'_>,
    ) {
        channel.touched = self.next_touch();
        self.run(keys_id, channel.node_id, effects, turn);
        if channel.state.record().is_some() {
            let entry =
                self.journal(keys_id, channel.subject(), "", channel.state.name(), cause, turn);
            channel.remember(entry.clone());
            turn.step.write(Table::Channels, keys_id.0.to_vec(), channel.row());
            turn.notify(Notice::Channel {
                keys_id,
                request: channel.request.clone(),
                node_id: channel.node_id,
                entry,
            });
        }
        self.list(keys_id, &channel);
        self.channels.insert(keys_id, channel);
    }

    /// Calls `f` with all that a state may look at.
    pub(crate) fn with_context<T>(
        &mut self,
        link: &mut funding::Link,
        turn: &Turn<'_>,
        f: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let tip = self.height();
        let (outpoints, ours, dormant) = (&self.outpoints, &self.our_outpoints, &self.dormant);
        // Not only the same outpoint: two outpoints whose `channel_id` is the same cannot be told apart.
        let is_known = |outpoint: &OutPoint| {
            let [first, last] = [0, u16::MAX].map(|tail| with_tail(*outpoint, tail));
            let id = ChannelId::from_funding(*outpoint);
            let is_same = |known: &OutPoint| ChannelId::from_funding(*known) == id;
            outpoints.range(first..=last).any(|(known, _)| is_same(known))
                || ours.range(first..=last).any(is_same)
                || !dormant.of_txid(&outpoint.txid).is_empty()
        };
        let mut cx = Context {
            wallet: &mut self.wallet,
            policy: &self.config.policy,
            fees: self.fees,
            tip,
            synced: self.synced,
            now: turn.now,
            leased: &self.leased,
            outpoints: &is_known,
            link,
        };
        f(&mut cx)
    }

    /// A numbered row for every change of a durable record, in the same commit.
    pub(crate) fn journal(
        &mut self,
        keys_id: KeysId,
        subject: JournalSubject,
        from: &str,
        to: &str,
        cause: &str,
        turn: &mut Turn<'_>,
    ) -> HistoryEntry {
        let entry = HistoryEntry {
            at: turn.now.timestamp,
            from: from.to_owned(),
            to: to.to_owned(),
            cause: cause.to_owned(),
        };
        tracing::info!(keys_id = %Hex(keys_id), from, to, cause, "channel");
        let number = self.next_journal;
        self.next_journal = number.saturating_add(1);
        let row = JournalRow { keys_id, subject, entry: entry.clone() }.row();
        turn.step.write(Table::Journal, number.to_be_bytes().to_vec(), Some(row));
        if let Some(old) = number.checked_sub(JOURNAL_ROWS) {
            turn.step.write(Table::Journal, old.to_be_bytes().to_vec(), None);
        }
        entry
    }

    /// The writes that belong to the turn as a whole: the wallet's changes, and with them the blocks that
    /// they follow from, so that the two can never disagree. Blocks that changed nothing of ours wait for
    /// the next write, or until there are many of them.
    pub(crate) fn finish(&mut self, turn: &mut Turn<'_>) {
        self.plan_look(turn.now.monotonic);
        let many = self.stale_heights.len() >= MOST_STALE_BLOCKS;
        if !turn.step.has_writes() && !many && !self.wallet_is_dirty() {
            return;
        }
        if let Some(changes) = self.wallet.take_changes() {
            let number = self.next_wallet_row;
            self.next_wallet_row = number.saturating_add(1);
            turn.step.write(Table::Wallet, number.to_be_bytes().to_vec(), Some(changes));
        }
        let oldest = self.follower.oldest().height;
        for height in std::mem::take(&mut self.stale_heights) {
            let row = self.follower.at(height).map(|tip| tip.record());
            turn.step.write(Table::Chain, height.to_be_bytes().to_vec(), row);
        }
        for height in std::mem::replace(&mut self.oldest_row, oldest)..oldest {
            turn.step.write(Table::Chain, height.to_be_bytes().to_vec(), None);
        }
    }

    /// Takes a channel's derived entries out of the indexes.
    pub(crate) fn unlist(&mut self, keys_id: KeysId, channel: &Channel) {
        self.never_seen.remove(&(channel.touched, keys_id));
        for id in channel.state.channel_ids() {
            self.routes.remove(&(channel.node_id, id));
        }
        if let Some(channel) = channel.state.channel() {
            if self.outpoints.get(&channel.outpoint) == Some(&keys_id) {
                self.outpoints.remove(&channel.outpoint);
            }
            if let Some(cancel) = &channel.cancel {
                self.cancels.remove(&cancel.txid());
            }
        }
        if let Some(outpoint) = channel.state.attempted_outpoint() {
            self.our_outpoints.remove(&outpoint);
        }
        for coin in channel.state.coins() {
            self.leases.remove(&coin);
            self.leased.remove(&coin);
        }
        if let Some(promised) = promised_by(channel) {
            self.mempool.promised.remove(promised);
        }
        // While it is moved, a channel's own coins are still nobody else's: they are in its state.
        self.watches.set(&keys_id, BTreeSet::new());
        self.deadlines.set(Timer::Channel(keys_id), None);
        if let Some(keys) = self.by_peer.get_mut(&channel.node_id) {
            keys.remove(&keys_id);
            if keys.is_empty() {
                self.by_peer.remove(&channel.node_id);
            }
        }
    }

    /// Puts a channel's derived entries into the indexes.
    pub(crate) fn list(&mut self, keys_id: KeysId, channel: &Channel) {
        if channel.is_never_seen() {
            self.never_seen.insert((channel.touched, keys_id));
        }
        for id in channel.state.channel_ids() {
            self.routes.insert((channel.node_id, id), keys_id);
        }
        if let Some(channel) = channel.state.channel() {
            self.outpoints.insert(channel.outpoint, keys_id);
            if let Some(cancel) = &channel.cancel {
                self.cancels.insert(cancel.txid(), keys_id);
            }
        }
        if let Some(outpoint) = channel.state.attempted_outpoint() {
            self.our_outpoints.insert(outpoint);
        }
        for coin in channel.state.coins() {
            self.leases.insert(coin, keys_id);
            self.leased.insert(coin);
        }
        if let Some(promised) = promised_by(channel) {
            self.mempool.promised.insert(promised);
        }
        let watches = channel.state.watches(&self.wallet);
        let outpoints = watches.outpoints.into_iter().map(Watch::Spent);
        let txids = watches.txids.into_iter().map(Watch::Confirmed);
        self.watches.set(&keys_id, outpoints.chain(txids).collect());
        self.deadlines.set(Timer::Channel(keys_id), channel.state.deadline());
        self.by_peer.entry(channel.node_id).or_default().insert(keys_id);
    }

    /// Maps what a channel wants to what the node wants of the world.
    fn run(
        &mut self,
        keys_id: KeysId,
        node_id: PublicKey,
        effects: &[ChannelEffect],
        turn: &mut Turn<'_>,
    ) {
        let conn = self.peers.get(&node_id).and_then(|peer| peer.conn);
        for effect in effects {
            match effect {
                ChannelEffect::Send(message) => {
                    if let Some(conn) = conn {
                        turn.step.effect(Effect::Send { conn, message: message.clone() });
                    }
                }
                ChannelEffect::Broadcast(transactions) => {
                    self.mempool.add(Some(keys_id), transactions);
                    turn.step.effect(Effect::Broadcast(transactions.clone()));
                }
                ChannelEffect::TestAccept(transaction) => {
                    turn.step.effect(Effect::TestAccept(transaction.clone()));
                }
                ChannelEffect::Ping => {
                    if let Some(conn) = conn {
                        turn.step.effect(Effect::Ping { conn });
                    }
                }
                // The open is not in the map yet when it asks: `on_open_channel` does it.
                ChannelEffect::Decide => {}
                ChannelEffect::Own(transaction) => {
                    let seconds = turn.now.timestamp.0 / 1_000;
                    self.wallet.insert_own(transaction, seconds);
                }
                ChannelEffect::Disown(txid) => {
                    self.wallet.forget(*txid, turn.now.timestamp.0 / 1_000);
                }
                ChannelEffect::Reconnect(why) => {
                    if let Some(conn) = conn {
                        let reason = (*why).to_owned();
                        turn.step.effect(Effect::Disconnect { conn, reason });
                    }
                }
                ChannelEffect::Note(text) => {
                    tracing::warn!(keys_id = %Hex(keys_id), text, "note");
                    let (keys_id, text) = (Some(keys_id), text.clone());
                    turn.notify(Notice::Note { node_id, keys_id, text });
                }
            }
        }
    }

    fn wallet_is_dirty(&self) -> bool {
        self.wallet.has_urgent_changes()
    }
}

/// The first or the last of the outpoints that can have the same `channel_id`: it mixes the index into the
/// last two bytes of the txid.
fn with_tail(outpoint: OutPoint, tail: u16) -> OutPoint {
    let mut bytes = outpoint.txid.to_byte_array();
    let [.., high, low] = &mut bytes;
    [*high, *low] = tail.to_be_bytes();
    let vout = if tail == 0 { 0 } else { u32::MAX };
    OutPoint { txid: Txid::from_byte_array(bytes), vout }
}

/// 16 bytes as hex.
pub(crate) struct Hex(pub(crate) KeysId);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the log lines of a channel stand in.
fn span(keys_id: KeysId, channel: &Channel) -> tracing::Span {
    let channel_id = channel.state.channel_ids().into_iter().next();
    let channel_id = channel_id.map(tracing::field::display);
    let conn = tracing::info_span!("conn", node_id = %channel.node_id);
    conn.in_scope(|| tracing::info_span!("channel", keys_id = %Hex(keys_id), channel_id))
}

/// Whether a state is one of an open that is not done.
pub(crate) fn is_pending(state: &ChannelState) -> bool {
    match state {
        ChannelState::Funding(funding::State::Normal(_) | funding::State::Tombstone(_)) => false,
        ChannelState::Funding(_) => true,
        ChannelState::Closing(_) => false,
    }
}

const TOMBSTONE: &str = "Tombstone";
const JOURNAL_ROWS: u64 = 100_000;
/// So many blocks may pass without a write.
const MOST_STALE_BLOCKS: usize = 100;
