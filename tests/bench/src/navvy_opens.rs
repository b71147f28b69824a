//! Opens between navvy nodes: real TCP, real files, the same bitcoind as the peers'. One process has all nodes, so
//! that their processor time and their syncs can be counted.

use crate::bitcoind::{Bitcoind, PASSWORD, USER};
use crate::clock::{processor_time, wait};
use crate::counting::{Counting, SYNCS};
use crate::table::note;
use bin::daemon::{Daemon, Setup};
use bitcoin::{Address, Amount, Network};
use chain::Backend;
use chain::bitcoind::{Auth, Bitcoind as Follower, Config};
use node::{Command, OpenCommand, Reply, RequestId};
use secp256k1::PublicKey;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use storage::Database;
use wallet::Seed;
use wire::ChannelType;

/// What so many opens at once cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From the first command to the last open whose transaction may be broadcast, in seconds.
    pub time: f64,
    /// Processor time of all nodes, for each open, in seconds.
    pub processor: f64,
    /// Syncs of all databases, for each open.
    pub syncs: f64,
}

/// One opener and its accepters.
pub struct Nodes {
    opener: Daemon,
    accepters: Vec<Daemon>,
    next: usize,
    unconfirmed: usize,
}

impl Nodes {
    /// Starts them, the opener with so many coins.
    pub fn start(folder: &Path, bitcoind: &Bitcoind, accepters: usize, coins: u32) -> Self {
        let mut backend = backend(bitcoind);
        let opener = start(folder, "opener", 1, &backend);
        let address = match opener.client().ask_blocking(Command::NewAddress) {
            Reply::Address(address) => address,
            reply => panic!("{reply:?}"),
        };
        fund(&mut backend, &address, coins);
        let accepters = (0..accepters)
            .map(|number| {
                let seed = u8::try_from(number + 2).unwrap();
                start(folder, &format!("accepter-{number}"), seed, &backend)
            })
            .collect();
        let nodes = Self { opener, accepters, next: 0, unconfirmed: 0 };
        nodes.wait_followed(bitcoind);
        nodes
    }

    /// Until all of them have the newest block.
    pub fn wait_followed(&self, bitcoind: &Bitcoind) {
        let height = u32::try_from(bitcoind.height()).unwrap();
        for daemon in self.accepters.iter().chain([&self.opener]) {
            wait(60, "a node to follow the chain", || {
                let Reply::Info(info) = daemon.client().ask_blocking(Command::Info) else {
                    return None;
                };
                (info.synced && info.height.0 == height).then_some(())
            });
        }
    }

    /// So many opens with each accepter, all at once.
    pub fn open(&mut self, each: usize) -> Cost {
        self.open_with(each * self.accepters.len())
    }

    /// Waits until bitcoind holds all that was opened since the last block, and mines it: what was promised
    /// is then seen, and makes room for more with the same peers.
    pub fn confirm(&mut self, bitcoind: &Bitcoind) {
        bitcoind.wait_mempool(self.unconfirmed);
        self.unconfirmed = 0;
        bitcoind.mine(1);
        self.wait_followed(bitcoind);
    }

    /// One open.
    pub fn open_one(&mut self) -> Cost {
        self.open_with(1)
    }

    fn open_with(&mut self, count: usize) -> Cost {
        let client = self.opener.client();
        let (syncs, processor) =
            (SYNCS.load(Ordering::Relaxed), processor_time(std::process::id()));
        let begun = Instant::now();
        let first = self.next;
        for number in 0..count {
            let accepter = &self.accepters[number % self.accepters.len()];
            let name = format!("{:08}", first + number);
            let address = Some(accepter.address.to_string());
            let command = open_command(name, accepter.node_id, address);
            let reply = client.ask_blocking(command);
            assert!(matches!(reply, Reply::Request(_)), "{reply:?}");
        }
        self.next += count;
        self.unconfirmed += count;
        let done = self.next;
        let mut is_told = false;
        wait(60, "all opens", || {
            let Reply::Requests(all) = client.ask_blocking(Command::Requests) else {
                return None;
            };
            let others: Vec<_> = all.iter().filter(|request| request.status != "funded").collect();
            if !is_told && !others.is_empty() && begun.elapsed() > Duration::from_secs(2) {
                is_told = true;
                let (status, text) = (others[0].status, &others[0].text);
                note(&format!("{} opens take long: {status} {text}", others.len()));
            }
            (others.is_empty() && all.len() >= done).then_some(())
        });
        let time = begun.elapsed().as_secs_f64();
        let per_open = count as f64;
        Cost {
            time,
            processor: (processor_time(std::process::id()) - processor) / per_open,
            syncs: (SYNCS.load(Ordering::Relaxed) - syncs) as f64 / per_open,
        }
    }

    /// Stops all of them.
    pub fn stop(self) {
        self.opener.stop().unwrap();
        for daemon in self.accepters {
            daemon.stop().unwrap();
        }
    }
}

/// A handle on the bitcoind.
pub fn backend(bitcoind: &Bitcoind) -> Follower {
    let auth = Auth::Password { user: USER.to_owned(), password: PASSWORD.to_owned() };
    let address = format!("127.0.0.1:{}", bitcoind.port);
    Follower::new(Config::new(&address, auth, Network::Regtest).unwrap())
}

/// So many coins, all in one or a few transactions of their own.
pub fn fund(backend: &mut Follower, address: &Address, coins: u32) {
    crate::coins::scatter(backend, &address.script_pubkey(), coins);
}

fn start(folder: &Path, name: &str, seed: u8, backend: &Follower) -> Daemon {
    let file = folder.join(format!("{name}.redb"));
    Daemon::start(Setup {
        network: Network::Regtest,
        backend: backend.another(),
        listen: ([127, 0, 0, 1], 0).into(),
        seed: Seed::from_entropy([seed; 32]),
        database: Database::with_backend(Counting::create(&file)).unwrap(),
        birthday: Some(backend.another().birthday().unwrap()),
        limits: bin::limits::Limits::default(),
        features: peer::offered_features(),
        entropy: Box::new(bin::entropy::System),
        tap: None,
        reset_sockets: false,
    })
    .unwrap()
}

/// An open of half a million satoshi, as all rows of the table have it.
pub fn open_command(name: String, node_id: PublicKey, address: Option<String>) -> Command {
    Command::Open(Box::new(OpenCommand {
        request: RequestId(name),
        node_id,
        address,
        funding: Amount::from_sat(500_000),
        push: Amount::ZERO,
        announce: false,
        channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
        feerate: None,
        max_fee: Amount::from_sat(10_000),
        coins: Vec::new(),
        force: true,
    }))
}
