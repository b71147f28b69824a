//! The network as the core sees it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secp256k1::PublicKey;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::warn;
use transport::NodeKey;
use wire::{Init, Message};

use super::admission::{Admission, Place};
use super::counters::Counters;
use super::dialer::Keepers;
use super::outbox::{End, Outbox};
use super::sessions::{Session, Sessions};
use super::{
    Clock, ConnCommand, ConnId, Events, NetCounts, NetSettings, Traffic, dialer, listener,
};

/// The network. Clones are the same network. Only [`Net::listen`], [`Net::dial`],
/// [`Net::keep`] and [`Net::stop`] need to be called within a tokio runtime; everything else may
/// be called from any thread, and nothing blocks.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
}

/// What all tasks of the network share.
pub(super) struct Shared {
    pub(super) settings: NetSettings,
    pub(super) key: NodeKey,
    pub(super) events: Arc<dyn Events>,
    pub(super) clock: Clock,
    pub(super) handshakes: Arc<Admission>,
    pub(super) strangers: Arc<Admission>,
    pub(super) dials: Semaphore,
    pub(super) sessions: Sessions,
    pub(super) keepers: Keepers,
    pub(super) counters: Counters,
    pub(super) stopping: watch::Sender<bool>,
    conns: AtomicU64,
}

impl Net {
    /// A network without a connection. Everything that happens goes to `events`.
    pub fn new(settings: NetSettings, key: NodeKey, events: Arc<dyn Events>, clock: Clock) -> Self {
        let shared = Shared {
            handshakes: Admission::new(settings.handshakes),
            strangers: Admission::new(settings.strangers),
            dials: Semaphore::new(settings.dials),
            sessions: Sessions::new(key.public_key(), settings.probe_deadline),
            keepers: Keepers::default(),
            counters: Counters::default(),
            stopping: watch::Sender::new(false),
            conns: AtomicU64::new(1),
            settings,
            key,
            events,
            clock,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Accepts peers at `address`, until the network stops. Gives the address with its real port.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        listener::listen(Arc::clone(&self.shared), address).await
    }

    /// Dials once, at a host (name or number) with a port. `Connected` or `DialFailed` follows.
    pub fn dial(&self, node_id: PublicKey, address: String) {
        dialer::dial(Arc::clone(&self.shared), node_id, address);
    }

    /// Dials again and again, one address after the other and with growing delays, whenever
    /// there is no connection with the peer. Called again, it takes the new addresses.
    pub fn keep(&self, node_id: PublicKey, addresses: Vec<String>) {
        dialer::keep(&self.shared, node_id, addresses);
    }

    /// Stops what [`Net::keep`] began. A connection that there is stays.
    pub fn release(&self, node_id: &PublicKey) {
        self.shared.keepers.release(node_id);
    }

    /// Passes a command to a connection; when that is gone, its `Lost` is on the way.
    pub fn command(&self, conn: ConnId, command: ConnCommand) {
        let Some(session) = self.shared.sessions.find(conn) else { return };
        match command {
            ConnCommand::Send(message) => session.outbox.send(&message),
            ConnCommand::Ping => session.outbox.ping(),
            ConnCommand::Disconnect { reason } => session.outbox.end(End::Drained(reason)),
        }
    }

    /// The peer has a channel with us, or the operator named it: its messages are not counted,
    /// and it takes no stranger's place.
    pub fn acquaint(&self, node_id: PublicKey) {
        self.shared.sessions.acquaint(node_id);
    }

    /// Takes back [`Net::acquaint`], from the next connection on.
    pub fn estrange(&self, node_id: &PublicKey) {
        self.shared.sessions.estrange(node_id);
    }

    /// What went over the connection of a peer, if there is one.
    pub fn traffic(&self, node_id: &PublicKey) -> Option<Traffic> {
        let session = self.shared.sessions.of_node(node_id)?;
        Some(session.meter.read(session.address))
    }

    /// What has happened since the start.
    pub fn counts(&self) -> NetCounts {
        self.shared.counters.read()
    }

    /// Accepts and dials no more, and ends all connections when what waits on them was sent, or
    /// at the deadline. Their `Lost` events still need someone to take them.
    pub async fn stop(&self, reason: &str, deadline: Duration) {
        self.shared.stopping.send_replace(true);
        self.shared.keepers.release_all();
        self.shared.sessions.close(reason);
        // What has not ended by then ends with the process.
        let _ = timeout(deadline, self.shared.sessions.all_ended()).await;
    }
}

impl Shared {
    pub(super) fn session(
        &self,
        node_id: PublicKey,
        address: SocketAddr,
        dialled: Option<String>,
        place: Option<Place>,
    ) -> Arc<Session> {
        let conn = ConnId(self.conns.fetch_add(1, Ordering::Relaxed));
        let outbox = Outbox::new(self.settings.outgoing_bytes);
        Session::new(conn, node_id, address, dialled, outbox, place)
    }

    /// What a new socket has to be told.
    pub(super) fn prepare(&self, socket: &TcpStream) {
        if self.settings.reset_sockets
            && let Err(error) = socket.set_zero_linger()
        {
            warn!(%error, "a socket cannot be told to reset");
        }
    }

    /// Our `init` to a peer that we dial.
    pub(super) fn init(&self) -> &Init {
        &self.settings.peer.init
    }

    /// The BOLT 1 side of a new connection, and our `init` on it.
    pub(super) fn bolt1(&self, session: &Session) -> (peer::Connection, Init) {
        let mut settings = self.settings.peer.clone();
        if session.inbound() {
            settings.init.remote_address = peer::remote_address(session.address);
        }
        let (mut connection, init) = peer::Connection::new(settings, self.clock.now());
        if !session.inbound() || self.sessions.is_acquaintance(&session.node_id) {
            connection.acquainted();
        }
        (connection, init)
    }
}

/// A message as it goes into a packet.
pub(super) fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}
