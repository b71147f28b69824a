//! Tests against real peers. `tests/run` builds them and names them in the environment; without
//! them these tests fail, for a test that was skipped in silence proves nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test ends at the first surprise"
)]

mod backend;
mod bitcoind;
mod cuts;
mod double_spent;
mod exits;
mod exits_ahead;
mod exits_chain;
mod exits_fees;
mod exits_floor;
mod exits_force;
mod exits_loss;
mod faults;
mod fee_server;
mod first_contact;
mod forgotten;
mod gate;
mod kills;
mod kills_at_calls;
mod ldk;
mod lncli;
mod lnd;
mod navvy;
mod navvyd;
mod opens;
mod peer;
mod process;
mod proxy;
mod refusals;
mod regtest_verbs;
mod restarts;
mod simple_close;
mod table;
mod world;

use crate::process::program;
use std::process::Command;

fn answers_version(variable: &str, name: &str) {
    let path = program(variable);
    let output = match Command::new(&path).arg("--version").output() {
        Ok(output) => output,
        Err(error) => panic!("{variable}: {}: {error}", path.display()),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{variable}: {}: {}", path.display(), output.status);
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains(name), "{variable}: expected {name}, it says: {first}");
    println!("{first}");
}

#[test]
fn bitcoind_answers() {
    answers_version("BITCOIND_EXE", "Bitcoin Core");
}

#[test]
fn lnd_answers() {
    answers_version("NAVVY_LND_EXE", "lnd version");
}

#[test]
fn lncli_answers() {
    answers_version("NAVVY_LNCLI_EXE", "lncli version");
}

#[test]
fn ldk_answers() {
    answers_version("NAVVY_LDK_EXE", "ldk-peer");
}
