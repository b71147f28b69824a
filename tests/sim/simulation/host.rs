//! A machine: a disk that stays, and a process that comes and goes.

use super::backend::ChainThread;
use super::bugs::Bug;
use super::calendar::Item;
use super::chain_view::ChainView;
use super::dice::Dice;
use super::rows::{Recorder, Rows};
use super::settings::Settings;
use super::world::{Violation, World};
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use bitcoin::secp256k1::PublicKey;
use funding::{Monotonic, Now, Policy};
use node::{Config, DormantIndex, Entropy, Event, Node, Store, Write};
use std::collections::VecDeque;
use storage::{Database, FaultyDisk};
use transactions::Timestamp;
use wallet::Seed;
use wire::feature;

/// A machine.
pub struct Host {
    /// Its number.
    pub index: usize,
    /// What its node is.
    pub node_id: PublicKey,
    /// Which of its processes runs, or ran last.
    pub life: u32,
    /// The process.
    pub process: Option<Process>,
    /// The disk.
    pub disk: FaultyDisk,
    /// What is on it.
    pub rows: Rows,
    /// A commit that was interrupted: it is on the disk or not.
    pub uncertain: Option<Vec<Write>>,
    /// Where the node's chance comes from.
    pub entropy: Chance,
    /// Until when the machine is suspended.
    pub asleep_until: u64,
    /// How far its wall clock is ahead, in milliseconds.
    pub clock_ahead: u64,
    /// Wallet rows that a planted bug has held back.
    pub held_back: Vec<Write>,
    seed: Seed,
    config: Config,
}

/// A node that runs.
pub struct Process {
    /// It.
    pub node: Node,
    /// Its store.
    pub database: Database,
    /// When it was started.
    pub started: u64,
    /// What it has not heard yet.
    pub lanes: Lanes,
    /// When its next turn is planned.
    pub turn_at: Option<u64>,
    /// Its chain threads.
    pub chain: ChainThread,
    /// The blocks that it has heard of.
    pub view: ChainView,
}

/// Events that wait, by the lanes of `bin/src/inbox.rs`.
#[derive(Debug, Default)]
pub struct Lanes {
    chain: VecDeque<Event>,
    commands: VecDeque<Event>,
    peers: VecDeque<Event>,
}

impl Lanes {
    /// Adds an event to the lane of its kind.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Chain(_) | Event::ChainState { .. } => self.chain.push_back(event),
            Event::Fees(_)
            | Event::Tested { .. }
            | Event::Broadcasted { .. }
            | Event::Looked(_)
            | Event::Decided { .. }
            | Event::Thawed { .. }
            | Event::Command { .. } => self.commands.push_back(event),
            Event::Connected { .. }
            | Event::Message { .. }
            | Event::Alive { .. }
            | Event::Lost { .. }
            | Event::DialFailed { .. } => self.peers.push_back(event),
        }
    }

    /// The next batch.
    pub fn take(&mut self, most: usize) -> Vec<Event> {
        let mut batch = Vec::new();
        for lane in [&mut self.chain, &mut self.commands, &mut self.peers] {
            let room = most.saturating_sub(batch.len()).min(lane.len());
            batch.extend(lane.drain(..room));
        }
        batch
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty() && self.commands.is_empty() && self.peers.is_empty()
    }
}

/// Chance for a node. Keys come from a stream of their own, which a planted bug begins anew.
#[derive(Debug)]
pub struct Chance {
    dice: Dice,
    keys: Dice,
    first_keys: Dice,
}

impl Chance {
    fn new(mut dice: Dice) -> Self {
        let keys = dice.fork();
        Self { dice, keys: keys.clone(), first_keys: keys }
    }
}

impl Entropy for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        match bytes.len() {
            16 => self.keys.fill(bytes),
            _ => self.dice.fill(bytes),
        }
    }
}

impl Host {
    /// A machine that was never switched on.
    pub fn new(index: usize, settings: &Settings, dice: &mut Dice) -> Self {
        let mut entropy = [0; 32];
        dice.fill(&mut entropy);
        let seed = Seed::from_entropy(entropy);
        let mut features = peer::offered_features();
        if settings.simple_close {
            features.set(feature::OPTION_SIMPLE_CLOSE | 1);
        }
        let mut policy = Policy::new(ChainHash::REGTEST);
        policy.to_self_delay = settings.to_self_delay;
        policy.forget_after = settings.forget_after;
        policy.tombstone_blocks = settings.forget_after + 20;
        if index == 0 {
            // Peers' opens go to rest and come back.
            policy.max_live_pending = 1;
        }
        let config = Config { network: Network::Regtest, policy, features };
        Self {
            index,
            // Any key, until the node says its own.
            node_id: PublicKey::from_slice(&[2; 33]).expect("a point"),
            life: 0,
            process: None,
            disk: FaultyDisk::new(),
            rows: Rows::default(),
            uncertain: None,
            entropy: Chance::new(dice.fork()),
            asleep_until: 0,
            clock_ahead: 0,
            held_back: Vec::new(),
            seed,
            config,
        }
    }

    /// What it says in `init`.
    pub fn init(&self) -> wire::Init {
        wire::Init {
            features: self.config.features.clone(),
            networks: Some(vec![ChainHash::REGTEST]),
            remote_address: None,
        }
    }

    /// The node that runs.
    pub fn node(&self) -> Option<&Node> {
        self.process.as_ref().map(|process| &process.node)
    }
}

impl World {
    /// The time as a host's process sees it, or would if it began now.
    pub fn time_of(&self, index: usize) -> Now {
        let host = &self.hosts[index];
        let started = host.process.as_ref().map_or(self.now, |process| process.started);
        Now {
            monotonic: Monotonic(self.now - started),
            timestamp: Timestamp(EPOCH + self.now + host.clock_ahead),
        }
    }

    /// Starts a process from what is on the disk.
    pub fn start(&mut self, index: usize) -> Result<(), Violation> {
        let now = self.time_of(index);
        let birthday = self.chain.birthday();
        let host = &mut self.hosts[index];
        if host.process.is_some() {
            return Ok(());
        }
        host.asleep_until = 0;
        if self.settings.bug == Some(Bug::KeysReused) {
            host.entropy.keys = host.entropy.first_keys.clone();
        }
        let mut database = Database::with_backend(host.disk.clone())
            .map_err(|error| format!("n{index} cannot open its database: {error}"))?;
        let live = database.live().map_err(|error| error.to_string())?;
        host.settle_uncertain(&live)?;
        let (node, step) = if Node::exists(&live) {
            let journal = node::next_journal_number(&database).map_err(|e| e.to_string())?;
            let dormant = DormantIndex::read(&database).map_err(|e| e.to_string())?;
            let (config, entropy) = (host.config.clone(), &mut host.entropy);
            Node::restore(config, &host.seed, &live, (journal, dormant), now, entropy)
                .map_err(|error| format!("n{index} cannot be restored: {error}"))?
        } else {
            Node::create(host.config.clone(), &host.seed, birthday, now, &mut host.entropy)
        };
        let mut recorder = Recorder { inner: Some(&mut database), writes: Vec::new() };
        let effects = step.commit(&mut recorder).map_err(|error| error.to_string())?;
        let writes = recorder.writes;
        host.node_id = node.node_id();
        host.life += 1;
        let chain = ChainThread::new(node.follower().clone());
        let view = ChainView::restored(node.follower(), &self.chain);
        let (started, lanes, turn_at) = (self.now, Lanes::default(), None);
        host.process = Some(Process { node, database, started, lanes, turn_at, chain, view });
        let life = host.life;
        self.trace.line(format_args!("n{index} starts (life {life})"));
        self.committed(index, &writes)?;
        self.check_step(index)?;
        for effect in effects {
            self.run_effect(index, effect)?;
        }
        self.plan_deadline(index);
        self.calendar.plan(self.now + 1, Item::Poll { host: index, life });
        self.calendar.plan(self.now + 1, Item::Work { host: index, life });
        Ok(())
    }

    /// Cuts the power of a machine. What its process had said may or may not have reached the wire.
    pub fn crash(&mut self, index: usize, how: &str) {
        self.trace.line(format_args!("n{index} crashes {how}"));
        self.trace.statistics.count(format!("crash {how}"));
        let torn = self.dice.per_mille(300).then(|| self.dice.next());
        let host = &mut self.hosts[index];
        // The disk goes first: what the database would write on its way out is lost.
        host.disk = match torn {
            Some(seed) => host.disk.crash_torn(seed),
            None => host.disk.crash(),
        };
        host.process = None;
        host.held_back.clear();
        self.network_of_the_dead(index);
        let pause = self.dice.between(100, 40_000);
        self.calendar.plan(self.now + pause, Item::Start { host: index });
    }
}

impl Host {
    /// An interrupted commit is whole or absent, and everything else is as it was written.
    fn settle_uncertain(&mut self, live: &[node::Row]) -> Result<(), Violation> {
        if let Some(writes) = self.uncertain.take() {
            let mut with = self.rows.clone();
            with.apply(&writes);
            if with.are(live) {
                self.rows = with;
                return Ok(());
            }
        }
        if self.rows.are(live) {
            return Ok(());
        }
        Err(format!("n{}'s disk does not hold what was committed to it", self.index))
    }
}

/// The wall clock when a run begins, in milliseconds since 1970.
const EPOCH: u64 = 1_700_000_000_000;
