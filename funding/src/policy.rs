//! Our terms and limits. What they are if the operator says nothing is such that LND and LDK take it.

use crate::Fees;
use bitcoin::Amount;
use bitcoin::constants::ChainHash;
use transactions::{CommitmentFormat, FeeratePerKw};

/// Our terms and limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The chain that we serve.
    pub chain_hash: ChainHash,
    /// The smallest channel, both ways.
    pub min_funding: Amount,
    /// The largest channel, both ways: 2^24 - 1 sat without `option_support_large_channel`.
    pub max_funding: Amount,
    /// Our `dust_limit_satoshis`, and the smallest of a peer.
    pub dust_limit: Amount,
    /// The largest `dust_limit_satoshis` of a peer.
    pub max_dust_limit: Amount,
    /// Our `to_self_delay`, in blocks.
    pub to_self_delay: u16,
    /// The largest `to_self_delay` that a peer may ask of us, in blocks.
    pub max_to_self_delay: u16,
    /// The confirmations that we wait for as accepter; `None`: 3, of 10 million satoshi and more 6.
    pub minimum_depth: Option<u32>,
    /// The largest `minimum_depth` that a peer may ask of us, in blocks.
    pub max_minimum_depth: u32,
    /// The smallest commitment feerate that we take.
    pub min_feerate: FeeratePerKw,
    /// How long each side of an open may keep us waiting, in seconds.
    pub accept_timeout: u64,
    /// How long the accepter waits for `funding_created`, and the opener at most for `funding_signed`.
    pub funding_timeout: u64,
    /// After so many blocks the accepter forgets a channel that it never saw in the chain (BOLT 2).
    pub forget_after: u32,
    /// How many opens of one peer may be under way that neither a block nor the mempool holds.
    pub max_pending_per_peer: usize,
    /// How many opens of peers that were never seen in a block are kept in memory.
    pub max_live_pending: usize,
    /// How many more of them rest on disk.
    pub max_dormant: usize,
    /// How many opens of peers without a funding transaction there may be: the oldest makes room for the next.
    pub max_talks: usize,
    /// How many opens that their openers gave up are kept: the oldest makes room for the next.
    pub max_given_up: usize,
    /// How many blocks a tombstone stays.
    pub tombstone_blocks: u32,
    /// What the wallet keeps for each channel with anchors.
    pub anchor_reserve: Amount,
    /// The most that it keeps for all of them.
    pub max_anchor_reserve: Amount,
}

impl Policy {
    /// The defaults on the given chain.
    pub const fn new(chain_hash: ChainHash) -> Self {
        Self {
            chain_hash,
            min_funding: Amount::from_sat(20_000),
            max_funding: Amount::from_sat(16_777_215),
            dust_limit: Amount::from_sat(354),
            max_dust_limit: Amount::from_sat(1_062),
            to_self_delay: 144,
            max_to_self_delay: 2_016,
            minimum_depth: None,
            max_minimum_depth: 144,
            min_feerate: FeeratePerKw(253),
            accept_timeout: 60,
            funding_timeout: 600,
            forget_after: 2_016,
            max_pending_per_peer: 4,
            max_live_pending: 1_000,
            max_dormant: 200_000,
            max_talks: 1_000,
            max_given_up: 10_000,
            tombstone_blocks: 2_160,
            anchor_reserve: Amount::from_sat(25_000),
            max_anchor_reserve: Amount::from_sat(100_000),
        }
    }

    /// The reserve that we ask of a peer: 1 %, but no less than any dust limit in play.
    pub fn channel_reserve(&self, funding: Amount, their_dust_limit: Amount) -> Amount {
        Amount::from_sat(funding.to_sat() / 100).max(self.dust_limit).max(their_dust_limit)
    }

    /// The largest reserve that a peer may ask of us: a fifth.
    pub fn max_channel_reserve(&self, funding: Amount) -> Amount {
        Amount::from_sat(funding.to_sat() / 5)
    }

    /// The confirmations that we wait for as accepter.
    pub fn minimum_depth(&self, funding: Amount) -> u32 {
        let usual = if funding >= Amount::from_sat(10_000_000) { 6 } else { 3 };
        self.minimum_depth.unwrap_or(usual)
    }

    /// The commitment feerate of our opens.
    pub fn commitment_feerate(&self, format: CommitmentFormat, fees: Fees) -> FeeratePerKw {
        match format {
            CommitmentFormat::Anchors => FeeratePerKw(fees.normal.0.clamp(500, 2_500)),
            // Neither anchor nor fee update: it must be enough on the day of the close.
            CommitmentFormat::StaticRemotekey => {
                FeeratePerKw(fees.fast.0.saturating_mul(4).max(1_000))
            }
        }
    }

    /// The largest commitment feerate that we take from an opener.
    pub fn max_feerate(&self, fees: Fees) -> FeeratePerKw {
        FeeratePerKw(fees.fast.0.saturating_mul(10).max(25_000))
    }

    /// `htlc_minimum_msat` of the static channel: more than the channel can carry above the
    /// reserve, so that no peer can add an HTLC, in millisatoshi.
    pub fn htlc_minimum_msat(funding: Amount, reserve: Amount) -> u64 {
        funding.to_sat().saturating_sub(reserve.to_sat()).saturating_mul(1_000).saturating_sub(1)
    }
}

/// Few enough for nobody to use, enough for LND to take.
pub const MAX_ACCEPTED_HTLCS: u16 = 5;
