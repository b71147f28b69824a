//! Peers that dial us.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::{Instrument, debug, info, info_span, warn};

use super::admission::Place;
use super::connection;
use super::handle::Shared;
use crate::entropy;

/// Binds `address` and accepts until the network stops.
pub(super) async fn listen(shared: Arc<Shared>, address: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    info!(address = %bound, "listening for peers");
    tokio::spawn(accept_all(shared, listener));
    Ok(bound)
}

async fn accept_all(shared: Arc<Shared>, listener: TcpListener) {
    let mut stopping = shared.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, address)) => admit(&shared, socket, address),
            Err(error) => {
                // Most likely no file descriptor is left: some time must pass.
                warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_DELAY).await;
            }
        }
    }
}

fn admit(shared: &Arc<Shared>, socket: TcpStream, address: SocketAddr) {
    shared.counters.accepted.one();
    shared.prepare(&socket);
    let Some(place) = shared.handshakes.enter(address.ip()) else {
        shared.counters.handshakes_refused.one();
        debug!(%address, "too many handshakes at once");
        return;
    };
    tokio::spawn(greet(Arc::clone(shared), socket, address, place));
}

/// The handshake with a peer, and then its connection.
async fn greet(shared: Arc<Shared>, socket: TcpStream, address: SocketAddr, handshake: Place) {
    let ephemeral = match entropy::secret_key() {
        Ok(ephemeral) => ephemeral,
        Err(error) => return warn!(%error, "a connection is refused"),
    };
    let deadlines = &shared.settings.transport;
    let secured = match transport::accept_tcp(socket, &shared.key, ephemeral, deadlines).await {
        Ok(secured) => secured,
        Err(error) => {
            shared.counters.handshakes_failed.one();
            return debug!(%address, %error, "an inbound handshake failed");
        }
    };
    drop(handshake);
    let node_id = secured.remote;
    let place = if shared.sessions.is_acquaintance(&node_id) {
        None
    } else if let Some(place) = shared.strangers.enter(address.ip()) {
        Some(place)
    } else {
        shared.counters.strangers_refused.one();
        return debug!(%address, %node_id, "too many strangers");
    };
    let session = shared.session(node_id, address, None, place);
    let span = info_span!("conn", %node_id, conn = %session.conn);
    let connection = async {
        match shared.sessions.enter(&session).await {
            Ok(()) => connection::run(Arc::clone(&shared), session, secured, false).await,
            Err(refused) => {
                shared.counters.duplicates_refused.one();
                debug!(%address, ?refused, "an inbound connection is not needed");
            }
        }
    };
    connection.instrument(span).await;
}

const ACCEPT_DELAY: Duration = Duration::from_millis(200);
