//! Random histories: at every moment the coins are what the chain and our own transactions say, and a
//! crash loses nothing.

use super::{World, restore, state};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction};
use proptest::prelude::*;
use std::collections::BTreeSet;
use transactions::{FeeratePerKw, Funds};

#[derive(Clone, Debug)]
enum Move {
    /// Somebody pays us.
    Give(u64),
    /// We pay somebody, and broadcast it.
    Pay(u64),
    /// A block with what was broadcast.
    Confirm,
    /// As many blocks are replaced, by empty ones and one more.
    Reorganise(u32),
    /// The last payment that is unconfirmed is given up.
    GiveUp,
    /// Rows are folded, as a start does.
    Fold,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (1_000..200_000_u64).prop_map(Move::Give),
        3 => (1_000..150_000_u64).prop_map(Move::Pay),
        2 => Just(Move::Confirm),
        1 => (1..4_u32).prop_map(Move::Reorganise),
        1 => Just(Move::GiveUp),
        1 => Just(Move::Fold),
    ];
    prop::collection::vec(one, 1..25)
}

/// What should be: our unconfirmed payments in the order of their broadcast, and how many branches
/// there were.
#[derive(Default)]
struct Story {
    waiting: Vec<Transaction>,
    branches: u32,
    seconds: u64,
}

impl Story {
    fn play(&mut self, world: &mut World, step: &Move) {
        self.seconds += 1;
        match step {
            Move::Give(amount) => drop(world.give(*amount)),
            Move::Pay(amount) => self.pay(world, *amount),
            Move::Confirm => world.mine(&std::mem::take(&mut self.waiting)),
            Move::Reorganise(depth) => self.reorganise(world, *depth),
            Move::GiveUp => {
                // Those that spend its change die with it; none does, change waits for its block.
                if let Some(transaction) = self.waiting.pop() {
                    world.wallet.forget(transaction.compute_txid(), self.seconds);
                    world.save();
                }
            }
            Move::Fold => world.rows = vec![world.wallet.folded()],
        }
    }

    fn pay(&mut self, world: &mut World, amount: u64) {
        let to = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
        let (amount, limit) = (Amount::from_sat(amount), Amount::from_sat(20_000));
        let paid = world.wallet.send(to, amount, FeeratePerKw(300), limit, &BTreeSet::new());
        world.save();
        if let Ok(paid) = paid {
            world.insert(&paid.transaction, self.seconds);
            self.waiting.push(paid.transaction);
        }
    }

    fn reorganise(&mut self, world: &mut World, depth: u32) {
        let height = world.height();
        let Some(first) = height.checked_sub(depth) else { return };
        self.branches += 1;
        // What was in the blocks waits again, before what spends it.
        let gone = world.chain[first as usize + 1..].iter();
        let again: Vec<_> = gone.flat_map(|block| block.txdata[1..].to_vec()).collect();
        self.waiting.splice(0..0, again);
        for height in first + 1..=height + 1 {
            world.mine_at(height, self.branches, &[]);
        }
    }

    /// The outputs that are ours and unspent, by the chain and by what waits.
    fn coins(&self, world: &World) -> BTreeSet<(OutPoint, Option<u32>)> {
        let mut coins = BTreeSet::new();
        let blocks = world.chain.iter().zip(0_u32..);
        let confirmed = blocks.flat_map(|(block, height)| {
            block.txdata.iter().map(move |transaction| (transaction, Some(height)))
        });
        let waiting = self.waiting.iter().map(|transaction| (transaction, None));
        for (transaction, height) in confirmed.chain(waiting) {
            for input in &transaction.input {
                coins.retain(|(outpoint, _)| *outpoint != input.previous_output);
            }
            let txid = transaction.compute_txid();
            for (vout, output) in (0..).zip(&transaction.output) {
                if world.wallet.owns(&output.script_pubkey) {
                    coins.insert((OutPoint { txid, vout }, height));
                }
            }
        }
        coins
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn coins_are_what_the_chain_says(moves in moves()) {
        let mut world = World::new();
        let mut story = Story::default();
        for step in &moves {
            story.play(&mut world, step);
            let coins: BTreeSet<_> =
                world.wallet.coins().map(|coin| (coin.outpoint, coin.height)).collect();
            let kept: Vec<_> = world.wallet.coins().cloned().collect();
            world.wallet.refresh();
            prop_assert!(kept.iter().eq(world.wallet.coins()), "after {:?}", step);
            prop_assert_eq!(coins, story.coins(&world), "after {:?}", step);
            let waiting: BTreeSet<_> =
                world.wallet.unconfirmed().iter().map(Transaction::compute_txid).collect();
            let expected = story.waiting.iter().map(Transaction::compute_txid).collect();
            prop_assert_eq!(waiting, expected, "after {:?}", step);
        }
        let restored = restore(&world.rows);
        prop_assert_eq!(state(&restored), state(&world.wallet));
        prop_assert_eq!(restored.unconfirmed(), world.wallet.unconfirmed());
    }
}
