//! The node: all channels, requests, peers and coins in one value. It hears events and returns steps.

use crate::channel::{Channel, ChannelEvent};
use crate::dormant::DormantIndex;
use crate::mempool::Mempool;
use crate::request::Request;
use crate::thaw::Thawing;
use crate::turn::Turn;
use crate::{ConnId, Entropy, Event, Step};
use bitcoin::{Network, OutPoint, Txid};
use chain::{Follower, Watches};
use funding::{Fees, Monotonic, Now, Policy, RequestId};
use secp256k1::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use transactions::{Height, KeysId, Timestamp};
use wallet::Wallet;
use wire::{ChannelId, Features};

/// What does not change while the node runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain.
    pub network: Network,
    /// Our terms and limits.
    pub policy: Policy,
    /// What we say in `init`.
    pub features: Features,
}

/// The whole node.
pub struct Node {
    pub(crate) config: Config,
    pub(crate) wallet: Wallet,
    pub(crate) follower: Follower,
    /// Heights whose rows on disk are behind the follower.
    pub(crate) stale_heights: BTreeSet<u32>,
    /// The lowest height that may have a row on disk.
    pub(crate) oldest_row: u32,
    pub(crate) fees: Fees,
    pub(crate) synced: bool,
    pub(crate) chain_problem: Option<String>,
    /// Since when there has been one, whichever.
    pub(crate) chain_problem_since: Option<Timestamp>,
    /// How many blocks the backend has beyond the tip, as far as it said.
    pub(crate) remaining_blocks: u32,
    pub(crate) stopping: bool,
    /// When the tip was mined, in seconds since 1970; 0 before the first block of this process.
    pub(crate) tip_time: u32,

    pub(crate) peers: BTreeMap<PublicKey, Peer>,
    pub(crate) conns: BTreeMap<ConnId, PublicKey>,
    pub(crate) channels: BTreeMap<KeysId, Channel>,
    pub(crate) requests: BTreeMap<RequestId, Request>,

    // Derived from the channels, kept by difference.
    pub(crate) routes: BTreeMap<(PublicKey, ChannelId), KeysId>,
    pub(crate) by_peer: BTreeMap<PublicKey, BTreeSet<KeysId>>,
    pub(crate) outpoints: BTreeMap<OutPoint, KeysId>,
    /// Of opens of ours that are no channels yet: the peer knows them already, and could tell somebody.
    pub(crate) our_outpoints: BTreeSet<OutPoint>,
    /// The open that a transaction cancels.
    pub(crate) cancels: BTreeMap<Txid, KeysId>,
    /// Opens of peers that were never seen, the longest untouched first.
    pub(crate) never_seen: BTreeSet<(u64, KeysId)>,
    pub(crate) touches: u64,
    pub(crate) leases: BTreeMap<OutPoint, KeysId>,
    pub(crate) leased: BTreeSet<OutPoint>,
    pub(crate) watches: Watches<KeysId>,
    pub(crate) mempool: Mempool,
    pub(crate) deadlines: Deadlines,

    pub(crate) dormant: DormantIndex,
    pub(crate) thawing: Thawing,

    pub(crate) next_journal: u64,
    pub(crate) next_wallet_row: u64,
}

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Where we dial it.
    pub address: Option<String>,
    /// The address in its row, if it has one.
    pub saved: Option<String>,
    /// The connection.
    pub conn: Option<ConnId>,
    /// Its features, while connected.
    pub features: Features,
    /// The peer dialled us.
    pub inbound: bool,
    /// The operator wants a connection, whether or not there is something to do.
    pub keep: bool,
    /// A dial is under way.
    pub dialing: bool,
    /// How many dials failed in a row.
    pub failures: u32,
    /// Why the last dial or connection ended.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// How often it came or went, in this process.
    pub flaps: u32,
    /// When it last did.
    pub last_flap: Option<Timestamp>,
    /// An all-zero `error` came, on this connection or on one before.
    pub failed_all_before: bool,
    /// Opens of the peer's that were refused on this connection.
    pub refused: u32,
}

/// What a deadline belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Channel(KeysId),
    Request(RequestId),
    Retry(RequestId),
    Redial(PublicKey),
    Mempool,
}

/// Deadlines in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Monotonic, Timer)>,
    by_timer: BTreeMap<Timer, Monotonic>,
}

impl Deadlines {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Monotonic>) {
        if let Some(before) = self.by_timer.remove(&timer) {
            self.by_time.remove(&(before, timer.clone()));
        }
        if let Some(at) = at {
            self.by_timer.insert(timer.clone(), at);
            self.by_time.insert((at, timer));
        }
    }

    pub(crate) fn has(&self, timer: &Timer) -> bool {
        self.by_timer.contains_key(timer)
    }

    fn first(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: Monotonic) -> Option<Timer> {
        let (at, timer) = self.by_time.first()?.clone();
        if at > now {
            return None;
        }
        self.set(timer.clone(), None);
        Some(timer)
    }

    fn postpone(&mut self, milliseconds: u64) {
        for (timer, at) in self.by_timer.clone() {
            self.set(timer, Some(Monotonic(at.0.saturating_add(milliseconds))));
        }
    }
}

impl Node {
    /// A batch of events, one step. Deadlines that are due fire after the batch, so that a message that
    /// arrived in time wins.
    pub fn handle(&mut self, now: Now, events: Vec<Event>, entropy: &mut dyn Entropy) -> Step {
        let mut turn = Turn::new(now, entropy);
        for event in events {
            self.on_event(event, &mut turn);
        }
        while let Some(timer) = self.deadlines.pop_due(now.monotonic) {
            self.on_timer(timer, &mut turn);
        }
        self.rest_the_oldest(&mut turn);
        self.finish(&mut turn);
        turn.step
    }

    /// When `handle` is wanted even if nothing happens.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.first()
    }

    /// The machine slept: nobody had these milliseconds.
    pub fn overslept(&mut self, milliseconds: u64) {
        self.deadlines.postpone(milliseconds);
    }

    /// Whether nothing is under way that a polite stop should wait for.
    pub fn can_stop(&self) -> bool {
        !self.channels.values().any(|channel| channel.state.name() == "WaitForFundingSigned")
    }

    /// Our node id.
    pub fn node_id(&self) -> PublicKey {
        transactions::Signer::node_id(&self.wallet)
    }

    /// The tip as followed.
    pub fn tip(&self) -> chain::Tip {
        self.follower.tip()
    }

    /// The blocks that were followed, for the thread that asks the backend for more.
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// The wallet, to look at.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The channels, to look at.
    pub fn channels(&self) -> &BTreeMap<KeysId, Channel> {
        &self.channels
    }

    /// What finds the channels at rest, to look at.
    pub fn dormant(&self) -> &DormantIndex {
        &self.dormant
    }

    /// The requests, to look at.
    pub fn requests(&self) -> &BTreeMap<RequestId, Request> {
        &self.requests
    }

    /// The coins that opens and closes hold.
    pub fn leases(&self) -> &BTreeMap<OutPoint, KeysId> {
        &self.leases
    }

    pub(crate) fn height(&self) -> Height {
        Height(self.follower.tip().height)
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Connected { conn, node_id, features, address } => {
                self.on_connected(conn, node_id, features, address, turn);
            }
            Event::Message { conn, message } => self.on_message(conn, message, turn),
            Event::Alive { conn } => self.on_alive(conn, turn),
            Event::Lost { conn, reason } => self.on_lost(conn, &reason, turn),
            Event::DialFailed { node_id, reason } => self.on_dial_failed(node_id, reason, turn),
            Event::Chain(update) => self.on_chain(&update, turn),
            Event::ChainState { synced, problem } => {
                let was_there = self.synced && self.chain_problem.is_none();
                self.synced = synced;
                if synced {
                    self.remaining_blocks = 0;
                }
                self.set_chain_problem(problem, turn);
                if synced && self.chain_problem.is_none() && !was_there {
                    // What could not be broadcast meanwhile must not wait for a block.
                    self.look_at_the_chain(turn);
                }
                self.try_requests(turn);
            }
            Event::Fees(fees) => self.fees = fees,
            Event::Tested { txid, verdict } => self.on_tested(txid, &verdict, turn),
            Event::Broadcasted { txid, result } => self.on_broadcasted(txid, &result, turn),
            Event::Looked(look) => self.on_looked(&look, turn),
            Event::Thawed { keys_id, row } => self.on_thawed(keys_id, row.as_deref(), turn),
            Event::Decided { keys_id, decision } => {
                self.drive(keys_id, ChannelEvent::Decided(decision), turn);
            }
            Event::Command { id, command } => self.on_command(id, command, turn),
        }
    }

    /// What is wrong with the backend; the time is that of the first in a row.
    pub(crate) fn set_chain_problem(&mut self, problem: Option<String>, turn: &Turn<'_>) {
        let now = turn.now.timestamp;
        self.chain_problem_since =
            problem.is_some().then(|| self.chain_problem_since.unwrap_or(now));
        self.chain_problem = problem;
    }

    fn on_timer(&mut self, timer: Timer, turn: &mut Turn<'_>) {
        match timer {
            Timer::Channel(keys_id) => self.drive(keys_id, ChannelEvent::Deadline, turn),
            Timer::Request(id) => self.on_request_deadline(&id, turn),
            Timer::Retry(id) => self.try_request(&id, turn),
            Timer::Redial(node_id) => self.redial(node_id, turn),
            Timer::Mempool => self.look_into_mempool(turn),
        }
    }
}
