//! A node on its disk.

use bitcoin::Network;
use bitcoin::constants::ChainHash;
use bitcoin::hashes::{Hash as _, sha256};
use chain::{Follower, Tip};
use funding::{Monotonic, Now, Policy};
use node::{Config, Effect, Entropy, Event, Node, Reply, Row, Store, StoreError, Table, Write};
use storage::{Database, FaultyDisk};
use transactions::Timestamp;
use wallet::Seed;
use wire::Features;

pub struct Machine {
    pub node: Node,
    pub disk: FaultyDisk,
    pub store: Counting,
    /// What the chain threads have passed on.
    pub follower: Follower,
    /// Effects of the last turns that are for nobody on the stage: replies and notices.
    pub said: Vec<Effect>,
    /// Commits and syncs at the first broadcast since it was cleared.
    pub at_broadcast: Option<(u64, u64)>,
    chance: Chance,
    policy: Policy,
    seed: u8,
    started: u64,
}

/// The real store, which counts.
pub struct Counting {
    inner: Database,
    pub commits: u64,
}

impl Store for Counting {
    fn live(&self) -> Result<Vec<Row>, StoreError> {
        self.inner.live()
    }

    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(table, key)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.range(table, from, limit)
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.commits += 1;
        self.inner.write(writes)
    }
}

impl Machine {
    pub fn new(seed: u8, birthday: Tip, at: u64) -> Self {
        Self::with_policy(seed, birthday, at, Policy::new(ChainHash::REGTEST))
    }

    pub fn with_policy(seed: u8, birthday: Tip, at: u64, policy: Policy) -> Self {
        let disk = FaultyDisk::new();
        let mut chance = Chance { seed, counter: 0 };
        let (node, step) = Node::create(
            config(policy.clone()),
            &Seed::from_entropy([seed; 32]),
            birthday,
            now(0, at),
            &mut chance,
        );
        Self::begin(node, step, disk, (chance, policy), seed, at)
    }

    /// The power is cut, and it starts again.
    pub fn crash(&mut self, at: u64) {
        let disk = self.disk.crash();
        let store = Database::with_backend(disk.clone()).expect("what was committed");
        let rows = store.live().expect("rows");
        let journal = node::next_journal_number(&store).expect("a journal");
        let dormant = node::DormantIndex::read(&store).expect("rows");
        drop(store);
        let mut chance = Chance { seed: self.seed, counter: self.chance.counter };
        let seed = Seed::from_entropy([self.seed; 32]);
        let (node, step) = Node::restore(
            config(self.policy.clone()),
            &seed,
            &rows,
            (journal, dormant),
            now(0, at),
            &mut chance,
        )
        .expect("rows");
        *self = Self::begin(node, step, disk, (chance, self.policy.clone()), self.seed, at);
    }

    fn begin(
        node: Node,
        step: node::Step,
        disk: FaultyDisk,
        (chance, policy): (Chance, Policy),
        seed: u8,
        started: u64,
    ) -> Self {
        let inner = Database::with_backend(disk.clone()).expect("a database");
        let mut store = Counting { inner, commits: 0 };
        let effects = step.commit(&mut store).expect("the disk is good");
        // A row at rest that was asked for is asked for again.
        let is_mute = |effect: &Effect| matches!(effect, Effect::Notify(_) | Effect::Thaw { .. });
        assert!(effects.iter().all(is_mute), "{effects:?}");
        let (follower, at_broadcast) = (node.follower().clone(), None);
        let said = Vec::new();
        Self { node, disk, store, follower, said, at_broadcast, chance, policy, seed, started }
    }

    /// One turn, and what it wants of the world.
    pub fn turn(&mut self, at: u64, events: Vec<Event>) -> Vec<Effect> {
        let step = self.node.handle(now(at - self.started, at), events, &mut self.chance);
        let effects = step.commit(&mut self.store).expect("the disk is good");
        let broadcasts = effects.iter().any(|effect| matches!(effect, Effect::Broadcast(_)));
        if broadcasts && self.at_broadcast.is_none() {
            self.at_broadcast = Some(self.costs());
        }
        effects
    }

    /// Commits since it started, and syncs of its disk.
    pub fn costs(&self) -> (u64, u64) {
        (self.store.commits, self.disk.syncs())
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<u64> {
        self.node.next_deadline().map(|at| at.0 + self.started)
    }

    /// The replies to commands since the last look.
    pub fn replies(&mut self) -> Vec<Reply> {
        let said = std::mem::take(&mut self.said);
        let replies = said.into_iter().filter_map(|effect| {
            if let Effect::Reply { reply, .. } = effect { Some(*reply) } else { None }
        });
        replies.collect()
    }
}

fn config(policy: Policy) -> Config {
    Config { network: Network::Regtest, policy, features: Features::from_bits(&[13, 23, 27, 61]) }
}

fn now(since_start: u64, at: u64) -> Now {
    Now { monotonic: Monotonic(since_start), timestamp: Timestamp(1_700_000_000_000 + at) }
}

struct Chance {
    seed: u8,
    counter: u64,
}

impl Entropy for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut text = vec![self.seed];
            text.extend_from_slice(&self.counter.to_be_bytes());
            self.counter += 1;
            *byte = sha256::Hash::hash(&text).to_byte_array()[0];
        }
    }
}
