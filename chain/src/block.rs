//! A block as news: where the chain stands, and one step from there to somewhere else.

use std::fmt;
use std::sync::Arc;

use bitcoin::{Block, BlockHash};

/// A place in the chain: a block by its height and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tip {
    /// Number of blocks below this one; the genesis block has 0.
    pub height: u32,
    /// Hash of the block's header.
    pub hash: BlockHash,
}

impl fmt::Display for Tip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} ({})", self.height, self.hash)
    }
}

/// A block that is now part of the best chain.
///
/// Made by [`ConnectedBlock::new`] only, so that `hash` is always the hash of `block`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectedBlock {
    /// Its height.
    pub height: u32,
    /// Its hash, computed once.
    pub hash: BlockHash,
    /// The block with all its transactions.
    pub block: Arc<Block>,
}

impl ConnectedBlock {
    /// The block at this height.
    pub fn new(height: u32, block: impl Into<Arc<Block>>) -> Self {
        let block = block.into();
        Self { height, hash: block.block_hash(), block }
    }

    /// Its place in the chain.
    pub fn tip(&self) -> Tip {
        Tip { height: self.height, hash: self.hash }
    }

    /// Hash of the block that it follows.
    pub fn previous(&self) -> BlockHash {
        self.block.header.prev_blockhash
    }
}

/// A batch of news: one kind of event for plain growth and for reorganisations.
///
/// Whatever was followed above `fork` is gone, and `connected` is there in its place. It is never
/// empty: a chain that only lost blocks is news once the other branch has its first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainUpdate {
    /// The last block that both chains share.
    pub fork: Tip,
    /// The blocks after `fork`, in order; at least one.
    pub connected: Vec<ConnectedBlock>,
    /// How many more blocks the backend already knows after the last of these. Zero means that
    /// with this update we are level with the backend.
    pub remaining: u32,
}

impl ChainUpdate {
    /// `connected` after `fork`, with nothing left to fetch; `None` when there is no block in it.
    pub fn new(fork: Tip, connected: Vec<ConnectedBlock>) -> Option<Self> {
        if connected.is_empty() {
            return None;
        }
        Some(Self { fork, connected, remaining: 0 })
    }

    /// Where the chain stands after this update.
    pub fn tip(&self) -> Tip {
        self.connected.last().map_or(self.fork, ConnectedBlock::tip)
    }
}
