//! An attempt of ours to open a channel, up to `funding_created`.

use crate::{CancelCause, Failure, Origin};
use bitcoin::{Amount, OutPoint};
use secp256k1::PublicKey;
use std::fmt;
use transactions::{FeeratePerKw, KeysId};
use wire::{ChannelId, OpenChannel};

/// The caller's name for a request: the same name is the same open, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an attempt holds from its first commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The request that it serves.
    pub request: RequestId,
    /// The name of its keys.
    pub keys_id: KeysId,
    /// The peer.
    pub node_id: PublicKey,
    /// Our `open_channel`.
    pub open: OpenChannel,
    /// The coins that the funding transaction will spend.
    pub coins: Vec<OutPoint>,
    /// The feerate of the funding transaction.
    pub feerate: FeeratePerKw,
    /// The highest fee that the caller takes.
    pub max_fee: Amount,
    /// What has to stay in the wallet for the fees of anchors.
    pub reserve: Amount,
}

impl Attempt {
    /// Its `temporary_channel_id`.
    pub const fn temporary_channel_id(&self) -> ChannelId {
        self.open.temporary_channel_id
    }
}

/// The failure of an attempt that a lost connection ended.
pub fn peer_gone(stage: &'static str) -> Failure {
    Failure {
        origin: Origin::Timeout,
        stage,
        text: "the connection to the peer was lost".to_owned(),
        retry: true,
    }
}

/// The failure of an attempt whose time was up.
pub fn timed_out(stage: &'static str, waited_for: &str) -> Failure {
    Failure {
        origin: Origin::Timeout,
        stage,
        text: format!("the peer did not send {waited_for} in time"),
        retry: true,
    }
}

/// The failure of an attempt whose coin somebody else has spent: another one may have others.
pub fn coin_gone(stage: &'static str) -> Failure {
    Failure { origin: Origin::Chain, stage, text: COIN_GONE.to_owned(), retry: true }
}

/// The failure of an attempt that we ended.
pub fn cancelled(stage: &'static str, cause: CancelCause) -> Failure {
    let origin = match cause {
        CancelCause::Operator | CancelCause::Stopping => Origin::Local,
        CancelCause::TimeIsUp => Origin::Timeout,
    };
    Failure { origin, stage, text: cause.text().to_owned(), retry: false }
}

/// The failure of an attempt that the peer ended with these words.
pub fn refused_by_peer(stage: &'static str, text: &str) -> Failure {
    // A peer that is still catching up with the chain will take the open later.
    let lower = text.to_ascii_lowercase();
    let retry = ["sync", "starting up", "in the process of"].iter().any(|s| lower.contains(s));
    Failure { origin: Origin::Peer, stage, text: format!("the peer answered: {text:?}"), retry }
}

/// What happened to a coin, and what the peer is told of it.
pub const COIN_GONE: &str = "an input of the funding transaction was spent elsewhere";
