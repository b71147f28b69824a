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
    /// The deepest reorganisation. What is 6 deep is taken for settled: beyond that the promises are fewer.
    pub deepest_reorg: u32,
    /// Of 1,000 turns that write so many find the disk full.
    pub full_disks: u64,
    /// Of 1,000 messages so many never come, come twice, or come minutes late, on a connection that stays.
    pub rude: u64,
    /// Machines are suspended, and wall clocks jump.
    pub sleeps: bool,
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
            nodes: match dice.below(100) {
                0..80 => 2,
                80..92 => 3,
                92..97 => 4,
                _ => 5,
            },
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
            deepest_reorg: if dice.per_mille(150) { 12 } else { 5 },
            full_disks: if dice.per_mille(300) { chance(&mut dice, 10) } else { 0 },
            rude: if dice.per_mille(300) { chance(&mut dice, 80) } else { 0 },
            sleeps: !calm && dice.per_mille(250),
            bug: None,
        }
    }

    /// Everything but the bug, as names and numbers, which [`Settings::set`] takes.
    pub fn numbers(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("nodes", self.nodes as u64),
            ("scripts", u64::from(self.scripts)),
            ("simple_close", u64::from(self.simple_close)),
            ("to_self_delay", u64::from(self.to_self_delay)),
            ("forget_after", u64::from(self.forget_after)),
            ("safety", self.safety),
            ("opens", u64::from(self.opens)),
            ("command_every", self.command_every),
            ("block_every", self.block_every),
            ("batch", self.batch),
            ("latency", self.latency),
            ("crashes", self.crashes),
            ("cuts", self.cuts),
            ("reorgs", self.reorgs),
            ("empty_blocks", self.empty_blocks),
            ("fault_every", self.fault_every),
            ("thefts", u64::from(self.thefts)),
            ("forged_proofs", u64::from(self.forged_proofs)),
            ("deepest_reorg", u64::from(self.deepest_reorg)),
            ("full_disks", self.full_disks),
            ("rude", self.rude),
            ("sleeps", u64::from(self.sleeps)),
        ]
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// There is none of this name, or the number is too large for it.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        let large = |_| format!("{name}={value} is too large");
        let is_set = value != 0;
        match name {
            "nodes" => self.nodes = usize::try_from(value.max(2)).map_err(large)?,
            "scripts" => self.scripts = is_set,
            "simple_close" => self.simple_close = is_set,
            "to_self_delay" => self.to_self_delay = u16::try_from(value).map_err(large)?,
            "forget_after" => self.forget_after = u32::try_from(value).map_err(large)?,
            "safety" => self.safety = value,
            "opens" => self.opens = u32::try_from(value).map_err(large)?,
            "command_every" => self.command_every = value.max(1),
            "block_every" => self.block_every = value.max(1),
            "batch" => self.batch = value.max(1),
            "latency" => self.latency = value.max(1),
            "crashes" => self.crashes = value,
            "cuts" => self.cuts = value,
            "reorgs" => self.reorgs = value,
            "empty_blocks" => self.empty_blocks = value,
            "fault_every" => self.fault_every = value.max(1),
            "thefts" => self.thefts = is_set,
            "forged_proofs" => self.forged_proofs = is_set,
            "deepest_reorg" => self.deepest_reorg = u32::try_from(value.max(1)).map_err(large)?,
            "full_disks" => self.full_disks = value,
            "rude" => self.rude = value,
            "sleeps" => self.sleeps = is_set,
            _ => return Err(format!("there is no setting {name:?}")),
        }
        Ok(())
    }

    /// What a command line needs to have these settings for a seed.
    pub fn differences(&self, seed: u64) -> String {
        let usual = Self::of_seed(seed).numbers();
        let different = self.numbers().into_iter().filter(|pair| !usual.contains(pair));
        different.map(|(name, value)| format!(" {name}={value}")).collect()
    }

    /// Whether anything is meant to go wrong.
    pub fn has_faults(&self) -> bool {
        self.crashes + self.cuts + self.reorgs > 0
    }
}
