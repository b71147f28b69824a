//! Replays a seed of the simulator and prints its trace, or runs many and prints what they visited:
//!
//! ```text
//! sim SEED [bug NAME]
//! sim from N count M [bug NAME]
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

use simulation::{Bug, Settings, Statistics, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let bug = match words.iter().position(|word| *word == "bug") {
        Some(at) => match BUGS.into_iter().find(|bug| Some(&bug.name()) == words.get(at + 1)) {
            Some(bug) => Some(bug),
            None => return usage(),
        },
        None => None,
    };
    match words.as_slice() {
        ["from", from, "count", count, ..] => match (from.parse(), count.parse()) {
            (Ok(from), Ok(count)) => many(from, count, bug),
            _ => usage(),
        },
        [seed, ..] => match seed.parse() {
            Ok(seed) => one(seed, bug),
            Err(_) => usage(),
        },
        [] => usage(),
    }
}

fn one(seed: u64, bug: Option<Bug>) -> ExitCode {
    let settings = Settings { bug, ..Settings::of_seed(seed) };
    println!("{settings:?}");
    let report = run(seed, &settings, true);
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

fn many(from: u64, count: u64, bug: Option<Bug>) -> ExitCode {
    let mut statistics = Statistics::default();
    let mut failed = Vec::new();
    for seed in from..from + count {
        let report = run(seed, &Settings { bug, ..Settings::of_seed(seed) }, false);
        statistics.add(&report.statistics);
        if let Some(violation) = &report.violation {
            println!("seed {seed}: {violation}");
            failed.push(seed);
        }
    }
    println!("{statistics}");
    println!("{count} seeds from {from}, {} failed: {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    let bugs = BUGS.map(Bug::name).join(" | ");
    println!("sim SEED [bug NAME] | sim from N count M [bug NAME]\nNAME: {bugs}");
    ExitCode::FAILURE
}

const BUGS: [Bug; 8] = [
    Bug::EffectsBeforeCommit,
    Bug::KeysReused,
    Bug::NoRebroadcast,
    Bug::ChannelReadyOnce,
    Bug::DisconnectIgnored,
    Bug::TipsApart,
    Bug::SweepLost,
    Bug::StaleCommitment,
];
