//! 10,000 pending channels: what they hold in memory, and how long a start takes with them. They are opened for
//! real, between two nodes that are driven in this process with strangers' names for each other, and with real
//! coins; only the sockets and the broadcasts are left out.

use crate::bitcoind::Bitcoind;
use crate::navvy_opens::{backend, open_command};
use crate::opens::lnd_opens;
use crate::peers::{Daemon, Kind};
use crate::table::{Row, millis, note};
use bin::data_folder::DataFolder;
use bitcoin::constants::ChainHash;
use bitcoin::Network;
use chain::{Backend, ChainEvent};
use funding::{Monotonic, Now, Policy, Verdict};
use node::{Command, CommandId, Config, ConnId, Effect, Event, Node, Reply, Timestamp};
use secp256k1::{PublicKey, SecretKey};
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};
use storage::Database;

/// The rows; `idle` is what navvyd holds without any channel.
pub fn run(folder: &Path, bitcoind: &Bitcoind, idle: Option<u64>, lnds: Option<[Daemon; 2]>) {
    let begun = Instant::now();
    let data = folder.join("pending");
    fill(&data, bitcoind);
    note(&format!("{CHANNELS} opens in {:.1} s", begun.elapsed().as_secs_f64()));
    let Some(mut daemon) = Daemon::start(Kind::Navvyd, folder, "pending", bitcoind) else { return };
    let mut start = daemon.start;
    std::thread::sleep(IDLE);
    let held = daemon.resident();
    for _ in 0..2 {
        start = start.min(daemon.restart());
    }
    daemon.stop();
    let (baseline, theirs) = match lnds {
        None => ("none".to_owned(), f64::NAN),
        Some(mut lnds) => {
            let count = lnd_fill(&lnds);
            (format!("LND with {count}"), lnds[0].restart().as_secs_f64())
        }
    };
    let start = start.as_secs_f64();
    Row {
        work: "restart to READY with 10,000 pending channels",
        ours: millis(start),
        baseline,
        theirs: millis(theirs),
        ratio: Some(start / theirs),
        goal: "1 s",
        met: Some(start <= 1.0),
    }
    .print();
    if let Some(idle) = idle {
        let each = (held as f64 - idle as f64) / f64::from(CHANNELS);
        Row {
            work: "memory, a pending channel of the opener's",
            ours: format!("{:.1} kB", each / 1e3),
            baseline: "none".to_owned(),
            theirs: String::new(),
            ratio: None,
            goal: "2 kB",
            met: Some(each <= 2_000.0),
        }
        .print();
    }
}

/// As many as LND can be given in a minute.
fn lnd_fill(lnds: &[Daemon; 2]) -> usize {
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(60) && count < 800 {
        lnd_opens(lnds, 20);
        count += 20;
    }
    count
}

/// One of the two nodes.
struct Side {
    node: Node,
    database: Database,
    events: VecDeque<Event>,
}

fn fill(data: &Path, bitcoind: &Bitcoind) {
    let mut chain = backend(bitcoind);
    let folder = DataFolder::take(&data.join("regtest")).unwrap();
    let database = folder.database().unwrap();
    let birthday = chain.birthday().unwrap();
    let seed = folder.seed(Network::Regtest, birthday.height, None, false).unwrap().seed;
    let mut opener = side(&seed, database, birthday);
    let other = tempfile::tempdir().unwrap();
    let database = Database::create(&other.path().join("redb")).unwrap();
    let mut accepter = side(&wallet::Seed::from_entropy([9; 32]), database, birthday);
    let command = Command::NewAddress;
    let effects = opener.turn(vec![Event::Command { id: CommandId(0), command }]);
    let script = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Reply { reply, .. } => match &**reply {
                Reply::Address(address) => Some(address.script_pubkey()),
                _ => None,
            },
            _ => None,
        })
        .unwrap();
    // Some more: the wallet keeps a reserve for anchors.
    crate::coins::scatter(&mut chain, &script, CHANNELS + 10);
    for side in [&mut opener, &mut accepter] {
        side.follow(&mut chain);
    }
    for peers in (0..CHANNELS / PER_PEER).collect::<Vec<u32>>().chunks(16) {
        for peer in peers {
            opener.events.push_back(connected(*peer));
            accepter.events.push_back(connected(*peer));
            for number in 0..PER_PEER {
                opener.events.push_back(open(*peer, number));
            }
        }
        while !opener.events.is_empty() || !accepter.events.is_empty() {
            opener.exchange(&mut accepter);
            accepter.exchange(&mut opener);
        }
    }
    assert_eq!(opener.node.channels().len(), CHANNELS as usize);
}

fn side(seed: &wallet::Seed, mut database: Database, birthday: chain::Tip) -> Side {
    let policy = Policy::new(ChainHash::using_genesis_block_const(Network::Regtest));
    let config = Config { network: Network::Regtest, policy, features: peer::offered_features() };
    let (node, step) = Node::create(config, seed, birthday, now(), &mut bin::entropy::System);
    step.commit(&mut database).unwrap();
    Side { node, database, events: VecDeque::new() }
}

impl Side {
    fn turn(&mut self, events: Vec<Event>) -> Vec<Effect> {
        let step = self.node.handle(now(), events, &mut bin::entropy::System);
        step.commit(&mut self.database).unwrap()
    }

    fn follow(&mut self, chain: &mut impl Backend) {
        loop {
            let locator = self.node.follower().locator();
            match chain.next(&locator, Duration::ZERO).unwrap() {
                ChainEvent::Update(update) => drop(self.turn(vec![Event::Chain(update)])),
                _ => break,
            }
        }
        drop(self.turn(vec![Event::ChainState { synced: true, problem: None }]));
    }

    /// All that waits, and what it leads to, here and at the other.
    fn exchange(&mut self, other: &mut Self) {
        let events: Vec<Event> = self.events.drain(..).collect();
        for effect in self.turn(events) {
            let event = match effect {
                Effect::Send { conn, message } => {
                    other.events.push_back(Event::Message { conn, message: *message });
                    continue;
                }
                Effect::Ping { conn } => Event::Alive { conn },
                Effect::TestAccept(transaction) => {
                    let txid = transaction.compute_txid();
                    Event::Tested { txid, verdict: Verdict::Accepted }
                }
                Effect::Broadcast(transactions) => {
                    Event::Broadcasted { txid: transactions[0].compute_txid(), result: Ok(()) }
                }
                Effect::Decide { keys_id, .. } => Event::Decided { keys_id, decision: Ok(()) },
                Effect::Reply { reply, .. } => {
                    assert!(matches!(*reply, Reply::Request(_)), "{reply:?}");
                    continue;
                }
                _ => continue,
            };
            self.events.push_back(event);
        }
    }
}

fn connected(peer: u32) -> Event {
    let features = peer::offered_features();
    Event::Connected { conn: ConnId(u64::from(peer)), node_id: name(peer), features, address: None }
}

fn open(peer: u32, number: u32) -> Event {
    let command = open_command(format!("{peer}-{number}"), name(peer), None);
    Event::Command { id: CommandId(1), command }
}

fn name(peer: u32) -> PublicKey {
    let mut bytes = [11; 32];
    bytes[..4].copy_from_slice(&(peer + 1).to_be_bytes());
    SecretKey::from_slice(&bytes).unwrap().public_key(secp256k1::SECP256K1)
}

const fn now() -> Now {
    Now { monotonic: Monotonic(1), timestamp: Timestamp(1_700_000_000_000) }
}

const CHANNELS: u32 = 10_000;
/// As many as an accepter takes from one peer that nobody has seen.
const PER_PEER: u32 = 4;
const IDLE: Duration = Duration::from_secs(10);
