//! A running node: the core's thread, the two of the chain, the network's runtime. `navvyd` has one, the demo
//! has two.

use crate::chain_threads;
use crate::client::Client;
use crate::core_loop::{Core, CoreEnd, now};
use crate::exit::{Exit, Failure};
use crate::inbox::Inbox;
use crate::limits::Limits;
use crate::net::{Clock, Net, NetSettings};
use crate::shell::{Replies, Shell, Tap, ToInbox};
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use chain::{Backend, Tip};
use node::{Command, CommitError, Config, Entropy, Node, Step, Store, StoreError};
use secp256k1::PublicKey;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use storage::{Database, History};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use transport::NodeKey;
use wallet::Seed;
use wire::Features;

/// What a node is started with.
pub struct Setup {
    /// The chain.
    pub network: Network,
    /// Its backend.
    pub backend: Box<dyn Backend>,
    /// Where peers may connect; port 0 takes any.
    pub listen: SocketAddr,
    /// The seed.
    pub seed: Seed,
    /// The disk.
    pub database: Database,
    /// Where a node that never ran before begins.
    pub birthday: Option<Tip>,
    /// What `init` says.
    pub features: Features,
    /// Where chance comes from.
    pub entropy: Box<dyn Entropy + Send>,
    /// Whoever looks on.
    pub tap: Option<Tap>,
    /// What the operator limits.
    pub limits: Limits,
    /// Whether a closed socket is reset, as by a crash.
    pub reset_sockets: bool,
}

/// A running node.
pub struct Daemon {
    /// Its id.
    pub node_id: PublicKey,
    /// Where it listens.
    pub address: SocketAddr,
    client: Client,
    history: History,
    net: Net,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    wrong_backend: Arc<OnceLock<String>>,
    core: JoinHandle<CoreEnd>,
    threads: Vec<JoinHandle<()>>,
    runtime: Runtime,
}

impl Daemon {
    /// Starts a node: what it was, if its disk knows one, or a new one.
    ///
    /// # Errors
    /// With the number and the line that the process should end with.
    pub fn start(mut setup: Setup) -> Result<Self, Failure> {
        let start = Instant::now();
        let (node, step) = restore(&mut setup, start)?;
        // Durable before anything else can fail: a new node is one from here on.
        let effects = step.commit(&mut setup.database).map_err(|error| commit_failure(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("navvy-net")
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("no threads: {error}")))?;
        let inbox = Inbox::default();
        let net = network(&setup, &node, &inbox, &runtime);
        let address = runtime.block_on(net.listen(setup.listen)).map_err(|error| {
            let listen = setup.listen;
            let text = format!("cannot listen on {listen}: {error}; choose another with --listen");
            Failure::new(Exit::Port, text)
        })?;
        let replies = Replies::default();
        let (notices, _) = broadcast::channel(NOTICES);
        let (work, jobs) = mpsc::channel();
        let mut shell = Shell {
            history: setup.database.history(),
            net: net.clone(),
            runtime: runtime.handle().clone(),
            chain: work,
            replies: replies.clone(),
            notices: notices.clone(),
            inbox: inbox.clone(),
            tap: setup.tap,
        };
        for effect in effects {
            shell.run(effect);
        }
        let (node_id, follower) = (node.node_id(), node.follower().clone());
        let stop = Arc::new(AtomicBool::new(false));
        let (database, entropy) = (setup.database, setup.entropy);
        let history = database.history();
        let (its_inbox, its_stop) = (inbox.clone(), Arc::clone(&stop));
        let core = Core { node, database, inbox: its_inbox, shell, entropy, start, stop: its_stop };
        let wrong_backend = Arc::new(OnceLock::new());
        let wrong = Arc::clone(&wrong_backend);
        let threads = chain_threads(setup.backend, follower, jobs, &inbox, &stop, wrong)?;
        let its_replies = replies.clone();
        let core = spawn("navvy-core", move || {
            let end = core.run();
            its_replies.close();
            end
        })?;
        let client = Client::new(inbox.clone(), replies, notices);
        Ok(Self {
            node_id,
            address,
            client,
            history,
            net,
            inbox,
            stop,
            wrong_backend,
            core,
            threads,
            runtime,
        })
    }

    /// How to speak to it.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What it has committed, for readers beside it.
    pub fn history(&self) -> History {
        self.history.clone()
    }

    /// Its network.
    pub fn net(&self) -> Net {
        self.net.clone()
    }

    /// The runtime of its network.
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether the core still runs: it ends by itself only when the disk fails.
    pub fn is_running(&self) -> bool {
        !self.core.is_finished()
    }

    /// What cannot become right while it runs: a chain backend of another network, from the start.
    pub fn mistake(&self) -> Option<Failure> {
        let text = self.wrong_backend.get()?;
        Some(Failure::new(Exit::Backend, text))
    }

    /// A polite stop: opens that the peer cannot hold yet are ended and the peer is told,
    /// `funding_signed` is waited for, at most 30 seconds.
    ///
    /// # Errors
    /// When the core had ended before, because the disk failed.
    pub fn stop(self) -> Result<(), Failure> {
        if self.is_running() {
            let _ = self.client.ask_blocking(Command::Stop);
        }
        self.stop.store(true, Ordering::Relaxed);
        // Something for the core to wake up for.
        let _ = self.client.ask_blocking(Command::Info);
        let end = self.core.join();
        self.runtime.block_on(self.net.stop("the node is stopping", DRAIN));
        for thread in self.threads {
            let _ = thread.join();
        }
        self.runtime.shutdown_timeout(DRAIN);
        match end {
            Ok(CoreEnd::Stopped) => Ok(()),
            Ok(CoreEnd::DiskFull) => Err(disk_full()),
            Ok(CoreEnd::Failed(error)) => Err(commit_failure(&error)),
            Err(_) => Err(Failure::new(Exit::Failed, "the core thread failed")),
        }
    }

    /// What a power cut does: no shutdown code runs, tasks are gone, sockets are reset.
    pub fn kill(self) {
        self.inbox.kill();
        self.stop.store(true, Ordering::Relaxed);
        self.runtime.shutdown_background();
        let _ = self.core.join();
    }
}

/// The node that the disk knows, or a new one.
fn restore(setup: &mut Setup, start: Instant) -> Result<(Node, Step), Failure> {
    let policy = setup.limits.policy(ChainHash::using_genesis_block_const(setup.network));
    let config = Config { network: setup.network, policy, features: setup.features.clone() };
    let rows = setup.database.live().map_err(|error| store_failure(&error))?;
    let now = now(start);
    let entropy = setup.entropy.as_mut();
    if !Node::exists(&rows) {
        let birthday = setup.birthday.ok_or_else(|| {
            Failure::new(Exit::Backend, "a new node needs its chain backend once")
        })?;
        return Ok(Node::create(config, &setup.seed, birthday, now, entropy));
    }
    let number =
        node::next_journal_number(&setup.database).map_err(|error| store_failure(&error))?;
    let dormant = node::DormantIndex::read(&setup.database).map_err(|e| store_failure(&e))?;
    let rests = (number, dormant);
    Node::restore(config, &setup.seed, &rows, rests, now, entropy).map_err(|error| {
        let exit = match &error {
            node::RestoreError::Foreign(_) => Exit::Foreign,
            node::RestoreError::Record(..)
            | node::RestoreError::Wallet(_)
            | node::RestoreError::Chain(_) => Exit::Database,
        };
        Failure::new(exit, format!("the database cannot be used: {error}"))
    })
}

fn network(setup: &Setup, node: &Node, inbox: &Inbox, runtime: &Runtime) -> Net {
    let init = wire::Init {
        features: setup.features.clone(),
        networks: Some(vec![ChainHash::using_genesis_block_const(setup.network)]),
        remote_address: None,
    };
    let settings = NetSettings { reset_sockets: setup.reset_sockets, ..setup.limits.net(init) };
    let key = NodeKey::new(node.wallet().node_secret());
    let _runtime = runtime.enter();
    let net = Net::new(settings, key, Arc::new(ToInbox(inbox.clone())), Clock::start());
    // A promise that cost nothing makes no acquaintance.
    for channel in node.channels().values().filter(|channel| channel.state.is_funded()) {
        net.acquaint(channel.node_id);
    }
    net
}

fn chain_threads(
    backend: Box<dyn Backend>,
    follower: chain::Follower,
    jobs: mpsc::Receiver<crate::shell::ChainWork>,
    inbox: &Inbox,
    stop: &Arc<AtomicBool>,
    wrong_backend: Arc<OnceLock<String>>,
) -> Result<Vec<JoinHandle<()>>, Failure> {
    let worker = backend.another();
    let (its_inbox, its_stop) = (inbox.clone(), Arc::clone(stop));
    let follow = spawn("navvy-chain", move || {
        chain_threads::follow(backend, follower, &its_inbox, &its_stop, &wrong_backend);
    })?;
    let its_inbox = inbox.clone();
    let work = spawn("navvy-broadcast", move || {
        chain_threads::work(worker, &jobs, &its_inbox);
    })?;
    Ok(vec![follow, work])
}

fn spawn<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(f)
        .map_err(|error| Failure::new(Exit::Failed, format!("no thread: {error}")))
}

/// Whether a node ever ran on this disk.
///
/// # Errors
/// When the disk fails.
pub fn has_node(database: &Database) -> Result<bool, Failure> {
    let rows = database.live().map_err(|error| store_failure(&error))?;
    Ok(Node::exists(&rows))
}

/// How the process ends when the disk is full, and nothing else is wrong.
pub fn disk_full() -> Failure {
    Failure::new(Exit::DiskFull, "the disk is full: make room and start again; nothing is lost")
}

/// How the process ends when a step cannot be committed.
fn commit_failure(error: &CommitError) -> Failure {
    match error {
        CommitError::Store(error) => store_failure(error),
        CommitError::Broken(text) => Failure::new(
            Exit::Bug,
            format!("{text}: this is a bug, please report it; what is on disk is whole"),
        ),
    }
}

/// How the process ends when the disk fails.
pub fn store_failure(error: &StoreError) -> Failure {
    let (exit, what) = match error {
        StoreError::Corrupt(_) => (
            Exit::Database,
            "restore a backup, or close the channels with \
             the seed alone; the file was left as it is",
        ),
        StoreError::InUse(_) => (Exit::InUse, "stop the other process, or choose another folder"),
        StoreError::Full(_) => (Exit::DiskFull, "make room and start again; nothing is lost"),
        StoreError::Failed(_) => (Exit::Failed, "check the disk and start again"),
    };
    Failure::new(exit, format!("{error}: {what}"))
}

/// News that a slow watcher may lag behind.
const NOTICES: usize = 4_096;
/// How long the last messages may take.
const DRAIN: Duration = Duration::from_secs(5);
