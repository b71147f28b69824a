//! What the operator may limit: each is a key of the configuration.

use crate::net::{NetSettings, Places};
use bitcoin::Amount;
use bitcoin::constants::ChainHash;
use funding::Policy;
use transactions::FeeratePerKw;
use wire::Init;

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The smallest channel, both ways.
    pub min_channel: Amount,
    /// The largest channel, both ways.
    pub max_channel: Amount,
    /// The confirmations that a peer's open needs; `None`: as its size wants.
    pub minimum_depth: Option<u32>,
    /// The most confirmations that a peer may ask of an open of ours.
    pub max_minimum_depth: u32,
    /// How many blocks a peer's money waits after its own force close.
    pub to_self_delay: u16,
    /// The longest wait that a peer may ask of ours.
    pub max_to_self_delay: u16,
    /// The smallest feerate of a commitment transaction that a peer may open with.
    pub min_commitment_feerate: FeeratePerKw,
    /// How many opens of one peer may be under way that no block and no mempool holds.
    pub max_pending_per_peer: usize,
    /// The same of all peers, in memory.
    pub max_pending: usize,
    /// And how many more on disk.
    pub max_resting: usize,
    /// Inbound handshakes.
    pub handshakes: Places,
    /// Inbound connections of peers without a channel.
    pub strangers: Places,
}

impl Default for Limits {
    fn default() -> Self {
        let policy = Policy::new(ChainHash::BITCOIN);
        Self {
            min_channel: policy.min_funding,
            max_channel: policy.max_funding,
            minimum_depth: policy.minimum_depth,
            max_minimum_depth: policy.max_minimum_depth,
            to_self_delay: policy.to_self_delay,
            max_to_self_delay: policy.max_to_self_delay,
            min_commitment_feerate: policy.min_feerate,
            max_pending_per_peer: policy.max_pending_per_peer,
            max_pending: policy.max_live_pending,
            max_resting: policy.max_dormant,
            handshakes: NetSettings::HANDSHAKES,
            strangers: NetSettings::STRANGERS,
        }
    }
}

impl Limits {
    /// For the node.
    pub fn policy(&self, chain_hash: ChainHash) -> Policy {
        Policy {
            min_funding: self.min_channel,
            max_funding: self.max_channel,
            minimum_depth: self.minimum_depth,
            max_minimum_depth: self.max_minimum_depth,
            to_self_delay: self.to_self_delay,
            max_to_self_delay: self.max_to_self_delay,
            min_feerate: self.min_commitment_feerate,
            max_pending_per_peer: self.max_pending_per_peer,
            max_live_pending: self.max_pending,
            max_dormant: self.max_resting,
            ..Policy::new(chain_hash)
        }
    }

    /// For the network.
    pub fn net(&self, init: Init) -> NetSettings {
        let (handshakes, strangers) = (self.handshakes, self.strangers);
        NetSettings { handshakes, strangers, ..NetSettings::new(init) }
    }
}
