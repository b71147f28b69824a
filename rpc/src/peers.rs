//! ConnectPeer, DisconnectPeer, ListPeers.

use crate::fields;
use crate::host::{Host, Traffic};
use crate::information::features;
use crate::proto::lnrpc::peer::SyncType;
use crate::proto::lnrpc::{
    ConnectPeerRequest, ConnectPeerResponse, DisconnectPeerRequest, DisconnectPeerResponse,
    ListPeersResponse, Peer, TimestampedError,
};
use crate::refusal::{Purpose, expect_reply, malformed};
use node::{Command, Notice, PeerView, Reply};
use secp256k1::PublicKey;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tonic::Status;

pub(crate) async fn connect(
    host: &Host,
    request: ConnectPeerRequest,
) -> Result<ConnectPeerResponse, Status> {
    let address = request.addr.ok_or_else(|| malformed("addr", "it is missing"))?;
    let node_id = fields::node_id("addr.pubkey", &address.pubkey)?;
    let address = with_port(&address.host)?;
    let status = |status: String| Ok(ConnectPeerResponse { status });
    if is_connected(host, &node_id).await? {
        if request.perm {
            ask(host, Command::Connect { node_id, address, keep: true }).await?;
        }
        return status(format!("already connected to peer: {node_id}"));
    }
    let notices = host.node.notices();
    let keep = request.perm;
    ask(host, Command::Connect { node_id, address: address.clone(), keep }).await?;
    if request.perm {
        return status(format!("connection to {node_id}@{address} is being established"));
    }
    let limit = match request.timeout {
        0 => PATIENCE,
        seconds => Duration::from_secs(seconds.min(LONGEST)),
    };
    match timeout(limit, connected(host, node_id, notices)).await {
        Ok(Ok(())) => status(format!("connection to {node_id}@{address} is established")),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no connection to {node_id}@{address} within {} seconds: is it there?",
            limit.as_secs()
        ))),
    }
}

async fn ask(host: &Host, command: Command) -> Result<(), Status> {
    let reply = host.node.ask(command).await;
    expect_reply!(reply, Purpose::Connect, Reply::Done => ())
}

async fn is_connected(host: &Host, node_id: &PublicKey) -> Result<bool, Status> {
    Ok(host.peers().await?.iter().any(|peer| peer.node_id == *node_id && peer.connected))
}

/// Waits for the peer, or for the first reason why it does not come.
async fn connected(
    host: &Host,
    wanted: PublicKey,
    mut notices: Receiver<Notice>,
) -> Result<(), Status> {
    loop {
        match notices.recv().await {
            Ok(Notice::Peer { node_id, connected: true, .. }) if node_id == wanted => return Ok(()),
            Ok(Notice::Peer { node_id, reason, .. }) if node_id == wanted => {
                if is_connected(host, &wanted).await? {
                    return Ok(());
                }
                return Err(Status::unavailable(format!("cannot connect to {wanted}: {reason}")));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) if is_connected(host, &wanted).await? => return Ok(()),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Status::unavailable("the node is stopping")),
        }
    }
}

pub(crate) async fn disconnect(
    host: &Host,
    request: DisconnectPeerRequest,
) -> Result<DisconnectPeerResponse, Status> {
    let node_id = fields::node_id("pub_key", &request.pub_key)?;
    let reply = host.node.ask(Command::Disconnect { node_id }).await;
    expect_reply!(reply, Purpose::Disconnect, Reply::Done => DisconnectPeerResponse {
        status: "disconnect initiated".to_owned()
    })
}

pub(crate) async fn list(host: &Host) -> Result<ListPeersResponse, Status> {
    let peers = host.peers().await?;
    let connected = peers.iter().filter(|peer| peer.connected);
    let peers = connected
        .map(|view| peer(view, host.controls.traffic(&view.node_id).unwrap_or_default()))
        .collect();
    Ok(ListPeersResponse { peers })
}

fn peer(view: &PeerView, traffic: Traffic) -> Peer {
    let error = |error: &String| TimestampedError {
        timestamp: view.last_error_at.map_or(0, |at| at.0 / 1_000),
        error: error.clone(),
    };
    let dialled = view.address.clone().filter(|_| !view.inbound);
    let flap = view.last_flap.map_or(0, |at| at.0.saturating_mul(1_000_000));
    Peer {
        pub_key: view.node_id.to_string(),
        address: dialled.unwrap_or(traffic.address),
        bytes_sent: traffic.bytes_sent,
        bytes_recv: traffic.bytes_received,
        inbound: view.inbound,
        ping_time: i64::try_from(traffic.ping_microseconds).unwrap_or(i64::MAX),
        // There is no gossip to be in step with.
        sync_type: SyncType::UnknownSync.into(),
        features: features(&view.features),
        errors: view.last_error.iter().map(error).collect(),
        flap_count: i32::try_from(view.flaps).unwrap_or(i32::MAX),
        last_flap_ns: i64::try_from(flap).unwrap_or(i64::MAX),
        ..Peer::default()
    }
}

/// Host and port; without a port it is Lightning's.
fn with_port(host: &str) -> Result<String, Status> {
    let host = host.trim();
    if host.is_empty() {
        return Err(malformed("addr.host", "it is missing: host, or host:port"));
    }
    if host.contains(char::is_whitespace) || host.len() > LONGEST_HOST {
        return Err(malformed("addr.host", "it is no host with a port"));
    }
    let is_bare_ipv6 = host.matches(':').count() > 1 && !host.starts_with('[');
    if is_bare_ipv6 {
        return Ok(format!("[{host}]:{PORT}"));
    }
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    match after.rsplit_once(':') {
        None => Ok(format!("{host}:{PORT}")),
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => Ok(host.to_owned()),
        Some((_, port)) => Err(malformed("addr.host", format!("{port:?} is no port"))),
    }
}

/// Lightning's own port.
const PORT: u16 = 9735;
const LONGEST_HOST: usize = 300;
/// How long a client waits for a connection if it did not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// And at most.
const LONGEST: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_where_it_is_missing() {
        for (host, full) in [
            ("example.org", "example.org:9735"),
            ("example.org:1", "example.org:1"),
            ("127.0.0.1", "127.0.0.1:9735"),
            ("::1", "[::1]:9735"),
            ("[::1]", "[::1]:9735"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(with_port(host).unwrap(), full);
        }
        for host in ["", " ", "a b", "host:0", "host:port", "host:99999"] {
            assert!(with_port(host).is_err(), "{host:?}");
        }
    }
}
