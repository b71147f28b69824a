//! A node of its 24 words: what a lost data folder held comes back.

use crate::world::{Daemon, Navvy, wait_for};
use bitcoin::{Address, Network};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use wallet::{Recovery, Seed};

/// The words of a node, in a file of their owner's.
fn words_of(daemon: &Daemon) -> PathBuf {
    daemon.folder.path().join("regtest/seed-words")
}

fn words(daemon: &Daemon) -> String {
    std::fs::read_to_string(words_of(daemon)).unwrap()
}

/// Where a peer's commitment may pay to this seed: without anchors and with them.
fn addresses(words: &str) -> [String; 2] {
    let recovery = Recovery::new(&Seed::from_words(words).unwrap(), Network::Regtest);
    let mut scripts: Vec<_> = recovery.scripts().map(ToOwned::to_owned).collect();
    scripts.sort_by_key(|script| script.is_p2wsh());
    [scripts.first(), scripts.last()]
        .map(|script| Address::from_script(script.unwrap(), Network::Regtest).unwrap().to_string())
}

fn balance(navvy: &Navvy, name: &str) -> u64 {
    navvy.json(&["walletbalance"])[name].as_str().unwrap().parse().unwrap()
}

/// Another folder on a copy of the same chain.
fn elsewhere(lost: &Daemon) -> Daemon {
    let new = Daemon::prepare();
    let chain = |daemon: &Daemon| daemon.folder.path().join("regtest/embedded-chain");
    std::fs::create_dir(new.folder.path().join("regtest")).unwrap();
    copy(&chain(lost), &chain(&new));
    new
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(status.success());
}

#[test]
fn the_coins_of_a_lost_folder_come_back_with_its_words() {
    let mut lost = Daemon::start();
    let node_id = lost.navvy.json(&["getinfo"])["identity_pubkey"].clone();
    let [plain, anchored] = addresses(&words(&lost));
    for (address, amount) in
        [(&lost.navvy.address(), "500000"), (&plain, "70000"), (&anchored, "80000")]
    {
        lost.navvy.json(&["regtest", "fund", address, amount]);
        lost.navvy.json(&["regtest", "mine", "1"]);
    }
    wait_for("the coin", || (balance(&lost.navvy, "confirmed_balance") == 500_000).then_some(()));
    lost.navvy.json(&["stop"]);
    lost.wait_end();

    let mut new = elsewhere(&lost);
    new.launch(&["--embedded-chain", "--recover", words_of(&lost).to_str().unwrap()]);
    new.wait_synced();
    assert_eq!(new.navvy.json(&["getinfo"])["identity_pubkey"], node_id);
    wait_for("the wallet's coin", || {
        (balance(&new.navvy, "confirmed_balance") == 500_000).then_some(())
    });
    assert!(!words_of(&new).exists(), "words that somebody has are not shown again");
    // What the peers' closes paid, less the fee of one transaction.
    let swept = |navvy: &Navvy, from: u64, to: u64| {
        wait_for("the sweep", || {
            navvy.json(&["regtest", "mine", "1"]);
            let confirmed = balance(navvy, "confirmed_balance");
            (confirmed > from && confirmed < to).then_some(confirmed)
        })
    };
    let after = swept(&new.navvy, 645_000, 650_000);

    // A peer that closes later is found too, whatever came between.
    new.kill();
    new.start_again();
    assert_eq!(balance(&new.navvy, "confirmed_balance"), after);
    new.navvy.json(&["regtest", "fund", &anchored, "90000"]);
    swept(&new.navvy, after + 85_000, after + 90_000);
    let log = new.log();
    assert!(log.contains("found what a peer's close pays to this seed"), "{log}");
}

/// The database is of a time before the channel: what its peer's close pays is found all the same, once asked for.
#[test]
fn an_older_copy_of_the_database_finds_what_unknown_channels_pay() {
    let mut daemon = Daemon::start();
    let [_, anchored] = addresses(&words(&daemon));
    let funds = |daemon: &Daemon| balance(&daemon.navvy, "confirmed_balance");
    daemon.navvy.json(&["regtest", "fund", &anchored, "90000"]);
    daemon.navvy.json(&["regtest", "mine", "20"]);
    assert_eq!(funds(&daemon), 0);
    daemon.navvy.json(&["stop"]);
    daemon.wait_end();
    daemon.launch(&["--embedded-chain", "--recover-from", "1"]);
    daemon.wait_synced();
    wait_for("the sweep", || {
        daemon.navvy.json(&["regtest", "mine", "1"]);
        (85_000..90_000).contains(&funds(&daemon)).then_some(())
    });
    let mut new = Daemon::prepare();
    new.launch(&["--embedded-chain", "--recover-from", "1"]);
    assert_eq!(new.wait_end(), Some(2), "there is no node");
}

#[test]
fn words_from_standard_input_and_a_birthday_are_enough() {
    let mut lost = Daemon::start();
    lost.navvy.json(&["regtest", "mine", "30"]);
    lost.navvy.json(&["regtest", "fund", &lost.navvy.address(), "500000"]);
    lost.navvy.json(&["regtest", "mine", "1"]);
    lost.navvy.json(&["stop"]);
    lost.wait_end();
    let mut new = elsewhere(&lost);
    let flags = ["--embedded-chain", "--recover", "-", "--recover-from", "30"];
    new.launch_with_input(&flags, words(&lost).to_uppercase().as_bytes());
    new.wait_synced();
    wait_for("the wallet's coin", || {
        (balance(&new.navvy, "confirmed_balance") == 500_000).then_some(())
    });
}

#[test]
fn words_are_refused_where_they_would_do_harm_and_nothing_changes() {
    let mut lost = Daemon::start();
    let path = words_of(&lost);
    lost.navvy.json(&["stop"]);
    lost.wait_end();
    let code = |daemon: &mut Daemon, path: &Path| {
        daemon.launch(&["--embedded-chain", "--recover", path.to_str().unwrap()]);
        let code = daemon.wait_end();
        (code, daemon.log())
    };
    // A node is never written over.
    let seed = std::fs::read(lost.folder.path().join("regtest/seed")).unwrap();
    let (number, log) = code(&mut lost, &path);
    assert!(number == Some(15) && log.contains("has a node already"), "{log}");
    assert_eq!(std::fs::read(lost.folder.path().join("regtest/seed")).unwrap(), seed);
    let mut new = Daemon::prepare();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (number, log) = code(&mut new, &path);
    assert!(number == Some(11) && log.contains("chmod 600"), "{log}");
    let wrong = new.folder.path().join("words");
    std::fs::write(&wrong, "abandon ".repeat(24)).unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (number, log) = code(&mut new, &wrong);
    assert!(number == Some(2) && log.contains("check each of them"), "{log}");
    assert!(!log.contains("abandon"), "no word in a log: {log}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let flags = ["--embedded-chain", "--recover", path.to_str().unwrap(), "--recover-from", "5000"];
    new.launch(&flags);
    assert_eq!(new.wait_end(), Some(2), "beyond the chain");
    // And the folder is as good as new.
    assert!(!new.folder.path().join("regtest/seed").exists());
    new.launch(&flags[..3]);
    new.wait_synced();
}
