//! What a client is told: only what is durable.

use crate::closing_view::ClosingView;
use bitcoin::{Address, Amount, BlockHash, Network, OutPoint, ScriptBuf, Txid};
use funding::{FundingPosition, Origin, RequestId, Role};
use secp256k1::PublicKey;
use std::fmt;
use transactions::{
    CommitmentFormat, Depth, FeeratePerKw, Height, KeysId, MilliSatoshi, Timestamp,
};
use wire::{ChannelId, ChannelType, Features, ShortChannelId};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was done, or is under way.
    Done,
    /// The request is on disk: this is how it stands.
    Request(RequestView),
    /// A fresh address.
    Address(Address),
    /// A payment is on its way.
    Sent {
        /// The transaction.
        txid: Txid,
        /// Its fee.
        fee: Amount,
    },
    /// What the wallet has.
    Balance(BalanceView),
    /// The coins.
    Coins(Vec<CoinView>),
    /// The channels.
    Channels(Vec<ChannelView>),
    /// The requests.
    Requests(Vec<RequestView>),
    /// The peers.
    Peers(Vec<PeerView>),
    /// The node.
    Info(InfoView),
    /// No.
    Failed(CommandError),
}

/// Why a command cannot be done, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// A word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub text: String,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// The caller's name for it.
    pub id: RequestId,
    /// The peer.
    pub node_id: PublicKey,
    /// The whole channel.
    pub funding: Amount,
    /// One word.
    pub status: &'static str,
    /// A sentence, if there is something to say.
    pub text: String,
    /// Who ended it, if it failed.
    pub origin: Option<Origin>,
    /// The channel, once it has a funding output.
    pub outpoint: Option<OutPoint>,
    /// How many attempts were begun.
    pub attempts: u32,
}

/// The wallet's money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceView {
    /// Can be spent now.
    pub confirmed: Amount,
    /// Not in a block yet.
    pub unconfirmed: Amount,
    /// Held by opens and closes.
    pub leased: Amount,
    /// What stays for the fees of anchors.
    pub reserved: Amount,
}

/// A coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinView {
    /// Where.
    pub outpoint: OutPoint,
    /// How much.
    pub amount: Amount,
    /// In which block.
    pub height: Option<u32>,
    /// Who can spend it.
    pub script: ScriptBuf,
    /// The open or close that holds it.
    pub lease: Option<KeysId>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView {
    /// The name of its keys.
    pub keys_id: KeysId,
    /// The request that it serves.
    pub request: Option<RequestId>,
    /// The peer.
    pub node_id: PublicKey,
    /// What we are in it.
    pub role: Role,
    /// The state's name.
    pub state: &'static str,
    /// The funding output, once there is one.
    pub outpoint: Option<OutPoint>,
    /// Its id, permanent once there is an output.
    pub channel_id: Option<ChannelId>,
    /// Where it stands in the chain.
    pub short_channel_id: Option<ShortChannelId>,
    /// The type.
    pub channel_type: Option<ChannelType>,
    /// The kind of its commitment transactions.
    pub format: CommitmentFormat,
    /// Whether it is to be announced.
    pub announced: bool,
    /// The whole channel.
    pub capacity: Amount,
    /// What the opener gave the accepter.
    pub push: MilliSatoshi,
    /// Ours, before commitment fee and anchors.
    pub local_balance: MilliSatoshi,
    /// The peer's, before commitment fee and anchors.
    pub remote_balance: MilliSatoshi,
    /// The commitment fee, which the opener pays.
    pub commit_fee: Amount,
    /// The feerate of the commitments.
    pub feerate: FeeratePerKw,
    /// What binds us, once both sides have said so.
    pub local_limits: Option<LimitsView>,
    /// What binds the peer, once both sides have said so.
    pub remote_limits: Option<LimitsView>,
    /// The anchors, which the opener pays.
    pub anchors: Amount,
    /// Where the funding output is.
    pub position: Option<FundingPosition>,
    /// The height at which it was signed for.
    pub start_height: Option<Height>,
    /// The height at which an accepter forgets it, if it is not in the chain by then (BOLT 2).
    pub forgotten_at: Option<Height>,
    /// The transactions that could close it.
    pub commitments: Option<CommitmentsView>,
    /// How deep.
    pub confirmations: Depth,
    /// How deep it has to be.
    pub minimum_depth: u32,
    /// Whether the peer is connected.
    pub connected: bool,
    /// Whether the peer asked for a commitment that we cannot follow.
    pub peer_update_pending: bool,
    /// What is said of a dead one, or of a closing one.
    pub text: String,
    /// The transaction that closes it, as far as it is known.
    pub closing_txid: Option<Txid>,
    /// How it was closed, once a block says so.
    pub ending: Option<&'static str>,
    /// The transaction that brought our outputs home.
    pub sweep_txid: Option<Txid>,
    /// More of its end, from the wish to close on.
    pub closing: Option<ClosingView>,
    /// Its transactions that no block holds, and how they stand with the backend.
    pub unconfirmed: Vec<UnconfirmedView>,
    /// Its last transitions.
    pub history: Vec<HistoryEntry>,
}

/// Commitments #0, ours and the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitmentsView {
    /// Ours.
    pub local_txid: Txid,
    /// The peer's.
    pub remote_txid: Txid,
    /// What ours leaves to the miner: with outputs that were dust, more than the fee that was agreed on.
    pub local_fee: Amount,
    /// The weight of ours, signed; less than the fee is for, as every output is shorter than the longest.
    pub local_weight: u64,
}

/// What one side must keep to; all but the delay are what the other side asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsView {
    /// How many blocks it waits for its money after its own commitment.
    pub to_self_delay: u16,
    /// What it keeps in the channel.
    pub channel_reserve: Amount,
    /// Its own dust limit.
    pub dust_limit: Amount,
    /// The most that the HTLCs it offers may be worth.
    pub max_htlc_value_in_flight: MilliSatoshi,
    /// The least that one of them may be worth.
    pub htlc_minimum: MilliSatoshi,
    /// How many of them there may be.
    pub max_accepted_htlcs: u16,
}

/// A transaction of ours that no block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnconfirmedView {
    /// Which.
    pub txid: Txid,
    /// How it stands.
    pub standing: Standing,
}

/// How an unconfirmed transaction stands with the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Its answer is not here yet.
    #[default]
    Unknown,
    /// It holds it.
    Held,
    /// It does not hold it any more; it goes out again.
    Missing,
    /// It does not take it, and why. It is tried again with each block.
    Refused(String),
}

/// A transition of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// From which state; empty at the beginning.
    pub from: String,
    /// To which; empty at the end.
    pub to: String,
    /// Why.
    pub cause: String,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Who.
    pub node_id: PublicKey,
    /// Where we dial it.
    pub address: Option<String>,
    /// Whether it is connected.
    pub connected: bool,
    /// Whether it dialled us.
    pub inbound: bool,
    /// What it offers and requires, while it is connected.
    pub features: Features,
    /// Whether it is dialled when it is not.
    pub wanted: bool,
    /// Why the last dial or connection ended.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// How often it came or went, in this process.
    pub flaps: u32,
    /// When it last did.
    pub last_flap: Option<Timestamp>,
}

/// The node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfoView {
    /// Our node id.
    pub node_id: PublicKey,
    /// The chain.
    pub network: Network,
    /// Its tip, as followed.
    pub height: Height,
    /// Its hash.
    pub block_hash: BlockHash,
    /// When it was mined, in seconds since 1970; 0 before the first block of this process.
    pub block_time: u32,
    /// What `init` says.
    pub features: Features,
    /// The feerate for 6 blocks.
    pub fee_normal: FeeratePerKw,
    /// The feerate for 2 blocks.
    pub fee_fast: FeeratePerKw,
    /// The height that it still has to follow the chain to; its own when it is there.
    pub end_height: Height,
    /// Whether there is nothing more to follow.
    pub synced: bool,
    /// What is wrong with the backend, if something is.
    pub chain_problem: Option<String>,
    /// Since when something has been wrong with it, without a break.
    pub chain_problem_since: Option<Timestamp>,
    /// Connected peers.
    pub peers: usize,
    /// Opens that are not done.
    pub pending: usize,
    /// Open channels.
    pub open: usize,
}

/// News for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A channel moved.
    Channel {
        /// The name of its keys.
        keys_id: KeysId,
        /// The request that it serves.
        request: Option<RequestId>,
        /// The peer.
        node_id: PublicKey,
        /// The transition.
        entry: HistoryEntry,
    },
    /// A request moved.
    Request(RequestView),
    /// A peer came or went.
    Peer {
        /// Who.
        node_id: PublicKey,
        /// Whether it is connected.
        connected: bool,
        /// Why not.
        reason: String,
    },
    /// A new tip.
    Block {
        /// Its height.
        height: Height,
    },
    /// Something that the operator should read.
    Note {
        /// The peer that it is about.
        node_id: PublicKey,
        /// The channel that it is about.
        keys_id: Option<KeysId>,
        /// The text.
        text: String,
    },
}
