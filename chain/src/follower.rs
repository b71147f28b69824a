//! The chain as we followed it: the newest headers, and whether a piece of news fits them.

use std::collections::VecDeque;
use std::fmt;

use bitcoin::BlockHash;

use crate::{ChainUpdate, ConnectedBlock, Tip};

/// Remembers the newest blocks that were followed, by height and hash, without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    tip: Tip,
    /// Hashes of the blocks right below the tip, oldest first.
    below: VecDeque<BlockHash>,
    /// Most blocks to remember, the tip included; at least 1.
    keep: usize,
}

impl Follower {
    /// Begins at `birthday` and remembers [`KEPT_HEADERS`] blocks.
    ///
    /// A reorganisation below the birthday cannot be followed, so it should lie some way below the
    /// tip: see [`Backend::birthday`](crate::Backend::birthday).
    pub fn new(birthday: Tip) -> Self {
        Self::keeping(KEPT_HEADERS, birthday)
    }

    /// Begins at `birthday` and remembers `keep` blocks, at least one.
    pub fn keeping(keep: usize, birthday: Tip) -> Self {
        Self { tip: birthday, below: VecDeque::new(), keep: keep.max(1) }
    }

    /// Takes up again from blocks that were stored elsewhere, in rising order: the unbroken run of
    /// heights that ends with the last of them. `None` when there are none.
    pub fn from_tips(tips: impl IntoIterator<Item = Tip>) -> Option<Self> {
        let mut tips = tips.into_iter();
        let mut follower = Self::new(tips.next()?);
        for tip in tips {
            if follower.tip.height.checked_add(1) != Some(tip.height) {
                follower.below.clear();
                follower.tip = tip;
            } else {
                follower.push(tip);
            }
        }
        Some(follower)
    }

    /// The newest block.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// The oldest block that is remembered: no fork below it can be followed.
    pub fn oldest(&self) -> Tip {
        match self.below.front() {
            Some(hash) => Tip { height: self.oldest_height(), hash: *hash },
            None => self.tip,
        }
    }

    /// Our block at this height, when it is remembered.
    pub fn at(&self, height: u32) -> Option<Tip> {
        if height == self.tip.height {
            return Some(self.tip);
        }
        let index = usize::try_from(height.checked_sub(self.oldest_height())?).ok()?;
        self.below.get(index).map(|hash| Tip { height, hash: *hash })
    }

    /// Whether this block is among those remembered.
    pub fn contains(&self, tip: Tip) -> bool {
        self.at(tip.height) == Some(tip)
    }

    /// The remembered blocks, oldest first.
    pub fn tips(&self) -> impl Iterator<Item = Tip> + '_ {
        let below = (self.oldest_height()..).zip(&self.below);
        below.map(|(height, hash)| Tip { height, hash: *hash }).chain([self.tip])
    }

    /// The remembered blocks, newest first: what a backend needs to find the fork. All of them, so
    /// that the fork it finds is exact; [`find_fork`](crate::find_fork) asks only about a few.
    pub fn locator(&self) -> Vec<Tip> {
        let mut tips: Vec<Tip> = self.tips().collect();
        tips.reverse();
        tips
    }

    /// Follows `update`, or says why it does not fit and stays as it was.
    ///
    /// Blocks at the head of the update that are ours already are passed over, so an update that
    /// comes twice changes nothing.
    ///
    /// # Errors
    /// [`FollowError`]: a bug of the backend, or a fork deeper than what is remembered.
    pub fn apply(&mut self, update: &ChainUpdate) -> Result<Applied, FollowError> {
        self.check(update)?;
        let known = update.connected.iter().take_while(|block| self.contains(block.tip())).count();
        let (passed, new) = update.connected.split_at(known);
        let fork = passed.last().map_or(update.fork, ConnectedBlock::tip);
        let mut disconnected = Vec::new();
        if !new.is_empty() {
            while self.tip != fork {
                disconnected.push(self.tip);
                // The fork is remembered, so there is a block below every one above it.
                let Some(hash) = self.below.pop_back() else { break };
                self.tip = Tip { height: self.tip.height.saturating_sub(1), hash };
            }
        }
        for block in new {
            self.push(block.tip());
        }
        Ok(Applied { fork, disconnected, known, tip: self.tip })
    }

    /// Whether the fork is ours and the blocks after it follow each other.
    fn check(&self, update: &ChainUpdate) -> Result<(), FollowError> {
        if update.connected.is_empty() {
            return Err(FollowError::EmptyUpdate);
        }
        let fork = update.fork;
        if fork.height < self.oldest_height() {
            return Err(FollowError::ForkBelowKept { fork, oldest: self.oldest() });
        }
        if !self.contains(fork) {
            return Err(FollowError::ForkUnknown { fork, ours: self.at(fork.height) });
        }
        let mut previous = fork;
        for block in &update.connected {
            if previous.height.checked_add(1) != Some(block.height) {
                return Err(FollowError::HeightDoesNotFollow { previous, block: block.tip() });
            }
            if block.previous() != previous.hash {
                return Err(FollowError::HashDoesNotFollow { previous, block: block.tip() });
            }
            previous = block.tip();
        }
        Ok(())
    }

    /// Adds the block after the tip and forgets the oldest beyond `keep`.
    fn push(&mut self, tip: Tip) {
        self.below.push_back(self.tip.hash);
        self.tip = tip;
        while self.below.len() >= self.keep {
            self.below.pop_front();
        }
    }

    fn oldest_height(&self) -> u32 {
        // No chain is so short that it holds fewer blocks than we remember of it.
        let below = u32::try_from(self.below.len()).unwrap_or(u32::MAX);
        self.tip.height.saturating_sub(below)
    }
}

/// What an update changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The last block that the chain before and the chain after share.
    pub fork: Tip,
    /// Blocks that are no longer part of the chain, newest first.
    pub disconnected: Vec<Tip>,
    /// How many blocks at the head of the update were ours already.
    pub known: usize,
    /// The newest block now.
    pub tip: Tip,
}

impl Applied {
    /// The blocks of this update that were new, in order.
    pub fn connected<'a>(&self, update: &'a ChainUpdate) -> &'a [ConnectedBlock] {
        update.connected.get(self.known..).unwrap_or_default()
    }
}

/// Why an update does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowError {
    /// There is no block in it.
    EmptyUpdate,
    /// It forks off below the oldest block that we remember.
    ForkBelowKept {
        /// Where it forks off.
        fork: Tip,
        /// The oldest block that we remember.
        oldest: Tip,
    },
    /// It forks off from a block that we never followed.
    ForkUnknown {
        /// Where it forks off.
        fork: Tip,
        /// Our block at that height; `None` when our chain is shorter.
        ours: Option<Tip>,
    },
    /// A block has not the height after the one before it.
    HeightDoesNotFollow {
        /// The block before.
        previous: Tip,
        /// The block that does not follow.
        block: Tip,
    },
    /// A block names another one as its predecessor.
    HashDoesNotFollow {
        /// The block before.
        previous: Tip,
        /// The block that does not follow.
        block: Tip,
    },
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyUpdate => f.write_str("a chain update without a block"),
            Self::ForkBelowKept { fork, oldest } => write!(
                f,
                "the chain was reorganised from {fork} on, below {oldest}, the oldest that is \
                 remembered: start again from a new birthday"
            ),
            Self::ForkUnknown { fork, ours: Some(ours) } => {
                write!(f, "the update forks off from {fork}, at that height we followed {ours}")
            }
            Self::ForkUnknown { fork, ours: None } => {
                write!(f, "the update forks off from {fork}, above the tip that we followed")
            }
            Self::HeightDoesNotFollow { previous, block } => {
                write!(f, "{block} is not at the height after {previous}")
            }
            Self::HashDoesNotFollow { previous, block } => {
                write!(f, "{block} does not name {previous} as the one before it")
            }
        }
    }
}

impl std::error::Error for FollowError {}

/// How many blocks a [`Follower`] remembers: two weeks of them and some more.
pub const KEPT_HEADERS: usize = 2200;
