//! What the interface needs of the process around it.

use bitcoin::{Address, Amount, BlockHash, Network, OutPoint};
use node::{Command, Notice, Reply, Row, StoreError, Table};
use secp256k1::PublicKey;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// The process that serves. Clones are the same one.
#[derive(Clone)]
pub struct Host {
    /// The node.
    pub node: Arc<dyn NodeHandle>,
    /// What it has committed.
    pub history: Arc<dyn History>,
    /// The rest of the process.
    pub controls: Arc<dyn Controls>,
    /// Who mines on a regtest chain, if there is somebody.
    pub miner: Option<Arc<Mutex<dyn Mine>>>,
    /// The chain.
    pub network: Network,
    /// Its name for people.
    pub alias: Option<String>,
    /// Where peers reach it, as `node_id@host:port`.
    pub uris: Vec<String>,
}

/// A reply in the making.
pub type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// The node, as its clients know it.
pub trait NodeHandle: Send + Sync + 'static {
    /// Asks. The command goes on even if nobody waits for its reply any more.
    fn ask(&self, command: Command) -> Answer;

    /// The news from now on.
    fn notices(&self) -> broadcast::Receiver<Notice>;
}

/// Rows as the last commit left them, for readers beside the node.
pub trait History: Send + Sync + 'static {
    /// Rows of a table from a key on, at most `limit`. Blocks.
    ///
    /// # Errors
    /// When the medium fails.
    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;
}

/// What went over a peer's connection since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The other end of the socket.
    pub address: String,
    /// Bytes of messages sent.
    pub bytes_sent: u64,
    /// Bytes of messages received.
    pub bytes_received: u64,
    /// How long the last ping took to be answered, in microseconds; 0: none was yet.
    pub ping_microseconds: u64,
}

/// The rest of the process.
pub trait Controls: Send + Sync + 'static {
    /// What went over the connection of a peer; `None`: it has none.
    fn traffic(&self, node_id: &PublicKey) -> Option<Traffic>;

    /// What is logged, in the words that [`Controls::set_levels`] takes.
    fn levels(&self) -> String;

    /// Logs otherwise from now on.
    ///
    /// # Errors
    /// With a line for the client; nothing has changed.
    fn set_levels(&self, levels: &str) -> Result<(), String>;

    /// The parts whose level can be set, as LND calls them.
    fn log_parts(&self) -> Vec<&'static str>;

    /// Begins a polite stop, and returns.
    fn stop(&self);

    /// A name for a request, which nobody has drawn before.
    ///
    /// # Errors
    /// With a line, when the system gives no random bytes.
    fn draw(&self) -> Result<[u8; 16], String>;
}

/// Blocks at will. All of it blocks the thread.
pub trait Mine: Send + 'static {
    /// Mines blocks; the new coins go to `to`, or to nobody in particular.
    ///
    /// # Errors
    /// With a line for the client.
    fn mine(&mut self, blocks: u32, to: Option<&Address>) -> Result<Mined, String>;

    /// Pays to an address.
    ///
    /// # Errors
    /// With a line for the client.
    fn fund(&mut self, address: &Address, amount: Amount) -> Result<OutPoint, String>;

    /// Replaces the last `depth` blocks by as many others and one more.
    ///
    /// # Errors
    /// With a line for the client.
    fn reorg(&mut self, depth: u32) -> Result<Mined, String>;
}

/// New blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// The new height.
    pub height: u32,
    /// Their hashes, in the order of the chain.
    pub hashes: Vec<BlockHash>,
}
