//! What a state may look at.

use crate::{Link, Policy};
use bitcoin::OutPoint;
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Funds, Height, Signer, Timestamp};

/// Keys and coins together.
pub trait Wallet: Signer + Funds {}
impl<T: Signer + Funds> Wallet for T {}

/// Milliseconds since the process began: for deadlines, none of which outlives the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This moment and so many seconds.
    pub const fn after_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }
}

/// The two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub monotonic: Monotonic,
    /// For records.
    pub timestamp: Timestamp,
}

/// What the fee estimator says, in sat per 1,000 weight units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// To be confirmed within 2 blocks.
    pub fast: FeeratePerKw,
    /// Within 6 blocks.
    pub normal: FeeratePerKw,
    /// Below this the backend does not relay.
    pub floor: FeeratePerKw,
}

impl Default for Fees {
    fn default() -> Self {
        Self { fast: FeeratePerKw(1_000), normal: FeeratePerKw(1_000), floor: FeeratePerKw(253) }
    }
}

/// What a step may use.
pub struct Context<'a> {
    /// Keys and coins.
    pub wallet: &'a mut dyn Wallet,
    /// Our terms and limits.
    pub policy: &'a Policy,
    /// Feerates.
    pub fees: Fees,
    /// The height of the chain as we have followed it.
    pub tip: Height,
    /// Whether that is all there is; while it is not, nothing is forgotten for its age.
    pub synced: bool,
    /// The time.
    pub now: Now,
    /// Coins that belong to opens, this one's included.
    pub leased: &'a BTreeSet<OutPoint>,
    /// Funding outpoints of all channels, this one's excluded.
    pub outpoints: &'a dyn Fn(&OutPoint) -> bool,
    /// The connection to the channel's peer.
    pub link: &'a mut Link,
}
