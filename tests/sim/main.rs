//! Replays a seed of the simulator and prints its trace, runs many and prints what they visited, or makes
//! a seed that fails simpler and prints what is left of it:
//!
//! ```text
//! sim SEED [NAME=NUMBER ..] [bug NAME]
//! sim from N count M [NAME=NUMBER ..] [bug NAME]
//! sim shrink SEED [NAME=NUMBER ..] [bug NAME]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a simulator is a test: it may end with a panic"
)]

mod simulation;

use simulation::{Bug, Report, Settings, Statistics, arms, kept, lost, missing, run, shrink};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(changes) = Changes::read(&words) else { return usage() };
    let plain: Vec<&str> = words
        .iter()
        .copied()
        .take_while(|word| *word != "bug")
        .filter(|word| !word.contains('='))
        .collect();
    match plain.as_slice() {
        ["from", from, "count", count] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => many(from, count, &changes),
            _ => usage(),
        },
        ["shrink", seed] => match seed.parse() {
            Ok(seed) => shrunk(seed, &changes),
            Err(_) => usage(),
        },
        [seed] => match seed.parse() {
            Ok(seed) => one(seed, &changes.of(seed)),
            Err(_) => usage(),
        },
        _ => usage(),
    }
}

/// What a command line wants otherwise than the seed has it.
struct Changes {
    bug: Option<Bug>,
    numbers: Vec<(String, u64)>,
}

impl Changes {
    fn read(words: &[&str]) -> Option<Self> {
        let bug = match words.iter().position(|word| *word == "bug") {
            Some(at) => Some(BUGS.into_iter().find(|bug| Some(&bug.name()) == words.get(at + 1))?),
            None => None,
        };
        let mut numbers = Vec::new();
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            numbers.push((name.to_owned(), value.parse().ok()?));
        }
        let changes = Self { bug, numbers };
        let mut probe = Settings::of_seed(0);
        for (name, value) in &changes.numbers {
            if let Err(error) = probe.set(name, *value) {
                println!("{error}");
                return None;
            }
        }
        Some(changes)
    }

    fn of(&self, seed: u64) -> Settings {
        let mut settings = Settings { bug: self.bug, ..Settings::of_seed(seed) };
        for (name, value) in &self.numbers {
            let _ = settings.set(name, *value);
        }
        settings
    }
}

fn one(seed: u64, settings: &Settings) -> ExitCode {
    println!("{settings:?}");
    let report = run(seed, settings, true);
    match report.failure() {
        Some(_) => {
            println!("seed {seed}: {}", report.violation.unwrap_or_default());
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed}: well, {} lines, hash {:016x}", report.lines, report.hash);
            ExitCode::SUCCESS
        }
    }
}

fn shrunk(seed: u64, changes: &Changes) -> ExitCode {
    let Some(report) = shrink(seed, &changes.of(seed)) else {
        println!("seed {seed} does not fail");
        return ExitCode::SUCCESS;
    };
    let result = one(seed, &report.settings);
    println!("replay: sim {seed}{}", report.settings.differences(seed));
    result
}

/// Runs seeds on all cores; failures are printed in the order in which they are found.
fn many(from: u64, count: u64, changes: &Changes) -> ExitCode {
    let next = AtomicU64::new(from);
    let found = Mutex::new((Statistics::default(), Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return;
            }
            let report = run(seed, &changes.of(seed), false);
            take(&mut found.lock().unwrap(), &report);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let (statistics, failed) = found.into_inner().unwrap();
    println!("{statistics}");
    let missing = missing(&statistics);
    println!("{} different things were seen", statistics.counts.len());
    let (arms, elsewhere) =
        (arms().len(), kept().iter().filter(|kept| !kept.test.is_empty()).count());
    println!("of {arms} arms of the step tables not taken: {missing:?}; tests take {elsewhere}");
    let lost = if count < MANY { Vec::new() } else { lost(&statistics) };
    if !lost.is_empty() {
        println!("these steps are no longer taken often: {lost:?}");
    }
    println!("{count} seeds from {from}, {} failed: {failed:?}", failed.len());
    if failed.is_empty() && lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn take(found: &mut (Statistics, Vec<u64>), report: &Report) {
    found.0.add(&report.statistics);
    if let Some(violation) = &report.violation {
        println!("seed {}: {violation}", report.seed);
        found.1.push(report.seed);
    }
}

fn usage() -> ExitCode {
    let bugs = BUGS.map(Bug::name).join(" | ");
    let names = Settings::of_seed(0).numbers().into_iter().map(|(name, _)| name);
    let names = names.collect::<Vec<_>>().join(" | ");
    println!(
        "sim SEED | sim from N count M | sim shrink SEED, each with [SETTING=NUMBER ..] [bug NAME]\n\
         SETTING: {names}\nNAME: {bugs}"
    );
    ExitCode::FAILURE
}

/// So many runs see what is seen often.
const MANY: u64 = 1_000;

const BUGS: [Bug; 9] = [
    Bug::EffectsBeforeCommit,
    Bug::KeysReused,
    Bug::NoRebroadcast,
    Bug::ChannelReadyOnce,
    Bug::DisconnectIgnored,
    Bug::TipsApart,
    Bug::SweepLost,
    Bug::StaleCommitment,
    Bug::BroadcastOnce,
];
