//! Following the block chain.
//!
//! The default features hold the pure half, which the node uses: what a piece of news is
//! ([`ChainUpdate`]), a memory of the headers that were followed ([`Follower`]), what to look for in
//! a block ([`Watches`]) and fee estimates ([`FeeEstimates`]). It has no clock, no sockets and no
//! threads, and the same news always leads to the same state.
//!
//! The other half is where the news comes from: the trait [`Backend`], and behind a feature each of
//! its implementations, which block and belong on threads of their own.
//!
//! | feature | backend |
//! |---|---|
//! | `bitcoind` | `bitcoind::Bitcoind`, the JSON-RPC of a Bitcoin Core node |
//! | `regtest` | `regtest::Regtest`, a whole small chain inside the process |

mod backend;
#[cfg(feature = "bitcoind")]
pub mod bitcoind;
mod block;
mod fees;
mod follower;
mod fork;
mod look;
mod record;
mod refusal;
#[cfg(feature = "regtest")]
pub mod regtest;
mod watches;

pub use backend::{
    BIRTHDAY_DEPTH, Backend, BackendError, BroadcastError, ChainEvent, MAX_BLOCKS_PER_UPDATE,
    MAX_BYTES_PER_UPDATE, Seen, UnspentOutput, Untested, Verdict,
};
pub use block::{ChainUpdate, ConnectedBlock, Tip};
pub use fees::{
    AskedFeerates, FEERATE_CEILING, FEERATE_FLOOR, FeeBounds, FeeEstimates, Feerates, ask_feerates,
    sat_per_kw_from_btc_per_kvb,
};
pub use follower::{Applied, FollowError, Follower, KEPT_HEADERS};
pub use fork::find_fork;
pub use look::{Look, look_for};
pub use record::RecordError;
pub use refusal::{Refusal, Rule};
pub use watches::{Found, Match, Watch, Watches};
