//! The shell: what the node wants of the world, done. It decides nothing.

use crate::inbox::Inbox;
use crate::net::{ConnCommand, Events, Net, NetEvent};
use bitcoin::{OutPoint, Transaction, Txid};
use node::{CommandId, ConnId, Effect, Event, Notice, Reply, Table};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use storage::History;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, oneshot};

/// Work for the thread that speaks to the chain backend.
#[derive(Debug)]
pub enum ChainWork {
    /// Hand over a transaction, or a parent with its child.
    Broadcast(Vec<Transaction>),
    /// Test one.
    TestAccept(Transaction),
    /// Look into the mempool.
    LookFor {
        /// For transactions.
        transactions: Vec<Txid>,
        /// For outputs.
        outputs: Vec<OutPoint>,
    },
}

/// Who waits for replies.
#[derive(Clone)]
pub struct Replies {
    /// `None` once the core has ended: nobody will answer any more.
    waiting: Arc<Mutex<Option<Waiting>>>,
}

impl Default for Replies {
    fn default() -> Self {
        Self { waiting: Arc::new(Mutex::new(Some(BTreeMap::new()))) }
    }
}

impl Replies {
    /// The core has ended: whoever waits, or comes later, learns it at once.
    pub fn close(&self) {
        *self.lock() = None;
    }

    /// Nobody waits any more.
    pub fn forget(&self, id: CommandId) {
        if let Some(waiting) = self.lock().as_mut() {
            waiting.remove(&id);
        }
    }

    /// Someone waits for the reply to `id`.
    pub fn expect(&self, id: CommandId) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        if let Some(waiting) = self.lock().as_mut() {
            waiting.insert(id, sender);
        }
        receiver
    }

    fn give(&self, id: CommandId, reply: Reply) {
        let sender = self.lock().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(sender) = sender {
            // A client that went away changes nothing.
            let _ = sender.send(reply);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Waiting = BTreeMap<CommandId, oneshot::Sender<Reply>>;

/// Something that the demo prints: a message on its way, as it leaves.
pub type Tap = Box<dyn FnMut(&Effect) + Send>;

/// See the file's head.
pub struct Shell {
    /// What was committed, for rows at rest.
    pub history: History,
    /// Peers.
    pub net: Net,
    /// Dials need its runtime.
    pub runtime: Handle,
    /// The chain backend's thread.
    pub chain: Sender<ChainWork>,
    /// Clients that wait.
    pub replies: Replies,
    /// Clients that watch.
    pub notices: broadcast::Sender<Notice>,
    /// What comes back at once.
    pub inbox: Inbox,
    /// Whoever looks on.
    pub tap: Option<Tap>,
}

impl Shell {
    /// Does one thing. Nothing here blocks.
    pub fn run(&mut self, effect: Effect) {
        if let Some(tap) = &mut self.tap {
            tap(&effect);
        }
        match effect {
            Effect::Send { conn, message } => {
                self.net.command(net_conn(conn), ConnCommand::Send(*message));
            }
            Effect::Ping { conn } => self.net.command(net_conn(conn), ConnCommand::Ping),
            Effect::Disconnect { conn, reason } => {
                self.net.command(net_conn(conn), ConnCommand::Disconnect { reason });
            }
            Effect::Dial { node_id, address } => {
                let _runtime = self.runtime.enter();
                self.net.acquaint(node_id);
                self.net.dial(node_id, address);
            }
            Effect::Acquaint { node_id } => self.net.acquaint(node_id),
            Effect::Broadcast(transactions) => {
                // Without the thread the process is about to end; the next block brings it again.
                let _ = self.chain.send(ChainWork::Broadcast(transactions));
            }
            Effect::TestAccept(transaction) => {
                let _ = self.chain.send(ChainWork::TestAccept(transaction));
            }
            Effect::LookFor { transactions, outputs } => {
                let _ = self.chain.send(ChainWork::LookFor { transactions, outputs });
            }
            Effect::Thaw { keys_id } => match self.history.read(Table::Dormant, &keys_id.0) {
                // If there is no room, the node asks again with the next block.
                Ok(row) => {
                    self.inbox.push_command(Event::Thawed { keys_id, row });
                }
                Err(error) => tracing::warn!(%error, "a channel at rest cannot be read now"),
            },
            // Everybody is welcome within the limits; a policy of the operator's comes later.
            Effect::Decide { keys_id, .. } => {
                self.inbox.push_command(Event::Decided { keys_id, decision: Ok(()) });
            }
            Effect::Reply { id, reply } => self.replies.give(id, *reply),
            Effect::Notify(notice) => {
                let _ = self.notices.send(*notice);
            }
        }
    }
}

/// The network's events go into the core's inbox.
pub struct ToInbox(pub Inbox);

impl Events for ToInbox {
    fn deliver(&self, event: NetEvent) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let inbox = self.0.clone();
        Box::pin(async move {
            let (conn, event) = match event {
                NetEvent::Connected { conn, node_id, features, dialled, .. } => {
                    let conn = ConnId(conn.0);
                    (conn, Event::Connected { conn, node_id, features, address: dialled })
                }
                NetEvent::Message { conn, message } => {
                    let conn = ConnId(conn.0);
                    (conn, Event::Message { conn, message })
                }
                NetEvent::Alive { conn } => {
                    let conn = ConnId(conn.0);
                    (conn, Event::Alive { conn })
                }
                NetEvent::Lost { conn, reason } => {
                    let conn = ConnId(conn.0);
                    (conn, Event::Lost { conn, reason })
                }
                NetEvent::DialFailed { node_id, error, .. } => {
                    (ConnId(0), Event::DialFailed { node_id, reason: error })
                }
            };
            inbox.push_peer(conn, event).await;
        })
    }
}

fn net_conn(conn: ConnId) -> crate::net::ConnId {
    crate::net::ConnId(conn.0)
}
