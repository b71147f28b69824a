//! What the network and the core say to each other.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use secp256k1::PublicKey;
use tokio::sync::mpsc;
use wire::{Features, Message};

/// One connection, never the same number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What the core learns. For one connection: `Connected`, then messages and signs of life, then
/// `Lost`, which is the last.
#[derive(Clone, Debug, PartialEq)]
pub enum NetEvent {
    /// A peer is there, and its `init` suits us.
    Connected {
        /// The connection from now on.
        conn: ConnId,
        /// Who it is, proved by the handshake.
        node_id: PublicKey,
        /// What it offers and requires.
        features: Features,
        /// Where we dialled it, in the words of who asked for it; `None`: it dialled us.
        dialled: Option<String>,
        /// The other end of the socket.
        address: SocketAddr,
    },
    /// A message that the core must look at.
    Message {
        /// From where.
        conn: ConnId,
        /// What.
        message: Message,
    },
    /// The answer to [`ConnCommand::Ping`].
    Alive {
        /// Of which connection.
        conn: ConnId,
    },
    /// The connection is gone. Whatever was received on it came before this.
    Lost {
        /// Which one.
        conn: ConnId,
        /// Why.
        reason: String,
    },
    /// A dial did not lead to `Connected`.
    DialFailed {
        /// Whom we dialled.
        node_id: PublicKey,
        /// Where.
        address: String,
        /// Why not.
        error: String,
    },
}

/// What the core asks of a connection.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "encoded at once, never kept")]
pub enum ConnCommand {
    /// Send it, after everything before it.
    Send(Message),
    /// Ask the peer whether it lives; [`NetEvent::Alive`] follows if so, [`NetEvent::Lost`] if not.
    Ping,
    /// Send what waits, then close.
    Disconnect {
        /// For the log, and for [`NetEvent::Lost`].
        reason: String,
    },
}

/// Where events go.
pub trait Events: Send + Sync + 'static {
    /// Hands over one event. The future waits while the core has no room, and the connection
    /// hands over nothing else until it is done.
    fn deliver(&self, event: NetEvent) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl Events for mpsc::Sender<NetEvent> {
    fn deliver(&self, event: NetEvent) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let sender = self.clone();
        Box::pin(async move {
            // Without a receiver the process is about to end.
            let _ = sender.send(event).await;
        })
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
