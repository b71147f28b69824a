//! A bitcoind that is not as it should be: a node that has a life behind it comes up all the same and says
//! what is wrong, unless it could never become right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends at the first surprise"
)]

#[path = "../../chain/tests/fake/mod.rs"]
#[allow(dead_code, unfulfilled_lint_expectations, reason = "the tests of the chain use all of it")]
mod fake;
#[path = "service/systemd.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
mod systemd;

use chain::regtest::faucet_script;
use fake::{Fake, Raw};
use systemd::{Manager, Navvyd};
use tempfile::TempDir;

/// A data folder in which a node has run, on the chain of a stand-in for bitcoind.
struct Used {
    folder: TempDir,
    manager: Manager,
    fake: Fake,
}

impl Used {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (manager, fake) = (Manager::new(folder.path()), Fake::start());
        fake.chain.mine(3, &faucet_script());
        std::fs::write(folder.path().join("cookie"), "user:right").unwrap();
        let used = Self { folder, manager, fake };
        let mut first = used.start();
        used.manager.wait("READY=1");
        used.manager.wait("STATUS=block 3, synced");
        first.signal("TERM");
        assert_eq!(first.ended(), Some(0));
        used
    }

    fn start(&self) -> Navvyd {
        let cookie = self.folder.path().join("cookie");
        let arguments =
            ["--bitcoind", &self.fake.address, "--bitcoind-cookie", cookie.to_str().unwrap()];
        Navvyd::start(self.folder.path(), &self.manager, None, &arguments)
    }

    /// It serves, says this, and stops as told.
    fn assert_up_and_says(&self, words: &str) {
        let mut navvyd = self.start();
        self.manager.wait("READY=1");
        let status = self.manager.wait("no news of the chain: ");
        assert!(status.contains(words), "{status:?} does not say {words:?}");
        navvyd.signal("TERM");
        assert_eq!(navvyd.ended(), Some(0));
    }
}

#[test]
fn a_wrong_cookie_is_told_and_the_node_is_up() {
    let used = Used::new();
    used.fake.state().authorization = Some("something else".to_owned());
    used.assert_up_and_says("refuses our user and password");
    std::fs::remove_file(used.folder.path().join("cookie")).unwrap();
    used.assert_up_and_says("cannot read the cookie");
}

#[test]
fn a_bitcoind_in_its_first_download_is_told_and_the_node_is_up() {
    let used = Used::new();
    used.fake.state().downloading = Some(700_000);
    used.assert_up_and_says("is at block 3 of 700000");
}

#[test]
fn a_bitcoind_that_never_answers_does_not_keep_the_node_down() {
    let used = Used::new();
    for _ in 0..50 {
        used.fake.state().raw.push_back(Raw::Silence);
    }
    let mut navvyd = used.start();
    used.manager.wait("READY=1");
    used.manager.wait("STATUS=block ");
    navvyd.signal("TERM");
    assert_eq!(navvyd.ended(), Some(0));
}

#[test]
fn another_network_is_17_at_the_start_and_an_outage_later() {
    let used = Used::new();
    let mut navvyd = used.start();
    used.manager.wait("STATUS=block 3, synced");
    used.fake.state().network = "main";
    let status = used.manager.wait("no news of the chain: ");
    assert!(status.contains("follows the network \"main\""), "{status}");
    used.fake.state().network = "regtest";
    used.manager.wait("STATUS=block 3, synced");
    navvyd.signal("TERM");
    assert_eq!(navvyd.ended(), Some(0));

    used.fake.state().network = "main";
    assert_eq!(used.start().ended(), Some(17));
    let said = std::fs::read_to_string(used.folder.path().join("stderr")).unwrap();
    let line = said.lines().last().unwrap();
    assert!(line.starts_with("navvyd: the chain backend follows the network \"main\""), "{line}");
}
