//! Following a chain through growth and reorganisations: a table of cases, and random trees.
#![allow(clippy::arithmetic_side_effects, missing_docs, reason = "tests")]

use std::convert::Infallible;

use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash, CompactTarget, TxMerkleNode};
use chain::{ChainUpdate, ConnectedBlock, FollowError, Follower, RecordError, Tip, find_fork};
use proptest::prelude::*;

/// An empty block; `mark` tells apart those with the same parent.
#[cfg(test)]
fn child(parent: Tip, mark: u32) -> ConnectedBlock {
    let header = Header {
        version: Version::ONE,
        prev_blockhash: parent.hash,
        merkle_root: TxMerkleNode::all_zeros(),
        time: mark,
        bits: CompactTarget::from_consensus(0),
        nonce: 0,
    };
    ConnectedBlock::new(parent.height + 1, Block { header, txdata: Vec::new() })
}

#[cfg(test)]
fn branch(parent: Tip, mark: u32, length: u32) -> Vec<ConnectedBlock> {
    let mut blocks: Vec<ConnectedBlock> = Vec::new();
    for _ in 0..length {
        let parent = blocks.last().map_or(parent, ConnectedBlock::tip);
        blocks.push(child(parent, mark));
    }
    blocks
}

#[cfg(test)]
fn birthday() -> Tip {
    Tip { height: 100, hash: BlockHash::hash(b"birthday") }
}

/// A follower of blocks 100 to 110 that keeps `keep` of them.
#[cfg(test)]
fn followed(keep: usize) -> (Follower, Vec<ConnectedBlock>) {
    let mut follower = Follower::keeping(keep, birthday());
    let blocks = branch(birthday(), 1, 10);
    let update = ChainUpdate::new(birthday(), blocks.clone()).unwrap();
    follower.apply(&update).unwrap();
    (follower, blocks)
}

#[test]
fn reorganisations_of_each_depth_and_length() {
    for (depth, length) in [(0, 1), (1, 1), (1, 2), (3, 1), (3, 4), (9, 20), (10, 11), (10, 1)] {
        let (mut follower, blocks) = followed(50);
        let fork = follower.at(110 - depth).unwrap();
        let update = ChainUpdate::new(fork, branch(fork, 2, length)).unwrap();
        let applied = follower.apply(&update).unwrap();
        let gone: Vec<Tip> =
            blocks.iter().rev().take(depth as usize).map(ConnectedBlock::tip).collect();
        assert_eq!(applied.disconnected, gone, "{depth} {length}");
        assert_eq!((applied.fork, applied.known, applied.tip), (fork, 0, update.tip()));
        assert_eq!(applied.connected(&update), update.connected);
        assert_eq!(follower.tip(), update.tip());
        assert_eq!(follower.oldest(), birthday());
        assert!(gone.iter().all(|tip| !follower.contains(*tip)));
    }
}

#[test]
fn a_fork_below_what_is_kept_is_a_clear_error() {
    let (mut follower, blocks) = followed(4);
    let before = follower.clone();
    assert_eq!(follower.oldest(), blocks[6].tip());
    let fork = blocks[5].tip();
    let update = ChainUpdate::new(fork, branch(fork, 2, 9)).unwrap();
    let error = follower.apply(&update).unwrap_err();
    assert_eq!(error, FollowError::ForkBelowKept { fork, oldest: blocks[6].tip() });
    assert!(error.to_string().contains("block 106") && error.to_string().contains("birthday"));
    assert_eq!(follower, before);
    let fork = blocks[6].tip();
    follower.apply(&ChainUpdate::new(fork, branch(fork, 2, 4)).unwrap()).unwrap();
    assert_eq!(follower.tip().height, 111);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let (mut follower, blocks) = followed(50);
    let (before, tip) = (follower.clone(), follower.tip());
    let strange = Tip { height: 105, hash: BlockHash::all_zeros() };
    let ahead = Tip { height: 111, hash: BlockHash::all_zeros() };
    let good = branch(tip, 2, 3);
    let gap = vec![good[0].clone(), good[2].clone()];
    let torn = vec![good[0].clone(), child(Tip { height: 111, ..tip }, 5)];
    let empty = ChainUpdate { fork: tip, connected: Vec::new(), remaining: 0 };
    let on = |fork, connected| ChainUpdate::new(fork, connected).unwrap();
    let cases = [
        (empty, FollowError::EmptyUpdate),
        (
            on(strange, branch(strange, 2, 9)),
            FollowError::ForkUnknown { fork: strange, ours: Some(blocks[4].tip()) },
        ),
        (on(ahead, branch(ahead, 2, 1)), FollowError::ForkUnknown { fork: ahead, ours: None }),
        (
            on(tip, gap),
            FollowError::HeightDoesNotFollow { previous: good[0].tip(), block: good[2].tip() },
        ),
        (
            on(tip, torn.clone()),
            FollowError::HashDoesNotFollow { previous: good[0].tip(), block: torn[1].tip() },
        ),
        (
            on(blocks[8].tip(), good.clone()),
            FollowError::HeightDoesNotFollow { previous: blocks[8].tip(), block: good[0].tip() },
        ),
    ];
    for (update, error) in cases {
        assert_eq!(follower.apply(&update), Err(error.clone()));
        assert!(!error.to_string().is_empty());
        assert_eq!(follower, before);
    }
    assert_eq!(ChainUpdate::new(tip, Vec::new()), None);
}

#[test]
fn an_update_that_comes_twice_changes_nothing() {
    let (mut follower, blocks) = followed(50);
    let before = follower.clone();
    let again = ChainUpdate::new(birthday(), blocks.clone()).unwrap();
    let applied = follower.apply(&again).unwrap();
    assert_eq!((applied.known, applied.disconnected.len()), (10, 0));
    assert!(applied.connected(&again).is_empty());
    let stale = ChainUpdate::new(birthday(), blocks[..4].to_vec()).unwrap();
    assert_eq!(follower.apply(&stale).unwrap().tip, before.tip());
    assert_eq!(follower, before);

    // One that repeats the newest blocks and goes on.
    let mut more = blocks[6..].to_vec();
    more.extend(branch(follower.tip(), 3, 2));
    let applied = follower.apply(&ChainUpdate::new(blocks[5].tip(), more).unwrap()).unwrap();
    assert_eq!((applied.known, applied.fork, applied.tip.height), (4, before.tip(), 112));
}

#[test]
fn records_are_read_back() {
    let (follower, blocks) = followed(2200);
    assert_eq!(Follower::from_record(&follower.record()), Ok(follower.clone()));
    assert_eq!(Follower::from_tips(follower.tips()), Some(follower.clone()));
    let tip = blocks[3].tip();
    assert_eq!(Tip::from_record(&tip.record()), Ok(tip));

    // The run that ends with the last one counts: a checkpoint far below is passed over.
    let genesis = Tip { height: 0, hash: BlockHash::all_zeros() };
    let with_gap = [genesis].into_iter().chain(follower.tips());
    assert_eq!(Follower::from_tips(with_gap), Some(follower));
    assert_eq!(Follower::from_tips([]), None);
}

#[test]
fn the_bytes_of_records_stay() {
    let hash = BlockHash::from_byte_array([0xab; 32]);
    let tip = Tip { height: 0x0102_0304, hash };
    let mut golden = vec![1, 1, 2, 3, 4];
    golden.extend([0xab; 32]);
    assert_eq!(tip.record(), golden);
    assert_eq!(Follower::new(tip).record(), golden);
}

#[test]
fn bad_records_are_errors() {
    let (follower, _) = followed(2200);
    let good = follower.record();
    assert_eq!(Follower::from_record(&[]), Err(RecordError::Length(0)));
    assert_eq!(Follower::from_record(&[1, 0, 0]), Err(RecordError::Length(3)));
    assert_eq!(Follower::from_record(&good[..5]), Err(RecordError::Length(5)));
    let short = &good[..good.len() - 1];
    assert_eq!(Follower::from_record(short), Err(RecordError::Length(short.len())));
    assert_eq!(Tip::from_record(&good), Err(RecordError::Length(good.len())));
    let mut newer = good;
    newer[0] = 2;
    assert_eq!(Follower::from_record(&newer), Err(RecordError::Version(2)));
    let mut too_high = Tip { height: u32::MAX, hash: BlockHash::all_zeros() }.record();
    too_high.extend([0; 32]);
    assert!(Follower::from_record(&too_high).is_err());
}

/// Blocks with their parents, and which chain of them a backend holds for the best.
#[cfg(test)]
struct Tree {
    blocks: Vec<ConnectedBlock>,
    best: Tip,
}

#[cfg(test)]
impl Tree {
    /// The best chain above the birthday.
    fn chain(&self) -> Vec<ConnectedBlock> {
        let (mut chain, mut tip) = (Vec::new(), self.best);
        while tip != birthday() {
            let block = self.blocks.iter().find(|block| block.hash == tip.hash).unwrap();
            chain.push(block.clone());
            tip = Tip { height: block.height - 1, hash: block.previous() };
        }
        chain.reverse();
        chain
    }

    /// What a backend would answer, at most `portion` blocks of it.
    fn news(&self, locator: &[Tip], portion: usize) -> Option<ChainUpdate> {
        let chain = self.chain();
        let on_chain = |tip: Tip| {
            let known = tip == birthday() || chain.iter().any(|block| block.tip() == tip);
            Ok::<_, Infallible>(known)
        };
        let fork = find_fork(locator, on_chain).unwrap().unwrap();
        let after = chain.into_iter().filter(|block| block.height > fork.height);
        ChainUpdate::new(fork, after.take(portion).collect())
    }
}

proptest! {
    /// Blocks arrive in any order of branches; whoever follows ends on the longest chain, and what
    /// it says of connected and disconnected blocks leads there too.
    #[test]
    fn the_best_chain_is_followed_through_any_tree(
        growth in prop::collection::vec((any::<prop::sample::Index>(), 1..60_usize), 1..80),
        asks in prop::collection::vec(any::<bool>(), 80),
    ) {
        let mut tree = Tree { blocks: Vec::new(), best: birthday() };
        let mut follower = Follower::new(birthday());
        let mut told: Vec<Tip> = vec![birthday()];
        let last = growth.len() - 1;
        for (number, (index, portion)) in growth.into_iter().enumerate() {
            // The newest few are likelier parents, so that branches grow.
            let from = tree.blocks.len().saturating_sub(6);
            let parents: Vec<Tip> = [birthday()].into_iter()
                .chain(tree.blocks[from..].iter().map(ConnectedBlock::tip)).collect();
            let block = child(*index.get(&parents), number as u32);
            if block.height > tree.best.height {
                tree.best = block.tip();
            }
            tree.blocks.push(block);
            if !asks[number] && number != last {
                continue;
            }
            while let Some(update) = tree.news(&follower.locator(), portion) {
                let applied = follower.apply(&update).unwrap();
                for gone in &applied.disconnected {
                    prop_assert_eq!(told.pop(), Some(*gone));
                }
                prop_assert_eq!(told.last(), Some(&applied.fork));
                told.extend(applied.connected(&update).iter().map(ConnectedBlock::tip));
            }
            prop_assert_eq!(follower.tip(), tree.best);
            prop_assert!(follower.tips().eq(told.iter().copied()));
        }
    }

    /// No bytes make reading a record fail other than with an error.
    #[test]
    fn any_bytes_can_be_read(
        version in 0..3_u8,
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [vec![version], rest].concat();
        let _ = (Follower::from_record(&bytes), Tip::from_record(&bytes));
        if let Ok(follower) = Follower::from_record(&bytes) {
            prop_assert_eq!(follower.record(), bytes);
        }
    }
}
