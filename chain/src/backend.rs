//! Where chain news comes from and where transactions go.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::{Block, BlockHash, Network, OutPoint, Transaction, TxOut, Txid};

use crate::{ChainUpdate, Refusal, Tip};

/// A view of the chain and of a mempool.
///
/// All calls block, so a backend lives on a thread of its own. [`Backend::next`] waits by design:
/// use one handle for it, and a second one from [`Backend::another`] for everything else.
///
/// The thread that calls `next` keeps a [`Follower`](crate::Follower) of its own for the locator,
/// applies each update to it and sends the update on.
pub trait Backend: Send {
    /// The next piece of news after the blocks of `locator` (newest first, from
    /// [`Follower::locator`](crate::Follower::locator)): at once when there is any, else after
    /// waiting up to `timeout` for a block.
    ///
    /// # Errors
    /// [`BackendError`], at once and not after the timeout: wait a little before calling again.
    fn next(&mut self, locator: &[Tip], timeout: Duration) -> Result<ChainEvent, BackendError>;

    /// Hands over one transaction, or a parent followed by its only child, which may pay for it.
    ///
    /// What the backend already has, in its mempool or in the chain, is a success.
    ///
    /// # Errors
    /// [`BroadcastError::Refused`] with the reason, or [`BroadcastError::Unavailable`].
    fn broadcast(&mut self, transactions: &[Transaction]) -> Result<(), BroadcastError>;

    /// What [`Backend::broadcast`] of this one transaction would say, without doing it.
    fn test_accept(&mut self, transaction: &Transaction) -> Verdict;

    /// Estimated feerate for a confirmation within `target_blocks`, in satoshis per 1000 weight
    /// units; `None` when the backend has no estimate or is not there.
    fn feerate(&mut self, target_blocks: u16) -> Option<u32>;

    /// The least feerate that the backend's mempool takes just now, in satoshis per 1000 weight
    /// units; `None` when it does not say or is not there.
    fn min_feerate(&mut self) -> Option<u32> {
        None
    }

    /// Which of these transactions the backend has. The mempool part is exact; the chain part only
    /// knows a transaction by those of its first outputs that are still unspent, so a confirmed one
    /// may be missing, and the block stream is what tells of confirmations.
    ///
    /// # Errors
    /// [`BackendError`].
    fn seen(&mut self, txids: &[Txid]) -> Result<BTreeMap<Txid, Seen>, BackendError>;

    /// Those of these outputs that exist and are unspent, in the chain or in the mempool, and not
    /// spent by the mempool.
    ///
    /// # Errors
    /// [`BackendError`].
    fn unspent(
        &mut self,
        outpoints: &[OutPoint],
    ) -> Result<BTreeMap<OutPoint, UnspentOutput>, BackendError>;

    /// The backend's best block.
    ///
    /// # Errors
    /// [`BackendError`].
    fn tip(&mut self) -> Result<Tip, BackendError>;

    /// The block at `height` of the best chain; `None` above the tip.
    ///
    /// # Errors
    /// [`BackendError`].
    fn tip_at(&mut self, height: u32) -> Result<Option<Tip>, BackendError>;

    /// A block by its hash; `None` when the backend does not know it.
    ///
    /// # Errors
    /// [`BackendError`].
    fn block(&mut self, hash: BlockHash) -> Result<Option<Arc<Block>>, BackendError>;

    /// A second handle on the same backend, cheap, for another thread.
    fn another(&self) -> Box<dyn Backend>;

    /// One output, when it exists and is unspent.
    ///
    /// # Errors
    /// [`BackendError`].
    fn txout(&mut self, outpoint: OutPoint) -> Result<Option<UnspentOutput>, BackendError> {
        Ok(self.unspent(&[outpoint])?.remove(&outpoint))
    }

    /// Where a new wallet begins: [`BIRTHDAY_DEPTH`] blocks below the tip, so that a reorganisation
    /// right after its creation can be followed; the genesis block on a shorter chain.
    ///
    /// # Errors
    /// [`BackendError`].
    fn birthday(&mut self) -> Result<Tip, BackendError> {
        let tip = self.tip()?;
        Ok(self.tip_at(tip.height.saturating_sub(BIRTHDAY_DEPTH))?.unwrap_or(tip))
    }
}

/// What [`Backend::next`] has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEvent {
    /// New blocks: at most [`MAX_BLOCKS_PER_UPDATE`] of them and about [`MAX_BYTES_PER_UPDATE`].
    Update(ChainUpdate),
    /// Nothing new within the timeout, and the backend is in step with the network.
    Idle {
        /// The backend's best block. It differs from the newest block of the locator only after
        /// the backend lost blocks and before it has others in their place.
        synced: Tip,
    },
    /// Nothing new for us, but the backend itself is behind the network.
    Syncing {
        /// Height of the backend's best block.
        height: u32,
        /// Height that it knows headers up to.
        headers: u32,
    },
}

/// What a backend says of a transaction that it was asked to test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be taken, or is already known.
    Accepted,
    /// It would not be taken.
    Refused(Refusal),
    /// It was not tested.
    Unknown(Untested),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untested {
    /// This kind of backend cannot test.
    Unsupported,
    /// The backend is away; the text says what is wrong and what to do.
    Unavailable(String),
}

/// Where a transaction was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// Unconfirmed.
    Mempool,
    /// In a block of the best chain.
    Chain,
}

/// An output that nothing spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnspentOutput {
    /// Its value and script.
    pub txout: TxOut,
    /// 0 while it is unconfirmed, 1 in the best block.
    pub confirmations: u32,
    /// Whether it is a block reward.
    pub coinbase: bool,
}

/// A backend that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendError {
    /// Away, starting, or answering nonsense: what is wrong, and what the operator can do.
    Unavailable(String),
    /// It follows another network than the one asked for.
    WrongNetwork {
        /// The network that we are configured for.
        expected: Network,
        /// What the backend calls its own.
        found: String,
    },
    /// No block that we remember is on its chain.
    NoCommonBlock {
        /// The oldest block that we remember.
        oldest: Option<Tip>,
    },
    /// A block that we need was deleted by the backend to save space.
    Pruned {
        /// Height of the block.
        height: u32,
        /// The lowest block that it has kept, if it says so.
        kept_from: Option<u32>,
    },
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(text) => f.write_str(text),
            Self::WrongNetwork { expected, found } => write!(
                f,
                "the chain backend follows the network {found:?}, we are set to {expected}: \
                 correct one of the two"
            ),
            Self::NoCommonBlock { oldest: Some(oldest) } => write!(
                f,
                "no block that we know is on the backend's chain, down to {oldest}: it is another \
                 chain, or a reorganisation deeper than we remember"
            ),
            Self::NoCommonBlock { oldest: None } => {
                f.write_str("no known block was given to start from")
            }
            Self::Pruned { height, kept_from } => {
                write!(
                    f,
                    "bitcoind has pruned block {height}, which the wallet has still to read"
                )?;
                if let Some(kept) = kept_from {
                    write!(f, " (it has kept those from {kept} on)")?;
                }
                f.write_str(
                    ": start bitcoind once with -reindex and with -prune=0, or a -prune so large \
                     that the block stays; what is followed so far is kept, and the rest follows \
                     by itself",
                )
            }
        }
    }
}

impl std::error::Error for BackendError {}

/// A broadcast that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BroadcastError {
    /// The backend will not have it.
    Refused(Refusal),
    /// The backend gave no answer; the transaction may be tried again unchanged. The text says
    /// what is wrong and what to do.
    Unavailable(String),
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for BroadcastError {}

impl From<BackendError> for BroadcastError {
    fn from(error: BackendError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Most blocks in one [`ChainUpdate`].
pub const MAX_BLOCKS_PER_UPDATE: usize = 50;

/// An update gets no further block once it holds this many bytes of them.
pub const MAX_BYTES_PER_UPDATE: usize = 8 << 20;

/// How far below the tip a new wallet begins.
pub const BIRTHDAY_DEPTH: u32 = 144;
