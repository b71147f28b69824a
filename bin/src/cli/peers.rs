//! `connect`, `disconnect`, `listpeers`.

use super::output::print_line;
use super::session::Session;
use super::table::{Table, thousands};
use crate::exit::{Exit, Failure};
use clap::Args;
use rpc::proto::lnrpc::{
    ConnectPeerRequest, ConnectPeerResponse, DisconnectPeerRequest, LightningAddress,
    ListPeersRequest, ListPeersResponse,
};

/// A peer to connect to.
#[derive(Args, Debug)]
pub struct Connect {
    /// The peer and where it is.
    #[arg(value_name = "NODE_KEY@HOST[:PORT]")]
    peer: String,
    /// Return at once and keep trying.
    #[arg(long)]
    perm: bool,
    /// How long to wait for the connection, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    timeout: u64,
}

/// A peer to leave.
#[derive(Args, Debug)]
pub struct Disconnect {
    /// The peer.
    #[arg(value_name = "NODE_KEY", required_unless_present = "node_key")]
    peer: Option<String>,
    /// The same as a flag.
    #[arg(long = "node_key", alias = "node-key", value_name = "NODE_KEY", conflicts_with = "peer")]
    node_key: Option<String>,
}

impl Connect {
    /// Connects.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let Some((pubkey, host)) = self.peer.split_once('@') else {
            let text = format!("{:?} has no @: write NODE_KEY@HOST:PORT", self.peer);
            return Err(Failure::new(Exit::Usage, text));
        };
        let answer = connect(session, pubkey, host, self.perm, self.timeout).await?;
        let name = "lnrpc.ConnectPeerResponse";
        session.show(name, &answer, |answer| format!("{}\n", answer.status))
    }
}

/// Connects to a peer, or finds that it is connected.
///
/// # Errors
/// See [`Session::failure`].
pub async fn connect(
    session: &Session,
    pubkey: &str,
    host: &str,
    perm: bool,
    timeout: u64,
) -> Result<ConnectPeerResponse, Failure> {
    let addr = LightningAddress { pubkey: pubkey.to_owned(), host: host.to_owned() };
    let request = ConnectPeerRequest { addr: Some(addr), perm, timeout };
    let answer = session.lightning().connect_peer(request).await;
    match answer {
        Ok(answer) => Ok(answer.into_inner()),
        // LND's own words; whoever wanted a connection has one.
        Err(status) if status.message().contains("already connected to") => {
            Ok(ConnectPeerResponse { status: status.message().to_owned() })
        }
        Err(status) => Err(session.failure(&status)),
    }
}

impl Disconnect {
    /// Ends the connection.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let pub_key = self.peer.or(self.node_key).unwrap_or_default();
        let answer = session.lightning().disconnect_peer(DisconnectPeerRequest { pub_key }).await;
        let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
        let name = "lnrpc.DisconnectPeerResponse";
        session.show(name, &answer, |answer| format!("{}\n", answer.status))
    }
}

/// Lists the peers that are connected.
///
/// # Errors
/// See [`Session::failure`].
pub async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().list_peers(ListPeersRequest::default()).await;
    let peers = answer.map_err(|status| session.failure(&status))?.into_inner();
    if session.format.is_table() && peers.peers.is_empty() {
        return print_line("no peer is connected");
    }
    session.show("lnrpc.ListPeersResponse", &peers, peers_table)
}

fn peers_table(answer: &ListPeersResponse) -> String {
    let mut table = Table::new().words("peer").words("address").words("direction");
    table = table.numbers("sent").numbers("received").numbers("ping ms");
    for peer in &answer.peers {
        let direction = if peer.inbound { "inbound" } else { "outbound" };
        let ping = if peer.ping_time == 0 {
            String::new()
        } else {
            format!("{}.{:03}", peer.ping_time / 1_000, peer.ping_time % 1_000)
        };
        table.row([
            peer.pub_key.clone(),
            peer.address.clone(),
            direction.to_owned(),
            thousands(peer.bytes_sent),
            thousands(peer.bytes_recv),
            ping,
        ]);
    }
    table.to_string()
}
