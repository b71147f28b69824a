//! Peers that we dial.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use peer::Backoff;
use secp256k1::PublicKey;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, debug, info_span};
use wire::Message;

use super::handle::{Shared, encoded};
use super::sessions::{Refused, Session};
use super::{ConnId, NetEvent, connection, locked};
use crate::entropy;

/// The tasks that keep connections with certain peers.
#[derive(Debug, Default)]
pub(super) struct Keepers {
    tasks: Mutex<BTreeMap<PublicKey, AbortHandle>>,
}

/// Dials once.
pub(super) fn dial(shared: Arc<Shared>, node_id: PublicKey, address: String) {
    tokio::spawn(async move { attempt(&shared, node_id, address).await });
}

/// Dials whenever there is no connection with the peer.
pub(super) fn keep(shared: &Arc<Shared>, node_id: PublicKey, addresses: Vec<String>) {
    let mut tasks = locked(&shared.keepers.tasks);
    if *shared.stopping.borrow() {
        return;
    }
    let task = tokio::spawn(keep_connected(Arc::clone(shared), node_id, addresses));
    if let Some(older) = tasks.insert(node_id, task.abort_handle()) {
        older.abort();
    }
}

impl Keepers {
    pub(super) fn release(&self, node_id: &PublicKey) {
        if let Some(task) = locked(&self.tasks).remove(node_id) {
            task.abort();
        }
    }

    pub(super) fn release_all(&self) {
        for task in std::mem::take(&mut *locked(&self.tasks)).into_values() {
            task.abort();
        }
    }
}

async fn keep_connected(shared: Arc<Shared>, node_id: PublicKey, addresses: Vec<String>) {
    let mut backoff = Backoff::default();
    let mut addresses = addresses.into_iter().cycle().peekable();
    while let Some(address) = addresses.peek() {
        let begun = Instant::now();
        let conn = match shared.sessions.of_node(&node_id) {
            Some(session) => Some(session.conn),
            None => attempt(&shared, node_id, address.clone()).await,
        };
        let lasted = match conn {
            Some(conn) => {
                shared.sessions.ended(conn).await;
                begun.elapsed()
            }
            None => {
                addresses.next();
                Duration::ZERO
            }
        };
        // Without entropy all delays are at their shortest, and all else fails as well.
        let delay = backoff.next_delay(lasted, entropy::number().unwrap_or(0));
        debug!(%node_id, ?delay, "dialling again");
        sleep(delay).await;
    }
}

/// One dial: gives the connection if it came to one, and says `DialFailed` if not.
async fn attempt(shared: &Arc<Shared>, node_id: PublicKey, address: String) -> Option<ConnId> {
    shared.counters.dialled.one();
    let error = match connect(shared, node_id, &address).await {
        Ok((session, secured)) => {
            let conn = session.conn;
            let span = info_span!("conn", %node_id, %conn);
            let task = connection::run(Arc::clone(shared), session, secured, true);
            tokio::spawn(task.instrument(span));
            return Some(conn);
        }
        Err(error) => error,
    };
    shared.counters.dials_failed.one();
    debug!(%node_id, %address, %error, "a dial failed");
    shared.events.deliver(NetEvent::DialFailed { node_id, address, error }).await;
    None
}

async fn connect(
    shared: &Arc<Shared>,
    node_id: PublicKey,
    address: &str,
) -> Result<(Arc<Session>, transport::Connection<TcpStream>), String> {
    if node_id == shared.key.public_key() {
        return Err("this is our own node id".to_owned());
    }
    let permit = shared.dials.acquire().await.map_err(|error| error.to_string())?;
    if *shared.stopping.borrow() {
        return Err(refusal(Refused::Stopping));
    }
    if shared.sessions.of_node(&node_id).is_some() {
        return Err(refusal(Refused::Duplicate));
    }
    let ephemeral = entropy::secret_key().map_err(|error| error.to_string())?;
    let socket = open(address, shared.settings.connect_deadline).await?;
    shared.prepare(&socket);
    let socket_address = socket.peer_addr().map_err(|error| error.to_string())?;
    let init = encoded(&Message::Init(shared.init().clone()));
    let deadlines = &shared.settings.transport;
    // [BOLT 1 init S1] Our init goes out in one piece with act three.
    let secured =
        transport::connect_tcp(socket, &shared.key, ephemeral, node_id, &init, deadlines).await;
    let secured = secured.map_err(|error| {
        shared.counters.handshakes_failed.one();
        format!("the handshake failed: {error}")
    })?;
    drop(permit);
    let session = shared.session(node_id, socket_address, Some(address.to_owned()), None);
    shared.sessions.enter(&session).await.map_err(refusal)?;
    Ok((session, secured))
}

/// A socket to a host and port. With several addresses of the host, the first that works.
async fn open(address: &str, deadline: Duration) -> Result<TcpStream, String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    if host.trim_end_matches('.').to_ascii_lowercase().ends_with(".onion") {
        // Asking a name server for it would tell the world.
        return Err("onion addresses cannot be dialled".to_owned());
    }
    match timeout(deadline, TcpStream::connect(address)).await {
        Ok(socket) => socket.map_err(|error| error.to_string()),
        Err(_) => Err("no connection in time".to_owned()),
    }
}

fn refusal(refused: Refused) -> String {
    match refused {
        Refused::Duplicate => "there is a connection with this peer already".to_owned(),
        Refused::Stopping => "the node is stopping".to_owned(),
    }
}
