//! What docs/promises.md promises, as code of its own: nothing here asks the nodes whether they are right.

mod answers;
mod broadcasts;
mod commits;
mod messages;
mod money;
mod settled;
mod steps;

use super::rows::Durable;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, Txid};
use std::collections::{BTreeMap, BTreeSet};
use transactions::KeysId;
use wire::ChannelId;

/// What the checkers remember.
#[derive(Default)]
pub struct Checkers {
    /// What a restart would make of each host's channels table.
    durable: Vec<BTreeMap<KeysId, Durable>>,
    /// Rows of each host that changed since its last step.
    fresh: Vec<BTreeSet<KeysId>>,
    /// Every name of keys that a host ever wrote, with the temporary id that it was for.
    keys: BTreeMap<(usize, KeysId), ChannelId>,
    /// Every funding key that a host ever sent, with the temporary id that it was for.
    funding_keys: BTreeMap<(usize, PublicKey), ChannelId>,
    /// Funding transactions that a host has named in `funding_created`.
    created: BTreeMap<(usize, Txid), ChannelId>,
    /// Channels whose `channel_ready` was earned: deep enough, and the exact output.
    earned: BTreeSet<(usize, KeysId)>,
    /// Hosts to whom a later state of a channel was proven, in a commit that holds.
    proven_ahead: BTreeSet<(usize, ChannelId)>,
    /// Channels of which a later state was proven by a forgery, and to whom.
    pub forged: BTreeMap<ChannelId, usize>,
    /// For the planted bugs: what left, and in which life first.
    pub ready_left: BTreeSet<(usize, ChannelId)>,
    /// For the planted bugs.
    pub first_broadcast: BTreeMap<(usize, Txid), u32>,
    /// For the planted bugs: what was broadcast.
    pub ever_broadcast: BTreeSet<(usize, Txid)>,
    /// For the planted bugs: outputs that a block had spent, as a host saw it.
    pub ever_spent: BTreeSet<(usize, OutPoint)>,
}

impl Checkers {
    /// Before anything happened.
    pub fn new(hosts: usize) -> Self {
        let (durable, fresh) = (vec![BTreeMap::new(); hosts], vec![BTreeSet::new(); hosts]);
        Self { durable, fresh, ..Self::default() }
    }
}
