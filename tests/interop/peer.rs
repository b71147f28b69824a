//! What every real peer can do. A scenario is a function over this trait, so that it runs against each of them.

use crate::bitcoind::Bitcoind;
use std::path::{Path, PathBuf};

/// A real peer as a running process.
pub trait Peer: Sized + Sync {
    /// What it is called in names of tests and in tables.
    const NAME: &'static str;
    /// The channel types that it offers.
    const TYPES: &'static [Type];
    /// Those that it can be told to open.
    const OPEN_TYPES: &'static [Type];
    /// How deep it wants a channel of 12 million satoshi to be that is opened to it.
    const MINIMUM_DEPTH: u32;
    /// A channel that is too small for it.
    const TOO_SMALL: Refusal;
    /// Flags under which it accepts two pending opens of one peer.
    const TWO_PENDING: &'static [&'static str];
    /// How many pending opens of one peer it accepts as it comes, and some words of what it says to one more.
    const PENDING_LIMIT: (usize, &'static str);

    /// Starts one on this chain and waits until it follows it. `options` are the peer's own.
    fn start(folder: &Path, bitcoind: &Bitcoind, options: &[&str]) -> Self;
    /// Its node id.
    fn node_id(&self) -> String;
    /// Where it listens.
    fn address(&self) -> String;
    /// A fresh address of its wallet.
    fn new_address(&self) -> String;
    /// What its wallet has in blocks, in satoshi.
    fn confirmed(&self) -> u64;
    /// Whether it has followed the chain to this height.
    fn has_height(&self, height: u64) -> bool;
    /// Connects; an error is its text. Being connected already is none.
    fn connect(&self, node_id: &str, address: &str) -> Result<(), String>;
    /// Ends the connection, if there is one.
    fn disconnect(&self, node_id: &str);
    /// Whether it is connected.
    fn is_connected(&self, node_id: &str) -> bool;
    /// Opens a channel, and returns when the open is pending, or failed with this text.
    fn open(&self, open: &Open) -> Result<(), String>;
    /// All its channels, from pending to closed.
    fn channels(&self) -> Vec<PeerChannel>;
    /// Whether it would tell others of this channel: both have signed its announcement.
    fn announces(&self, channel_point: &str) -> bool;
    /// Begins to close together with the other.
    fn close(&self, channel_point: &str) -> Result<(), String>;
    /// Closes by force.
    fn force_close(&self, channel_point: &str) -> Result<(), String>;
    /// A polite stop, and a new start with the same data.
    fn restart(&mut self);
    /// SIGKILL.
    fn kill(&mut self);
    /// A new start with the same data.
    fn start_again(&mut self);
    /// All its data, to be copied while it does not run.
    fn data(&self) -> PathBuf;
    /// The lines of its log that hold one of these words.
    fn print_transcript(&self);
}

/// An open that a peer is asked for.
#[derive(Clone, Debug)]
pub struct Open {
    /// To whom.
    pub node_id: String,
    /// Where it listens; the peer connects first if need be.
    pub address: String,
    /// The channel, in satoshi.
    pub funding_sat: u64,
    /// What is given away.
    pub push_sat: u64,
    /// Whether it is to be announced.
    pub announce: bool,
    /// Its type; the opener's own choice without.
    pub channel_type: Option<Type>,
    /// The feerate of the funding transaction, if navvyd is not to choose.
    pub sat_per_kw: Option<u32>,
    /// navvyd is to try even where it knows better.
    pub force: bool,
}

/// What a peer refuses, and how.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The peer's flags that make it so.
    pub options: &'static [&'static str],
    /// How much is refused, in satoshi.
    pub funding_sat: u64,
    /// Some words of what it says.
    pub words: &'static str,
}

/// The channel types that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// With anchors.
    Anchors,
    /// Without.
    StaticRemotekey,
}

impl Type {
    /// In the BOLTs' words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anchors => "anchors",
            Self::StaticRemotekey => "static_remotekey",
        }
    }
}

/// A channel as a peer lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerChannel {
    /// Its funding outpoint.
    pub channel_point: String,
    /// With whom.
    pub node_id: String,
    /// How far it is.
    pub standing: Standing,
    /// Whether it could be used now: both are ready and connected.
    pub active: bool,
    /// Whether it is, or is to be, announced.
    pub announced: bool,
    /// The whole channel.
    pub capacity_sat: u64,
    /// What belongs to the peer that lists it.
    pub local_sat: u64,
    /// What belongs to the other.
    pub remote_sat: u64,
    /// What its commitment pays.
    pub commit_fee_sat: u64,
    /// How it was closed, in the peer's own words.
    pub ending: String,
}

/// How far a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not usable yet.
    Pending,
    /// Both sides were ready once.
    Open,
    /// Its end has begun.
    Closing,
    /// Nothing is left of it.
    Closed,
}

/// Each scenario as a test against each peer, or against LND alone.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        mod lnd {
            $(#[test] fn $name() { super::$name::<crate::lnd::Lnd>(); })*
        }
        mod ldk {
            $(#[test] fn $name() { super::$name::<crate::ldk::Ldk>(); })*
        }
    };
    ($($name:ident),*; lnd: $($only:ident),* $(,)?) => {
        mod lnd {
            $(#[test] fn $name() { super::$name::<crate::lnd::Lnd>(); })*
            $(#[test] fn $only() { super::$only::<crate::lnd::Lnd>(); })*
        }
        mod ldk {
            $(#[test] fn $name() { super::$name::<crate::ldk::Ldk>(); })*
        }
    };
    (lnd: $($name:ident),* $(,)?) => {
        mod lnd {
            $(#[test] fn $name() { super::$name::<crate::lnd::Lnd>(); })*
        }
    };
}
pub(crate) use scenarios;
