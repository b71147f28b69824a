//! A world in which nodes run: two or more `node::Node`s over real redb on faulty disks, a network that
//! delays and cuts, the embedded chain with reorganisations, one clock, one seed. Start at `world.rs`.

mod backend;
mod bugs;
mod calendar;
mod chain_view;
mod checkers;
mod dice;
mod faults;
mod host;
mod liveness;
mod network;
mod operator;
mod rows;
mod settings;
mod shell;
mod shrink;
mod statistics;
mod steps;
mod trace;
mod turn;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use bugs::Bug;
pub use settings::Settings;
pub use shrink::shrink;
pub use statistics::Statistics;
pub use steps::{arms, kept, lost, missing};
use world::World;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Its settings.
    pub settings: Settings,
    /// What was wrong, if something was.
    pub violation: Option<String>,
    /// Tells its trace from others.
    pub hash: u64,
    /// The lines of its trace.
    pub lines: u64,
    /// The last of them.
    pub last_lines: Vec<String>,
    /// What it visited.
    pub statistics: Statistics,
}

/// Runs a seed to its end; with `echo` its trace is printed.
pub fn run(seed: u64, settings: &Settings, echo: bool) -> Report {
    let mut world = World::new(seed, settings.clone(), echo);
    let (result, steps) = steps::counted(|| catch_unwind(AssertUnwindSafe(|| world.run())));
    world.trace.statistics.add(&steps);
    let violation = match result {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(violation),
        Err(panic) => Some(format!("a panic: {}", text_of(panic.as_ref()))),
    };
    Report {
        seed,
        settings: settings.clone(),
        violation,
        hash: world.trace.hash(),
        lines: world.trace.count(),
        last_lines: world.trace.last_lines(),
        statistics: world.trace.statistics.clone(),
    }
}

impl Report {
    /// What went wrong, and all that is needed to see it again.
    pub fn failure(&self) -> Option<String> {
        let violation = self.violation.as_ref()?;
        let lines = self.last_lines.join("\n");
        let (seed, settings) = (self.seed, &self.settings);
        let differences = settings.differences(seed);
        Some(format!(
            "seed {seed}: {violation}\n{settings:?}\n{lines}\nseed {seed}: {violation}\n\
             replay: cargo run -p tests --bin sim -- {seed}{differences}"
        ))
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}
