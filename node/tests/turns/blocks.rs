//! What is left on disk of the chain, and that a chain of any length can be followed and taken back.

use chain::regtest::faucet_script;
use chain::{ChainUpdate, KEPT_HEADERS, Tip};
use node::{CommitError, Event, Store as _, Table};

use crate::stage::{ALICE, Stage};

fn rows(stage: &Stage, table: Table) -> usize {
    let rows = stage.machines[ALICE].store.live().expect("rows");
    rows.iter().filter(|(of, _, _)| *of == table).count()
}

#[test]
fn rows_of_blocks_and_of_the_wallet_do_not_pile_up() {
    let mut stage = Stage::without_coins();
    let most = KEPT_HEADERS + 101;
    for _ in 0..3 {
        stage.chain.mine_empty(2_500, &faucet_script());
        stage.settle();
        assert!(rows(&stage, Table::Chain) <= most, "{}", rows(&stage, Table::Chain));
    }
    let before = rows(&stage, Table::Wallet);
    assert!(before > 64, "{before} rows of the wallet");
    for _ in 0..2 {
        stage.crash(ALICE);
        assert!(rows(&stage, Table::Wallet) <= 2, "folded");
        assert!(rows(&stage, Table::Chain) <= most);
    }
    assert_eq!(stage.machines[ALICE].node.tip(), stage.chain.best());
}

/// The wallet has to be able to go back wherever the follower can, folded rows or not.
#[test]
fn every_reorganisation_that_the_follower_knows_is_one_for_the_wallet() {
    let mut stage = Stage::new();
    stage.chain.mine_empty(7_000, &faucet_script());
    stage.settle();
    stage.crash(ALICE);
    stage.crash(ALICE);
    let kept = u32::try_from(KEPT_HEADERS).expect("a small number");
    for depth in [1, 150, kept - 1] {
        stage.chain.reorg(depth, depth + 1).expect("a chain that long");
        stage.settle();
        assert_eq!(stage.machines[ALICE].node.tip(), stage.chain.best(), "{depth} deep");
    }
}

/// What a backend says that cannot be is a problem with a text, and never the end of the process.
#[test]
fn a_backend_that_lies_is_not_believed() {
    let mut stage = Stage::new();
    let other = chain::regtest::Regtest::new(chain::regtest::Options::default());
    other.mine(200, &stage.chain.template(&[], &faucet_script()).txdata[0].output[0].script_pubkey);
    let ours = stage.machines[ALICE].node.tip();
    let theirs = other.best();
    let block = |tip: Tip| {
        let block = chain::Backend::block(&mut other.clone(), tip.hash).expect("there");
        chain::ConnectedBlock::new(tip.height, block.expect("a block"))
    };
    for fork in [ours, theirs, Tip { height: ours.height + 7, ..ours }] {
        let update = ChainUpdate::new(fork, vec![block(theirs)]).expect("a block");
        let effects = stage.machines[ALICE].turn(5_000, vec![Event::Chain(update)]);
        assert!(effects.is_empty(), "{effects:?}");
        assert_eq!(stage.machines[ALICE].node.tip(), ours);
    }
    stage.mine(1);
    assert_eq!(stage.machines[ALICE].node.tip(), stage.chain.best());
}

#[test]
fn a_broken_invariant_says_what_it_is() {
    let error = CommitError::Broken("the wallet cannot follow the chain".to_owned());
    assert_eq!(error.to_string(), "the wallet cannot follow the chain");
}
