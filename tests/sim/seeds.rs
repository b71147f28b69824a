//! The seeds of every day, and the planted bugs, each of which is found.
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

use simulation::{Bug, Settings, Statistics, arms, kept, lost, missing, run};
use std::path::Path;

/// Runs seeds with a planted bug until one of them finds it, which must not take more than `within`.
fn finds(bug: Bug, within: u64) {
    let found = (0..within).find_map(|seed| {
        let report = run(seed, &Settings { bug: Some(bug), ..Settings::of_seed(seed) }, false);
        report.violation.map(|violation| (seed, violation))
    });
    match found {
        Some((seed, violation)) => println!("{} is found by seed {seed}: {violation}", bug.name()),
        None => panic!("{} is not found by {within} seeds", bug.name()),
    }
}

macro_rules! seeds {
    ($($name:ident: $from:literal .. $to:literal;)*) => {$(
        #[test]
        fn $name() {
            run_all($from, $to);
        }
    )*};
}

// In parts, so that they run side by side. tests/run has the release build go through 2,000.
seeds! {
    seeds_0_to_24_break_no_promise: 0 .. 25;
    seeds_25_to_49_break_no_promise: 25 .. 50;
}

fn run_all(from: u64, to: u64) {
    let mut statistics = Statistics::default();
    for seed in from..to {
        let report = run(seed, &Settings::of_seed(seed), false);
        if let Some(failure) = report.failure() {
            panic!("{failure}");
        }
        statistics.add(&report.statistics);
    }
    println!("{statistics}");
}

/// What a release build holds 2,000 seeds against: the arms as the source has them.
#[test]
fn the_arms_of_the_step_tables_are_read() {
    let arms = arms();
    for (state, event) in [
        ("WaitForFundingSigned", "funding_signed"),
        ("WaitForChannelReady", "Rewound"),
        ("Tombstone", "raw"),
        ("ShuttingDown", "Spent"),
        ("Closed", "channel_reestablish"),
    ] {
        assert!(arms.contains(&(state.to_owned(), event.to_owned())), "{state} {event}");
    }
    assert!(arms.len() > 90, "{}", arms.len());
    let report = run(3, &Settings::of_seed(3), false);
    assert!(missing(&report.statistics).len() < missing(&Statistics::default()).len());
}

/// No arm of the step tables is dead: each is taken by a test, by the simulator, or by both.
#[test]
fn each_step_is_taken() {
    let kept = kept();
    let known: Vec<_> = kept.iter().map(|kept| kept.arm.clone()).collect();
    assert_eq!(known, arms(), "docs/step-coverage.md has each arm, in the order of the source");
    let mut source = String::new();
    for folder in ["funding/tests", "closing/tests", "node/tests"] {
        read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &mut source);
    }
    for kept in kept {
        let how = ["", "rarely", "often"].contains(&kept.simulator.as_str());
        assert!(how, "{kept:?}");
        assert!(!kept.test.is_empty() || !kept.simulator.is_empty(), "taken by nobody: {kept:?}");
        let is_there = source.contains(&format!("fn {}(", kept.test));
        assert!(kept.test.is_empty() || is_there, "no such test: {kept:?}");
    }
    assert!(!lost(&Statistics::default()).is_empty());
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The planted bug is found again in what is left of a run when all that is not needed for it is taken away.
#[test]
fn a_seed_that_fails_shrinks() {
    let settings = Settings { bug: Some(Bug::KeysReused), ..Settings::of_seed(1) };
    let (seed, settings) = (0..20)
        .map(|seed| (seed, Settings { bug: settings.bug, ..Settings::of_seed(seed) }))
        .find(|(seed, settings)| run(*seed, settings, false).violation.is_some())
        .unwrap();
    let report = simulation::shrink(seed, &settings).unwrap();
    assert!(report.violation.is_some());
    let sum = |settings: &Settings| settings.numbers().iter().map(|(_, n)| n).sum::<u64>();
    assert!(sum(&report.settings) < sum(&settings), "{:?}", report.settings);
    let mut again = Settings { bug: settings.bug, ..Settings::of_seed(seed) };
    for word in report.settings.differences(seed).split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        again.set(name, value.parse().unwrap()).unwrap();
    }
    assert_eq!(again, report.settings);
}

#[test]
fn the_same_seed_has_the_same_trace() {
    for seed in [1, 7, 20] {
        let settings = Settings::of_seed(seed);
        let (first, second) = (run(seed, &settings, false), run(seed, &settings, false));
        assert_eq!((first.hash, first.lines), (second.hash, second.lines), "seed {seed}");
        assert_ne!(first.hash, run(seed + 1, &settings, false).hash);
    }
}

macro_rules! planted {
    ($($name:ident: $bug:ident within $within:literal;)*) => {$(
        #[test]
        fn $name() {
            finds(Bug::$bug, $within);
        }
    )*};
}

planted! {
    planted_effects_before_commit_is_found: EffectsBeforeCommit within 20;
    planted_keys_reused_is_found: KeysReused within 20;
    planted_no_rebroadcast_is_found: NoRebroadcast within 60;
    planted_channel_ready_once_is_found: ChannelReadyOnce within 60;
    planted_disconnect_ignored_is_found: DisconnectIgnored within 60;
    planted_tips_apart_is_found: TipsApart within 20;
    planted_sweep_lost_is_found: SweepLost within 120;
    planted_stale_commitment_is_found: StaleCommitment within 120;
    planted_broadcast_once_is_found: BroadcastOnce within 20;
}
