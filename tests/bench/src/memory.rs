//! What a daemon holds in memory: idle, and for each peer that is connected and silent.

use crate::bitcoind::Bitcoind;
use crate::peers::{Daemon, Kind};
use crate::table::{Row, note};
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use secp256k1::{PublicKey, SecretKey};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpSocket;
use transport::{Deadlines, NodeKey};

/// What an idle navvyd holds, in bytes, for the rows that ask for the difference.
pub fn run(folder: &Path, bitcoind: &Bitcoind) -> Option<u64> {
    let mut ours: Option<Held> = None;
    for kind in [Kind::Navvyd, Kind::Lnd, Kind::Ldk] {
        let Some(daemon) = Daemon::start(kind, folder, &format!("idle-{kind:?}"), bitcoind) else {
            continue;
        };
        let held = measure(daemon);
        note(&format!(
            "{kind:?}: start {:.0} ms, idle {:.1} MB, a silent peer {:.1} kB",
            held.start * 1e3,
            held.idle as f64 / 1e6,
            held.peer / 1e3
        ));
        match &ours {
            None if kind == Kind::Navvyd => ours = Some(held),
            None => {}
            Some(ours) => rows(ours, kind, &held),
        }
    }
    ours.map(|held| held.idle)
}

struct Held {
    start: f64,
    idle: u64,
    peer: f64,
}

fn rows(ours: &Held, kind: Kind, theirs: &Held) {
    let baseline = match kind {
        Kind::Navvyd => "navvyd",
        Kind::Lnd => "LND",
        Kind::Ldk => "ldk-node",
    };
    let row = |work, ours: f64, theirs: f64, unit, goal, most: f64| {
        Row {
            work,
            ours: format!("{ours:.1} {unit}"),
            baseline: baseline.to_owned(),
            theirs: format!("{theirs:.1} {unit}"),
            ratio: Some(ours / theirs),
            goal,
            met: Some(ours <= most),
        }
        .print();
    };
    row("memory, idle", ours.idle as f64 / 1e6, theirs.idle as f64 / 1e6, "MB", "12 MB", 12.0);
    row("memory, an idle peer", ours.peer / 1e3, theirs.peer / 1e3, "kB", "10 kB", 10.0);
}

fn measure(mut daemon: Daemon) -> Held {
    // The first start makes the data; what a daemon does right after its start is not idleness.
    let start = daemon.restart().as_secs_f64();
    std::thread::sleep(IDLE);
    let idle = daemon.resident();
    let node_id: PublicKey = daemon.node_id().parse().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], daemon.port));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut connections = Vec::new();
    for number in 0..PEERS {
        connections.push(runtime.block_on(connect(address, node_id, number)));
    }
    std::thread::sleep(IDLE);
    let peer = (daemon.resident() as f64 - idle as f64) / f64::from(PEERS);
    drop(connections);
    daemon.stop();
    Held { start, idle, peer }
}

/// A stranger, from an address block that is not full yet: past `init`, and silent.
async fn connect(
    address: SocketAddr,
    node_id: PublicKey,
    number: u16,
) -> transport::Connection<tokio::net::TcpStream> {
    let [block, host] = [number / 12, number % 12].map(|part| u8::try_from(part + 1).unwrap());
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 1, block, host], 0))).unwrap();
    let socket = socket.connect(address).await.unwrap();
    let secret = |kind: u8| {
        let mut bytes = [kind; 32];
        bytes[..2].copy_from_slice(&(number + 1).to_be_bytes());
        SecretKey::from_slice(&bytes).unwrap()
    };
    let mut init = Vec::new();
    wire::Message::Init(wire::Init {
        features: peer::offered_features(),
        networks: Some(vec![ChainHash::using_genesis_block_const(Network::Regtest)]),
        remote_address: None,
    })
    .encode(&mut init);
    let (key, ephemeral) = (NodeKey::new(secret(3)), secret(5));
    let deadlines = Deadlines::DEFAULT;
    transport::connect_tcp(socket, &key, ephemeral, node_id, &init, &deadlines).await.unwrap()
}

const PEERS: u16 = 500;
const IDLE: Duration = Duration::from_secs(5);
