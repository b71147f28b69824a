//! What a run is like: drawn from its seed, so that the seed is all that a replay needs.

use super::bugs::Bug;
use super::dice::Dice;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many nodes.
    pub nodes: usize,
    /// Whether scripts and signatures are checked by the chain. Slow.
    pub scripts: bool,
    /// Whether the nodes offer `option_simple_close`.
    pub simple_close: bool,
    /// Blocks that a force close costs.
    pub to_self_delay: u16,
    /// Blocks after which a channel that was never seen is forgotten, and somewhat later a tombstone.
    pub forget_after: u32,
    /// How long the phase with faults lasts, in milliseconds.
    pub safety: u64,
    /// The most opens.
    pub opens: u32,
    /// The mean time between two commands of the operator, in milliseconds.
    pub command_every: u64,
    /// The mean time between two blocks, in milliseconds.
    pub block_every: u64,
    /// The most events of a batch.
    pub batch: u64,
    /// The longest way of a message, in milliseconds.
    pub latency: u64,
    /// Of 1,000 turns so many end in a crash.
    pub crashes: u64,
    /// Of 1,000 messages so many are the last one of their connection.
    pub cuts: u64,
    /// Of 1,000 times that a block is due there is a reorganisation instead.
    pub reorgs: u64,
    /// Of 1,000 blocks so many leave the mempool as it is.
    pub empty_blocks: u64,
    /// Mean time between faults of the chain backend, evictions and the like, in milliseconds.
    pub fault_every: u64,
    /// Coins are stolen: transactions that a node did not make spend its coins. Needs a chain that does
    /// not check scripts.
    pub thefts: bool,
    /// Peers prove a later state than there is.
    pub forged_proofs: bool,
    /// A fault in the nodes or their shell that must be found.
    pub bug: Option<Bug>,
}

impl Settings {
    /// The settings of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x5e77_1265);
        let scripts = dice.per_mille(80);
        let calm = dice.per_mille(150);
        let chance = |dice: &mut Dice, most: u64| if calm { 0 } else { dice.below(most + 1) };
        Self {
            nodes: if dice.per_mille(120) { 3 } else { 2 },
            scripts,
            simple_close: dice.per_mille(350),
            to_self_delay: u16::try_from(dice.between(1, 20)).unwrap_or(1),
            forget_after: [60, 150, 2_016][dice.index(3)],
            safety: dice.between(60_000, 1_200_000),
            opens: u32::try_from(dice.between(1, 6)).unwrap_or(1),
            command_every: dice.between(2_000, 40_000),
            block_every: dice.between(5_000, 60_000),
            batch: [1, 2, 4, 16, 64][dice.index(5)],
            latency: [5, 50, 500, 3_000][dice.index(4)],
            crashes: chance(&mut dice, 25),
            cuts: chance(&mut dice, 40),
            reorgs: chance(&mut dice, 120),
            empty_blocks: chance(&mut dice, 300),
            fault_every: dice.between(10_000, 120_000),
            thefts: !scripts && !calm && dice.per_mille(150),
            forged_proofs: !calm && dice.per_mille(100),
            bug: None,
        }
    }

    /// Whether anything is meant to go wrong.
    pub fn has_faults(&self) -> bool {
        self.crashes + self.cuts + self.reorgs > 0
    }
}
