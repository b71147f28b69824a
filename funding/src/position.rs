//! Where the funding output is: one of the three axes of a channel. Blocks change this and nothing else.

use bitcoin::{BlockHash, Transaction, Txid};
use transactions::{Depth, Height, Timestamp};

/// Where the funding output is, as far as we have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FundingPosition {
    /// Not in a block, and not known to be in a mempool.
    Unbroadcast {
        /// Why the backend would not take it, when we last tried.
        refused: Option<String>,
    },
    /// The backend holds it.
    Mempool {
        /// Since when.
        since: Timestamp,
    },
    /// In a block.
    Confirmed {
        /// Which block.
        block: BlockHash,
        /// Its height.
        height: Height,
        /// Where in the block.
        tx_index: u32,
        /// What spent it, once that is in a block too.
        spent: Option<Box<Spend>>,
    },
    /// An input of the funding transaction was spent by another transaction.
    Conflicted {
        /// The other transaction.
        by: Txid,
        /// The height of its block.
        height: Height,
    },
}

/// A confirmed transaction that spends the funding output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// The transaction.
    pub transaction: Transaction,
    /// The height of its block.
    pub height: Height,
}

impl FundingPosition {
    /// Nothing seen yet.
    pub const NEW: Self = Self::Unbroadcast { refused: None };

    /// How many blocks hold the funding output, counting its own.
    pub fn depth(&self, tip: Height) -> Depth {
        match self {
            Self::Confirmed { height, .. } => depth(*height, tip),
            Self::Unbroadcast { .. } | Self::Mempool { .. } | Self::Conflicted { .. } => Depth(0),
        }
    }

    /// The position after every block above `fork` was taken back.
    pub fn rewound(self, fork: Height, now: Timestamp) -> Self {
        match self {
            Self::Confirmed { height, .. } if height > fork => Self::Mempool { since: now },
            Self::Confirmed { block, height, tx_index, spent: Some(spend) }
                if spend.height > fork =>
            {
                Self::Confirmed { block, height, tx_index, spent: None }
            }
            Self::Conflicted { height, .. } if height > fork => Self::NEW,
            kept @ (Self::Unbroadcast { .. }
            | Self::Mempool { .. }
            | Self::Confirmed { .. }
            | Self::Conflicted { .. }) => kept,
        }
    }

    /// The position after a look into the mempool. Why it was refused is not forgotten for that.
    pub fn seen(self, is_there: bool, now: Timestamp) -> Self {
        match self {
            Self::Unbroadcast { .. } if is_there => Self::Mempool { since: now },
            Self::Mempool { .. } if !is_there => Self::NEW,
            kept @ (Self::Unbroadcast { .. }
            | Self::Mempool { .. }
            | Self::Confirmed { .. }
            | Self::Conflicted { .. }) => kept,
        }
    }

    /// Whether another transaction took an input away, so deep that it stays away.
    pub fn is_dead(&self, tip: Height) -> bool {
        match self {
            Self::Conflicted { height, .. } => depth(*height, tip) >= FINAL_DEPTH,
            Self::Unbroadcast { .. } | Self::Mempool { .. } | Self::Confirmed { .. } => false,
        }
    }

    /// Whether another transaction took an input away beyond any reorganisation.
    pub fn is_forgotten(&self, tip: Height) -> bool {
        match self {
            Self::Conflicted { height, .. } => depth(*height, tip) >= FORGOTTEN_DEPTH,
            Self::Unbroadcast { .. } | Self::Mempool { .. } | Self::Confirmed { .. } => false,
        }
    }

    /// Whether it is in the chain.
    pub const fn is_confirmed(&self) -> bool {
        matches!(self, Self::Confirmed { .. })
    }
}

/// The depth of something in the block at `height`.
pub fn depth(height: Height, tip: Height) -> Depth {
    Depth(tip.0.saturating_add(1).saturating_sub(height.0))
}

/// From here on a spend counts as settled.
pub const FINAL_DEPTH: Depth = Depth(6);

/// From here on no reorganisation is thought of any more.
pub const FORGOTTEN_DEPTH: Depth = Depth(100);
