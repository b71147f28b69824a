//! What the RPC needs of this process: the core, its history, the log, the end.

use crate::client::Client;
use crate::daemon::Daemon;
use crate::entropy;
use crate::log::{LND_PARTS, Reload};
use crate::miner::Miner;
use crate::net::Net;
use bitcoin::{Address, Amount, Network, OutPoint};
use node::{Command, Notice, Row, StoreError, Table};
use rpc::{Answer, Controls, History, Host, Mine, Mined, NodeHandle, Traffic};
use secp256k1::PublicKey;
use std::sync::{Arc, Mutex};
use tokio::sync::{broadcast, watch};

/// The process as `rpc` sees it. `stop` becomes true when a client wants it to end.
pub fn host(
    daemon: &Daemon,
    log: Reload,
    stop: watch::Sender<bool>,
    miner: Option<Miner>,
    network: Network,
) -> Host {
    Host {
        node: Arc::new(Core(daemon.client())),
        history: Arc::new(Rows(daemon.history())),
        controls: Arc::new(Process { net: daemon.net(), log, stop }),
        miner: miner.map(|miner| Arc::new(Mutex::new(Blocks(miner))) as Arc<Mutex<dyn Mine>>),
        network,
        alias: None,
        uris: Vec::new(),
    }
}

struct Core(Client);

impl NodeHandle for Core {
    fn ask(&self, command: Command) -> Answer {
        let client = self.0.clone();
        Box::pin(async move { client.ask(command).await })
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices()
    }
}

struct Rows(storage::History);

impl History for Rows {
    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.0.range(table, from, limit)
    }
}

struct Process {
    net: Net,
    log: Reload,
    stop: watch::Sender<bool>,
}

impl Controls for Process {
    fn traffic(&self, node_id: &PublicKey) -> Option<Traffic> {
        self.net.traffic(node_id).map(|traffic| Traffic {
            address: traffic.address.to_string(),
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            ping_microseconds: traffic
                .ping
                .map_or(0, |ping| u64::try_from(ping.as_micros()).unwrap_or(u64::MAX)),
        })
    }

    fn levels(&self) -> String {
        self.log.levels()
    }

    fn set_levels(&self, levels: &str) -> Result<(), String> {
        self.log.set(levels)
    }

    fn log_parts(&self) -> Vec<&'static str> {
        LND_PARTS.iter().map(|(part, _)| *part).collect()
    }

    fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn draw(&self) -> Result<[u8; 16], String> {
        entropy::bytes().map_err(|error| error.to_string())
    }
}

struct Blocks(Miner);

impl Mine for Blocks {
    fn mine(&mut self, blocks: u32, to: Option<&Address>) -> Result<Mined, String> {
        self.0.mine(blocks, to).map(mined)
    }

    fn fund(&mut self, address: &Address, amount: Amount) -> Result<OutPoint, String> {
        self.0.fund(address, amount)
    }

    fn reorg(&mut self, depth: u32) -> Result<Mined, String> {
        self.0.reorg(depth).map(mined)
    }
}

fn mined(mined: crate::miner::Mined) -> Mined {
    Mined { height: mined.height, hashes: mined.hashes }
}
