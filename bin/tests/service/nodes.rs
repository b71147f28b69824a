//! Two nodes in this process, and a gate at which one of them can be held up.

use bin::daemon::{Daemon, Setup};
use bin::entropy;
use bin::shell::Tap;
use bitcoin::{Amount, Network};
use chain::Backend;
use chain::regtest::{Options, Regtest, faucet_script};
use funding::RequestId;
use node::{Command, OpenCommand, Reply};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use storage::Database;
use wallet::Seed;
use wire::ChannelType;

/// A gate for one thread.
#[derive(Clone, Default)]
pub struct Gate {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    somebody_waits: bool,
}

impl Gate {
    pub fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    pub fn open(&self) {
        self.change(|state| state.is_closed = false);
    }

    /// Waits while it is closed.
    pub fn pass(&self) {
        let (lock, changed) = &*self.shared;
        let mut state = lock.lock().unwrap();
        state.somebody_waits = true;
        changed.notify_all();
        drop(changed.wait_while(state, |state| state.is_closed).unwrap());
        self.change(|state| state.somebody_waits = false);
    }

    /// Waits until somebody waits at it, while it is closed.
    pub fn wait_for_someone(&self) {
        let (lock, changed) = &*self.shared;
        let time = Duration::from_secs(60);
        let waiting = |state: &mut State| !(state.is_closed && state.somebody_waits);
        let state = lock.lock().unwrap();
        let (state, result) = changed.wait_timeout_while(state, time, waiting).unwrap();
        drop(state);
        assert!(!result.timed_out(), "nobody came to the gate");
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        let (lock, changed) = &*self.shared;
        f(&mut lock.lock().unwrap());
        changed.notify_all();
    }
}

/// Alice, who opens, and Bob, whose effects can be looked at.
pub struct Nodes {
    pub alice: Daemon,
    pub bob: Daemon,
    chain: Regtest,
}

impl Nodes {
    pub fn start(folder: &Path, tap: Option<Tap>) -> Self {
        let chain = Regtest::new(Options::default());
        chain.mine(1, &faucet_script());
        let alice = start(&chain, &folder.join("alice"), 1, None);
        let bob = start(&chain, &folder.join("bob"), 2, tap);
        let nodes = Self { alice, bob, chain };
        wait_until("both follow the chain", || {
            height(&nodes.alice) == Some(1) && height(&nodes.bob) == Some(1)
        });
        nodes
    }

    pub fn mine(&self, blocks: u32) {
        self.chain.mine(blocks, &faucet_script());
    }

    pub fn fund_alice(&self) {
        let Reply::Address(address) = self.alice.client().ask_blocking(Command::NewAddress) else {
            panic!("no address")
        };
        self.chain.fund(&address.script_pubkey(), Amount::from_sat(1_000_000)).unwrap();
        let tip = self.chain.best().height;
        wait_until("both know of the coin", || {
            height(&self.alice) == Some(tip) && height(&self.bob) == Some(tip)
        });
    }

    pub fn open(&self) {
        let reply = self.alice.client().ask_blocking(Command::Open(Box::new(OpenCommand {
            request: RequestId("one".to_owned()),
            node_id: self.bob.node_id,
            address: Some(self.bob.address.to_string()),
            funding: Amount::from_sat(500_000),
            push: Amount::ZERO,
            announce: false,
            channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
            feerate: None,
            max_fee: Amount::from_sat(10_000),
            coins: Vec::new(),
            force: false,
        })));
        assert!(matches!(reply, Reply::Request(_)), "{reply:?}");
    }

    pub fn stop(self) {
        self.alice.stop().unwrap();
        self.bob.stop().unwrap();
    }
}

fn start(chain: &Regtest, path: &Path, seed: u8, tap: Option<Tap>) -> Daemon {
    Daemon::start(Setup {
        network: Network::Regtest,
        backend: chain.another(),
        listen: ([127, 0, 0, 1], 0).into(),
        seed: Seed::from_entropy([seed; 32]),
        database: Database::create(path).unwrap(),
        birthday: Some(chain.another().birthday().unwrap()),
        features: peer::offered_features(),
        entropy: Box::new(entropy::System),
        tap,
        limits: Default::default(),
        reset_sockets: false,
    })
    .unwrap()
}

/// The height that it is synced to.
fn height(daemon: &Daemon) -> Option<u32> {
    let reply = daemon.client().ask_blocking(Command::Info);
    if let Reply::Info(info) = reply { info.synced.then_some(info.height.0) } else { None }
}

fn wait_until(what: &str, mut f: impl FnMut() -> bool) {
    let start = Instant::now();
    while !f() {
        assert!(start.elapsed().as_secs() < 60, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
