//! What channels there are: `listchannels`, `closedchannels`, `channelbalance`.

use super::output::print_line;
use super::session::Session;
use super::table::{Table, short, thousands};
use crate::exit::{Exit, Failure};
use bitcoin::secp256k1::PublicKey;
use clap::Args;
use rpc::proto::lnrpc::channel_close_summary::ClosureType;
use rpc::proto::lnrpc::{
    Amount, ChannelBalanceRequest, ChannelBalanceResponse, ClosedChannelsRequest,
    ClosedChannelsResponse, CommitmentType, ListChannelsRequest, ListChannelsResponse,
};

/// Which open channels.
#[derive(Args, Debug)]
pub struct ListChannels {
    /// Those whose peer is connected.
    #[arg(long = "active_only", alias = "active-only")]
    active_only: bool,
    /// Those whose peer is not.
    #[arg(long = "inactive_only", alias = "inactive-only", conflicts_with = "active_only")]
    inactive_only: bool,
    /// Those that were to be announced.
    #[arg(long = "public_only", alias = "public-only")]
    public_only: bool,
    /// Those that were not.
    #[arg(long = "private_only", alias = "private-only", conflicts_with = "public_only")]
    private_only: bool,
    /// Those with this peer.
    #[arg(long, value_name = "NODE_KEY")]
    peer: Option<String>,
}

impl ListChannels {
    /// Lists them.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let peer = self.peer.as_deref().map(node_key).transpose()?;
        let request = ListChannelsRequest {
            active_only: self.active_only,
            inactive_only: self.inactive_only,
            public_only: self.public_only,
            private_only: self.private_only,
            peer: peer.map(|key| key.serialize().to_vec()).unwrap_or_default(),
            peer_alias_lookup: false,
        };
        let answer = session.lightning().list_channels(request).await;
        let channels = answer.map_err(|status| session.failure(&status))?.into_inner();
        if session.format.is_table() && channels.channels.is_empty() {
            return print_line("no such channel is open; pendingchannels has those on their way");
        }
        session.show("lnrpc.ListChannelsResponse", &channels, open_table)
    }
}

fn open_table(answer: &ListChannelsResponse) -> String {
    let mut table = Table::new().words("channel point").words("peer").words("peer is");
    table = table.numbers("capacity").numbers("local").numbers("remote").words("type");
    table = table.words("announced").words("scid");
    for channel in &answer.channels {
        table.row([
            channel.channel_point.clone(),
            short(&channel.remote_pubkey),
            if channel.active { "connected" } else { "away" }.to_owned(),
            thousands(channel.capacity),
            thousands(channel.local_balance),
            thousands(channel.remote_balance),
            type_name(channel.commitment_type()).to_owned(),
            if channel.private { "no" } else { "yes" }.to_owned(),
            scid(channel.chan_id),
        ]);
    }
    table.to_string()
}

/// Which closed channels.
#[derive(Args, Debug)]
pub struct ClosedChannels {
    /// Those that both sides closed together.
    #[arg(long)]
    cooperative: bool,
    /// Those that this node closed by force.
    #[arg(long = "local_force", alias = "local-force")]
    local_force: bool,
    /// Those that the peer closed by force.
    #[arg(long = "remote_force", alias = "remote-force")]
    remote_force: bool,
    /// Opens whose funding never came.
    #[arg(long = "funding_canceled", alias = "funding-canceled")]
    funding_canceled: bool,
}

impl ClosedChannels {
    /// Lists them.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ClosedChannelsRequest {
            cooperative: self.cooperative,
            local_force: self.local_force,
            remote_force: self.remote_force,
            funding_canceled: self.funding_canceled,
            ..Default::default()
        };
        let answer = session.lightning().closed_channels(request).await;
        let channels = answer.map_err(|status| session.failure(&status))?.into_inner();
        if session.format.is_table() && channels.channels.is_empty() {
            return print_line("no such channel was closed");
        }
        session.show("lnrpc.ClosedChannelsResponse", &channels, closed_table)
    }
}

fn closed_table(answer: &ClosedChannelsResponse) -> String {
    let mut table = Table::new().words("channel point").words("peer").numbers("capacity");
    table = table.numbers("ours").words("how").numbers("block").words("closing transaction");
    for channel in &answer.channels {
        table.row([
            channel.channel_point.clone(),
            short(&channel.remote_pubkey),
            thousands(channel.capacity),
            // What a mutual close paid at once, or what a forced one had to bring home.
            thousands(channel.settled_balance.saturating_add(channel.time_locked_balance)),
            closure_name(channel.close_type()).to_owned(),
            channel.close_height.to_string(),
            channel.closing_tx_hash.clone(),
        ]);
    }
    table.to_string()
}

/// The sums over all channels.
///
/// # Errors
/// See [`Session::failure`].
pub async fn balance(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().channel_balance(ChannelBalanceRequest {}).await;
    let balance = answer.map_err(|status| session.failure(&status))?.into_inner();
    session.show("lnrpc.ChannelBalanceResponse", &balance, balance_table)
}

fn balance_table(balance: &ChannelBalanceResponse) -> String {
    let sat = |amount: &Option<Amount>| thousands(amount.as_ref().map_or(0, |amount| amount.sat));
    let mut table = Table::new().words("channels").numbers("local").numbers("remote");
    let (local, remote) = (sat(&balance.local_balance), sat(&balance.remote_balance));
    table.row(["open".to_owned(), local, remote]);
    let local = sat(&balance.pending_open_local_balance);
    let remote = sat(&balance.pending_open_remote_balance);
    table.row(["on their way".to_owned(), local, remote]);
    table.to_string()
}

/// Reads a node's key.
///
/// # Errors
/// [`Exit::Usage`].
pub fn node_key(text: &str) -> Result<PublicKey, Failure> {
    text.parse().map_err(|_| {
        let text =
            format!("{text:?} is no node key: it has 66 hex digits, and begins with 02 or 03");
        Failure::new(Exit::Usage, text)
    })
}

/// A type in the words of `--channel_type`.
pub fn type_name(kind: CommitmentType) -> &'static str {
    match kind {
        CommitmentType::Anchors => "anchors",
        CommitmentType::StaticRemoteKey => "static_remotekey",
        CommitmentType::UnknownCommitmentType
        | CommitmentType::Legacy
        | CommitmentType::ScriptEnforcedLease
        | CommitmentType::SimpleTaproot
        | CommitmentType::SimpleTaprootOverlay
        | CommitmentType::Taproot => "",
    }
}

fn closure_name(kind: ClosureType) -> &'static str {
    match kind {
        ClosureType::CooperativeClose => "together",
        ClosureType::LocalForceClose => "our commitment",
        ClosureType::RemoteForceClose => "the peer's commitment",
        ClosureType::BreachClose => "a breach",
        ClosureType::FundingCanceled => "never funded",
        ClosureType::Abandoned => "abandoned",
    }
}

/// A short_channel_id as people write it.
fn scid(number: u64) -> String {
    if number == 0 {
        return String::new();
    }
    format!("{}x{}x{}", number >> 40, number >> 16 & 0xff_ffff, number & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::scid;

    #[test]
    fn a_scid_has_block_transaction_and_output() {
        assert_eq!(scid(539_268 << 40 | 845 << 16 | 1), "539268x845x1");
        assert_eq!(scid(0), "");
    }
}
