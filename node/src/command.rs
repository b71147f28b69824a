//! What a client can want.

use crate::turn::Hex;
use bitcoin::{Amount, OutPoint, ScriptBuf};
use funding::RequestId;
use secp256k1::PublicKey;
use std::fmt;
use transactions::{FeeratePerKw, KeysId};
use wire::ChannelType;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a channel.
    Open(Box<OpenCommand>),
    /// Close one.
    Close(CloseCommand),
    /// End an open that is not a channel yet. Answered with [`crate::Reply::Done`] where that was enough, and
    /// with [`crate::Reply::Sent`] where a transaction takes its coins back: then it is over with that one's
    /// confirmation. Said again, with a higher fee.
    CancelOpen {
        /// Which.
        open: OpenName,
        /// The feerate of that transaction; `None`: the estimate for 2 blocks.
        feerate: Option<FeeratePerKw>,
        /// Its highest fee; `None`: a tenth of the channel, but at least 10,000 sat.
        max_fee: Option<Amount>,
    },
    /// Have a child of its change pay for a funding transaction that does not confirm. Answered with
    /// [`crate::Reply::Sent`]. Said again, with a higher fee.
    BumpOpen {
        /// Which.
        open: OpenName,
        /// The feerate of the two together; `None`: the estimate for 2 blocks.
        feerate: Option<FeeratePerKw>,
        /// The child's highest fee; `None`: a tenth of the channel, but at least 10,000 sat.
        max_fee: Option<Amount>,
    },
    /// Connect to a peer and stay connected.
    Connect {
        /// The peer.
        node_id: PublicKey,
        /// Host and port.
        address: String,
        /// Dial it again whenever the connection is lost, until `Disconnect` or the end of the process.
        keep: bool,
    },
    /// End the connection to a peer.
    Disconnect {
        /// The peer.
        node_id: PublicKey,
    },
    /// A fresh address of the wallet.
    NewAddress,
    /// Pay from the wallet.
    Send {
        /// To whom.
        script: ScriptBuf,
        /// How much.
        amount: Amount,
        /// At which feerate; `None`: the estimate.
        feerate: Option<FeeratePerKw>,
    },
    /// What the wallet has.
    Balance,
    /// The wallet's coins, with who leases them.
    Coins,
    /// All channels and tombstones.
    Channels,
    /// One of them; none if it is gone.
    Channel {
        /// The name of its keys.
        keys_id: KeysId,
    },
    /// All requests.
    Requests,
    /// End a request that has no channel, and is not about to have one.
    CancelRequest {
        /// The caller's name for it.
        request: RequestId,
    },
    /// All peers.
    Peers,
    /// The node.
    Info,
    /// End what can be ended politely, and take no more opens.
    Stop,
}

/// A wish for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCommand {
    /// The caller's name for it: the same name is the same open, for ever.
    pub request: RequestId,
    /// The peer.
    pub node_id: PublicKey,
    /// Where it is, if it is not connected yet.
    pub address: Option<String>,
    /// The whole channel.
    pub funding: Amount,
    /// A gift to the peer, in it.
    pub push: Amount,
    /// Whether the channel is to be announced.
    pub announce: bool,
    /// The type.
    pub channel_type: ChannelType,
    /// The feerate of the funding transaction; `None`: the estimate for 6 blocks.
    pub feerate: Option<FeeratePerKw>,
    /// The highest fee of the funding transaction.
    pub max_fee: Amount,
    /// Coins to use and no others; empty: the wallet chooses.
    pub coins: Vec<OutPoint>,
    /// Even though an open to that peer is pending, or died after `funding_created`.
    pub force: bool,
}

/// An open, by any of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenName {
    /// The keys of the attempt.
    KeysId(KeysId),
    /// The caller's request.
    Request(RequestId),
    /// The funding output.
    Outpoint(OutPoint),
}

impl fmt::Display for OpenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysId(keys_id) => Hex(*keys_id).fmt(f),
            Self::Request(request) => request.fmt(f),
            Self::Outpoint(outpoint) => outpoint.fmt(f),
        }
    }
}

/// A wish to close a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseCommand {
    /// The funding output.
    pub outpoint: OutPoint,
    /// With our commitment, without the peer.
    pub force: bool,
    /// The feerate of the closing transaction; `None`: the estimate for 6 blocks.
    pub feerate: Option<FeeratePerKw>,
    /// The highest feerate; `None`: a multiple of the feerate.
    pub cap: Option<FeeratePerKw>,
    /// Where our money goes; `None`: into the wallet.
    pub script: Option<ScriptBuf>,
}
