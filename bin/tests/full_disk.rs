//! A disk that is really full: a small file system in memory, in a mount namespace of this test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test ends at the first surprise"
)]

use bin::daemon::{Daemon, Setup, disk_full, has_node};
use bin::data_folder::DataFolder;
use bin::entropy;
use bin::exit::{Exit, Failure};
use bitcoin::Network;
use chain::Backend;
use chain::regtest::{Options, Regtest, faucet_script};
use node::{Command, Reply};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Names the folder for the tests that run inside.
const FOLDER: &str = "NAVVY_TEST_SMALL_DISK";

/// Starts one test of this file again where a mount is seen by nobody else.
fn on_a_small_disk(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=28m tmpfs \"$1\" && shift && exec \"$@\"";
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .expect("unshare, of util-linux");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this needs a mount namespace\n{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
    None
}

/// Takes all the room there is.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [65_536, 4_096] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    path
}

fn start(folder: &Path, chain: &Regtest) -> Result<(Daemon, DataFolder), Failure> {
    let folder = DataFolder::take(&folder.join("data"))?;
    let database = folder.database()?;
    let has_node = has_node(&database)?;
    let birthday = (!has_node).then(|| chain.another().birthday().unwrap());
    let seed = folder.seed(Network::Regtest, 0, None, has_node)?.seed;
    let daemon = Daemon::start(Setup {
        network: Network::Regtest,
        backend: chain.another(),
        listen: ([127, 0, 0, 1], 0).into(),
        seed,
        database,
        birthday,
        features: peer::offered_features(),
        entropy: Box::new(entropy::System),
        tap: None,
        limits: Default::default(),
        reset_sockets: false,
    })?;
    Ok((daemon, folder))
}

fn address(daemon: &Daemon) -> Option<String> {
    let reply = daemon.client().ask_blocking(Command::NewAddress);
    if let Reply::Address(address) = reply { Some(address.to_string()) } else { None }
}

#[test]
fn a_disk_that_fills_up_stops_the_node_and_costs_nothing() {
    let test = "a_disk_that_fills_up_stops_the_node_and_costs_nothing";
    let Some(folder) = on_a_small_disk(test) else { return };
    let chain = Regtest::new(Options::default());
    chain.mine(1, &faucet_script());
    let (daemon, data) = start(&folder, &chain).unwrap();
    let node_id = daemon.node_id;
    let filler = fill(&folder);
    let begun = Instant::now();
    let mut given = BTreeSet::new();
    while daemon.is_running() {
        given.extend(address(&daemon));
        assert!(begun.elapsed().as_secs() < 120, "{} addresses, and it still runs", given.len());
    }
    let failure = daemon.stop().unwrap_err();
    // It came to its own end: no commit failed.
    assert_eq!(failure, disk_full());
    drop(data);
    println!("full after {} addresses", given.len());
    // The room that was kept is used up or too little: it says so again, as often as it is started.
    fill(&folder);
    assert_eq!(start(&folder, &chain).err().unwrap().exit, Exit::DiskFull);
    std::fs::remove_file(filler).unwrap();
    let (daemon, _data) = start(&folder, &chain).unwrap();
    assert_eq!(daemon.node_id, node_id);
    let next = address(&daemon).unwrap();
    assert!(!given.contains(&next), "{next} was given to somebody already");
    assert_eq!(std::fs::metadata(folder.join("data/ballast")).unwrap().len(), 16 << 20);
    daemon.stop().unwrap();
}

#[test]
fn a_disk_that_is_full_at_the_start_is_74() {
    let Some(folder) = on_a_small_disk("a_disk_that_is_full_at_the_start_is_74") else { return };
    let navvyd = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_navvyd"))
            .args(["--embedded-chain", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .env("NAVVY_LOG", "off")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("make room"), "{text}");
        output.status.code()
    };
    let filler = fill(&folder);
    assert_eq!(navvyd(), Some(74));
    assert_eq!(navvyd(), Some(74));
    std::fs::remove_file(filler).unwrap();
    let chain = Regtest::new(Options::default());
    chain.mine(1, &faucet_script());
    start(&folder, &chain).unwrap().0.stop().unwrap();
}
