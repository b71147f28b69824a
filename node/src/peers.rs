//! Peers: one connection each, dialled again while there is something to do with them.

use crate::channel::ChannelEvent;
use crate::entropy::below;
use crate::node::{Node, Peer, Timer};
use crate::reply::Notice;
use crate::turn::Turn;
use crate::{ConnId, Effect, Table};
use funding::{Link, LinkKind, Monotonic};
use secp256k1::PublicKey;
use transactions::KeysId;
use wire::{Features, feature};

impl Peer {
    /// It came or went.
    fn flapped(&mut self, turn: &Turn<'_>) {
        self.flaps = self.flaps.saturating_add(1);
        self.last_flap = Some(turn.now.timestamp);
    }

    fn failed(&mut self, reason: &str, turn: &Turn<'_>) {
        self.last_error = Some(reason.to_owned());
        self.last_error_at = Some(turn.now.timestamp);
    }
}

impl Node {
    pub(crate) fn on_connected(
        &mut self,
        conn: ConnId,
        node_id: PublicKey,
        features: Features,
        address: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        // The newer connection of a key replaces the older one.
        if let Some(old) = self.peers.get(&node_id).and_then(|peer| peer.conn) {
            self.on_lost(old, "replaced by a newer connection", turn);
            let reason = "replaced by a newer connection".to_owned();
            turn.step.effect(Effect::Disconnect { conn: old, reason });
        }
        let peer = self.peers.entry(node_id).or_default();
        peer.conn = Some(conn);
        peer.refused = 0;
        peer.features = features;
        peer.dialing = false;
        peer.inbound = address.is_none();
        peer.failures = 0;
        peer.flapped(turn);
        if address.is_some() && peer.address != address {
            peer.address.clone_from(&address);
        }
        self.conns.insert(conn, node_id);
        self.deadlines.set(Timer::Redial(node_id), None);
        let link = self.link(&node_id, LinkKind::Up);
        for keys_id in self.keys_of(&node_id) {
            if let Some(channel) = self.channels.get_mut(&keys_id) {
                channel.link = link.clone();
            }
            // [BOLT 2 channel_reestablish G5] every channel goes on with the new connection
            self.drive(keys_id, ChannelEvent::Connected, turn);
        }
        self.thaw_peer(&node_id, turn);
        turn.notify(Notice::Peer { node_id, connected: true, reason: String::new() });
        self.save_peer(&node_id, turn);
        self.try_requests(turn);
    }

    pub(crate) fn on_lost(&mut self, conn: ConnId, reason: &str, turn: &mut Turn<'_>) {
        let Some(node_id) = self.conns.remove(&conn) else { return };
        let Some(peer) = self.peers.get_mut(&node_id) else { return };
        if peer.conn != Some(conn) {
            return;
        }
        peer.conn = None;
        peer.flapped(turn);
        peer.failed(reason, turn);
        for keys_id in self.keys_of(&node_id) {
            if let Some(channel) = self.channels.get_mut(&keys_id) {
                channel.link = Link::default();
            }
            self.drive(keys_id, ChannelEvent::Disconnected, turn);
        }
        turn.notify(Notice::Peer { node_id, connected: false, reason: reason.to_owned() });
        self.forget_stranger(&node_id);
        self.schedule_redial(node_id, turn);
    }

    /// The link of an open that begins on the present connection.
    pub(crate) fn fresh_link(&self, node_id: &PublicKey) -> Link {
        self.link(node_id, LinkKind::Fresh)
    }

    pub(crate) fn link(&self, node_id: &PublicKey, kind: LinkKind) -> Link {
        let has = |bit| self.is_common(node_id, bit);
        Link::new(kind, has(feature::OPTION_SIMPLE_CLOSE), has(feature::OPTION_SHUTDOWN_ANYSEGWIT))
    }

    /// Whether both sides offer a feature, now that they are connected.
    pub(crate) fn is_common(&self, node_id: &PublicKey, bit: u16) -> bool {
        let Some(peer) = self.peers.get(node_id) else { return false };
        peer.conn.is_some() && peer.features.supports(bit) && self.config.features.supports(bit)
    }

    /// A peer that came by itself, and with which there is nothing to do, leaves nothing behind.
    fn forget_stranger(&mut self, node_id: &PublicKey) {
        let is_named = self.peers.get(node_id).is_some_and(|peer| peer.address.is_some());
        if !is_named && !self.is_wanted(node_id) {
            self.peers.remove(node_id);
        }
    }

    pub(crate) fn on_dial_failed(
        &mut self,
        node_id: PublicKey,
        reason: String,
        turn: &mut Turn<'_>,
    ) {
        let Some(peer) = self.peers.get_mut(&node_id) else { return };
        peer.dialing = false;
        peer.failures = peer.failures.saturating_add(1);
        peer.failed(&reason, turn);
        turn.notify(Notice::Peer { node_id, connected: false, reason });
        self.schedule_redial(node_id, turn);
    }

    /// A peer answered a ping: every open that waits for it hears it.
    pub(crate) fn on_alive(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(node_id) = self.conns.get(&conn).copied() else { return };
        for keys_id in self.keys_of(&node_id) {
            self.drive(keys_id, ChannelEvent::Alive, turn);
        }
    }

    /// Dials now, unless it is connected or being dialled, or its address is unknown.
    pub(crate) fn dial(&mut self, node_id: PublicKey, turn: &mut Turn<'_>) {
        let Some(peer) = self.peers.get_mut(&node_id) else { return };
        if peer.conn.is_some() || peer.dialing {
            return;
        }
        let Some(address) = peer.address.clone() else { return };
        peer.dialing = true;
        self.deadlines.set(Timer::Redial(node_id), None);
        turn.step.effect(Effect::Dial { node_id, address });
    }

    pub(crate) fn redial(&mut self, node_id: PublicKey, turn: &mut Turn<'_>) {
        if self.is_wanted(&node_id) {
            self.dial(node_id, turn);
        }
    }

    /// 1, 2, 4 .. 30 seconds after a loss, with jitter, so that a node with many peers does not dial them
    /// all at once.
    pub(crate) fn schedule_redial(&mut self, node_id: PublicKey, turn: &mut Turn<'_>) {
        let Some(peer) = self.peers.get(&node_id) else { return };
        if peer.conn.is_some() || peer.dialing || !self.is_wanted(&node_id) {
            return;
        }
        let seconds = 1_u64.checked_shl(peer.failures.min(5)).unwrap_or(30).min(30);
        let base = seconds.saturating_mul(1_000);
        let jitter = below(turn.entropy, (base / 2).saturating_add(1));
        let at = turn.now.monotonic.0.saturating_add(base / 2).saturating_add(jitter);
        self.deadlines.set(Timer::Redial(node_id), Some(Monotonic(at)));
    }

    /// Whether there is something to do with a peer: a channel, a request, or the operator's word.
    pub(crate) fn is_wanted(&self, node_id: &PublicKey) -> bool {
        let has_channel = self.keys_of(node_id).iter().any(|keys_id| {
            self.channels.get(keys_id).is_some_and(|channel| channel.state.wants_peer())
        });
        let is_kept = self.peers.get(node_id).is_some_and(|peer| peer.keep);
        has_channel
            || is_kept
            || self
                .requests
                .values()
                .any(|request| request.command.node_id == *node_id && !request.status.is_final())
    }

    /// The channels of a peer.
    pub(crate) fn keys_of(&self, node_id: &PublicKey) -> Vec<KeysId> {
        self.by_peer.get(node_id).map_or_else(Vec::new, |keys| keys.iter().copied().collect())
    }

    /// Where a peer can be dialled must survive as long as there is something to do with it. Only a change
    /// is written: neither a connection nor a stranger's open costs a commit.
    pub(crate) fn save_peer(&mut self, node_id: &PublicKey, turn: &mut Turn<'_>) {
        let is_wanted = self.is_wanted(node_id);
        let Some(peer) = self.peers.get_mut(node_id) else { return };
        let wanted = peer.address.clone().filter(|_| is_wanted);
        if peer.saved == wanted {
            return;
        }
        let row = wanted.as_ref().map(|address| address.as_bytes().to_vec());
        turn.step.write(Table::Peers, node_id.serialize().to_vec(), row);
        peer.saved = wanted;
    }
}
