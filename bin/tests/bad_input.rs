//! Bad input of an operator: one line that says what and what to do, a number of its own, and nothing lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

use bin::daemon::{Daemon, Setup, has_node};
use bin::data_folder::DataFolder;
use bin::entropy;
use bitcoin::Network;
use chain::Backend;
use chain::regtest::{Options, Regtest, faucet_script};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A data folder in which a node has run.
struct Used {
    folder: TempDir,
    chain: Regtest,
}

impl Used {
    fn new(password: Option<&[u8]>) -> Self {
        let used =
            Self { folder: TempDir::new().unwrap(), chain: Regtest::new(Options::default()) };
        used.chain.mine(1, &faucet_script());
        used.start(password).0.stop().unwrap();
        used
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("regtest")
    }

    fn start(&self, password: Option<&[u8]>) -> (Daemon, DataFolder) {
        let folder = DataFolder::take(&self.path()).unwrap();
        let database = folder.database().unwrap();
        let has_node = has_node(&database).unwrap();
        let birthday = (!has_node).then(|| self.chain.another().birthday().unwrap());
        let seed = folder.seed(Network::Regtest, 0, password, has_node).unwrap().seed;
        let daemon = Daemon::start(Setup {
            network: Network::Regtest,
            backend: self.chain.another(),
            listen: ([127, 0, 0, 1], 0).into(),
            seed,
            database,
            birthday,
            features: peer::offered_features(),
            entropy: Box::new(entropy::System),
            tap: None,
            limits: Default::default(),
            reset_sockets: false,
        });
        (daemon.unwrap(), folder)
    }

    /// What `navvyd` says of this folder.
    fn navvyd(&self, more: &[&str]) -> (i32, String) {
        let cookie = self.folder.path().join("cookie");
        let mut arguments = vec![
            "--data-dir".to_owned(),
            self.folder.path().display().to_string(),
            "--bitcoind".to_owned(),
            "127.0.0.1:1".to_owned(),
            "--bitcoind-cookie".to_owned(),
            cookie.display().to_string(),
        ];
        if !more.contains(&"--listen") {
            arguments.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(env!("CARGO_BIN_EXE_navvyd"), &arguments)
    }
}

fn run(program: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(arguments).env("NAVVY_LOG", "off").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    (output.status.code().expect("an exit code"), text)
}

fn assert_one_line(text: &str, words: &str) {
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_data_folder_in_use_is_10() {
    let used = Used::new(None);
    let _held = DataFolder::take(&used.path()).unwrap();
    let (code, text) = used.navvyd(&[]);
    assert_eq!(code, 10);
    assert_one_line(&text, "is in use by another navvyd");
}

#[test]
fn a_seed_file_that_others_can_read_is_11() {
    let used = Used::new(None);
    let seed = used.path().join("seed");
    std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, text) = used.navvyd(&[]);
    assert_eq!(code, 11);
    assert_one_line(&text, "chmod 600");
}

#[test]
fn a_wrong_or_missing_password_is_12() {
    let used = Used::new(Some(b"right"));
    let seed = bytes_of(&used.path().join("seed"));
    let (code, text) = used.navvyd(&[]);
    assert_eq!(code, 12);
    assert_one_line(&text, "password");
    let file = used.folder.path().join("password");
    std::fs::write(&file, "wrong\n").unwrap();
    let (code, text) = used.navvyd(&["--password-file", file.to_str().unwrap()]);
    assert_eq!(code, 12);
    assert_one_line(&text, "password");
    assert_eq!(bytes_of(&used.path().join("seed")), seed);
}

#[test]
fn a_missing_seed_beside_a_database_is_13() {
    let used = Used::new(None);
    std::fs::remove_file(used.path().join("seed")).unwrap();
    let (code, text) = used.navvyd(&[]);
    assert_eq!(code, 13);
    assert_one_line(&text, "put it back");
    assert!(!used.path().join("seed").exists(), "no new seed may take its place");
}

#[test]
fn a_corrupt_or_foreign_database_is_14_and_stays_as_it_is() {
    let used = Used::new(None);
    let path = used.path().join("navvy.redb");
    let whole = bytes_of(&path);
    let mut flipped = whole.clone();
    // In each page but the first, for many are free.
    for page in flipped.chunks_mut(4_096).skip(1) {
        page[..64].fill(0xff);
    }
    for damaged in [b"not a database at all".to_vec(), flipped, whole[..4_096].to_vec()] {
        std::fs::write(&path, &damaged).unwrap();
        let (code, text) = used.navvyd(&[]);
        if code == 15 || code == 14 {
            assert_one_line(&text, "database");
            assert_eq!(bytes_of(&path), damaged);
        } else {
            panic!("{code}: {text}");
        }
    }
}

#[test]
fn another_seed_or_network_is_15() {
    let used = Used::new(None);
    let other = Used::new(None);
    std::fs::copy(other.path().join("seed"), used.path().join("seed")).unwrap();
    let (code, text) = used.navvyd(&[]);
    assert!(code == 15 || code == 14, "{code}: {text}");
    assert_one_line(&text, "seed");
    std::fs::rename(used.path(), used.folder.path().join("signet")).unwrap();
    let (code, text) = used.navvyd(&["--network", "signet"]);
    assert_eq!(code, 15);
    assert_one_line(&text, "choose another folder");
}

#[test]
fn a_port_in_use_is_16() {
    let used = Used::new(None);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = used.navvyd(&["--listen", &address]);
    assert_eq!(code, 16);
    assert_one_line(&text, "choose another with --listen");
    // Nothing is lost by it: the node still starts.
    used.start(None).0.stop().unwrap();
}

#[test]
fn a_first_start_that_fails_leaves_a_folder_that_can_be_started() {
    let used = Used { folder: TempDir::new().unwrap(), chain: Regtest::new(Options::default()) };
    used.chain.mine(1, &faucet_script());
    // As if it had been killed between making the database and its first commit.
    drop(DataFolder::take(&used.path()).unwrap().database().unwrap());
    used.start(None).0.stop().unwrap();
    used.start(None).0.stop().unwrap();
}

#[test]
fn bad_flags_are_2_and_a_badly_set_backend_is_17() {
    let navvyd = env!("CARGO_BIN_EXE_navvyd");
    let (code, text) = run(navvyd, &["--data-dir", "/nonexistent", "--no-such-flag"]);
    assert_eq!(code, 2);
    assert!(text.contains("--no-such-flag"), "{text}");
    let (code, text) =
        run(navvyd, &["--data-dir", "/nonexistent", "--bitcoind", "x", "--network", "bitcoin"]);
    assert_eq!(code, 2);
    assert!(text.contains("regtest, signet or testnet4"), "{text}");
    let used = Used::new(None);
    let (code, text) = used.navvyd(&["--bitcoind-user", "somebody"]);
    assert_eq!(code, 17);
    assert_one_line(&text, "choose one of");
}

#[test]
fn a_wrong_configuration_is_2_with_its_line_and_mainnet_wants_its_flag() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("navvy.toml");
    let navvyd = |more: &[&str]| {
        let data = folder.path().to_str().unwrap();
        run(env!("CARGO_BIN_EXE_navvyd"), &[&["--data-dir", data], more].concat())
    };
    for (text, words) in [
        (
            "# mine\nlisten-on = \"[::]:9735\"\n",
            "line 2: there is no setting \"listen-on\": did you",
        ),
        ("listen = 9735\n", "line 1: listen is a text in quotation marks, not a number"),
        ("embedded-chain = true\nnetwork = \"mainet\"\n", "line 2: network: \"mainet\": choose"),
        ("network = \"mainnet\"\n", "mainnet is refused"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, text) = navvyd(&[]);
        assert_eq!(code, 2, "{text}");
        assert_one_line(&text, words);
    }
    // Nothing was made of it.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::write(&file, "embedded-chain = true\n").unwrap();
    assert_eq!(navvyd(&["--print-config"]).0, 0);
    assert_eq!(navvyd(&["--config", "/nonexistent"]).0, 2);
}
