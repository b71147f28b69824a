//! Two navvyds and a real Bitcoin Core that goes away, comes back as another one, changes its mind, has pruned
//! what is needed, or is the wrong one.

use crate::bitcoind::Bitcoind;
use crate::gate::Gate;
use crate::navvyd::{Close, Navvyd};
use crate::peer::Open;
use crate::process::wait_for;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// The two, and the chain. Alice has a ripe coin of 50 bitcoin and reaches bitcoind through a gate.
struct Pair {
    bitcoind: Bitcoind,
    gate: Gate,
    alice: Navvyd,
    bob: Navvyd,
    _folder: TempDir,
}

impl Pair {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let bitcoind = Bitcoind::start_with_cookie(folder.path(), &[]);
        bitcoind.mine(1);
        let gate = Gate::start(bitcoind.port);
        let [alice, bob] = [("alice", gate.port), ("bob", bitcoind.port)]
            .map(|(name, port)| start(folder.path(), name, port, &bitcoind));
        bitcoind.mine_to(1, &alice.new_address());
        bitcoind.mine(100);
        let pair = Self { bitcoind, gate, alice, bob, _folder: folder };
        pair.settle();
        pair
    }

    /// Waits until both have followed the chain to its end.
    fn settle(&self) {
        let height = self.bitcoind.height();
        for navvyd in [&self.alice, &self.bob] {
            navvyd.wait_height(height);
            navvyd.wait_synced();
        }
    }

    fn mine(&self, blocks: u32) {
        self.bitcoind.mine(blocks);
        self.settle();
    }

    fn open(&self, request: &str) {
        self.alice.open(request, &wish(&self.bob.node_id, &self.bob.address));
    }

    /// An open channel; its funding outpoint.
    fn channel(&self) -> Value {
        self.open("channel");
        self.bitcoind.wait_mempool(1);
        self.mine(6);
        let point = self.alice.wait_state("Normal")["channel_point"].clone();
        self.bob.wait_channel_state(&point, "Normal");
        point
    }

    /// Waits until both say that the funding transaction is there.
    fn wait_position(&self, point: &Value, position: &str) -> [Value; 2] {
        [&self.alice, &self.bob].map(|navvyd| {
            navvyd.wait_channel(point, |channel| channel["funding"]["position"] == position)
        })
    }
}

/// A navvyd that logs in with the cookie, once it follows the chain.
fn start(folder: &Path, name: &str, port: u16, bitcoind: &Bitcoind) -> Navvyd {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let address = format!("127.0.0.1:{port}");
    let cookie = bitcoind.cookie().display().to_string();
    let flags = ["--bitcoind", &address, "--bitcoind-cookie", &cookie];
    let mut navvyd = Navvyd::launch(&folder, &flags);
    navvyd.learn_node_id();
    navvyd
}

/// An open of a million satoshi, a fifth of it a gift.
fn wish(node_id: &str, address: &str) -> Open {
    Open {
        node_id: node_id.to_owned(),
        address: address.to_owned(),
        funding_sat: 1_000_000,
        push_sat: 200_000,
        announce: false,
        channel_type: None,
        sat_per_kw: None,
        force: false,
    }
}

#[test]
fn bitcoind_dies_before_funding_signed_and_the_open_is_tried_again() {
    let mut pair = Pair::new();
    pair.gate.close(&["testmempoolaccept"]);
    pair.open("early");
    pair.gate.wait_held();
    pair.alice.wait_state("WaitForTests");
    pair.bitcoind.stop();
    let problem = pair.alice.wait_problem("is it running");
    println!("alice says: {problem}");
    pair.gate.open();
    // The attempt ends with its leases, and the open waits.
    let request = wait_for("the attempt to end", || {
        let is_over = pair.alice.channels().is_empty() && pair.alice.leased() == 0;
        is_over.then(|| pair.alice.request("early"))
    });
    println!("the open: {request}");
    let another = wish(&pair.bob.node_id, &pair.bob.address);
    let refused = pair.alice.try_open("another", &another).expect_err("no chain");
    println!("another one: {refused}");
    assert!(refused.contains("no open without a block chain"), "{refused}");
    pair.bitcoind.start_again(&[]);
    pair.alice.wait_request("early", "funded");
    pair.bitcoind.wait_mempool(1);
    pair.mine(6);
    pair.alice.wait_state("Normal");
    pair.bob.wait_state("Normal");
}

#[test]
fn bitcoind_dies_after_funding_signed_and_hears_of_the_open_when_it_is_back() {
    let mut pair = Pair::new();
    pair.gate.close(&["sendrawtransaction"]);
    pair.open("late");
    pair.gate.wait_held();
    let point = pair.alice.wait_state("WaitForChannelReady")["channel_point"].clone();
    pair.bitcoind.stop();
    pair.alice.wait_problem("is it running");
    pair.gate.open();
    // Both keep it, and neither says more than is true.
    for channel in pair.wait_position(&point, "unbroadcast") {
        assert_eq!(channel["state"], "WaitForChannelReady");
    }
    pair.bitcoind.start_again(&[]);
    let txid = pair.bitcoind.wait_mempool(1).remove(0);
    assert!(point.as_str().expect("an outpoint").starts_with(&txid));
    pair.wait_position(&point, "mempool");
    // It comes back without what its mempool held: it is told again.
    pair.bitcoind.restart_with(&["-persistmempool=0"]);
    pair.bitcoind.wait_mempool(1);
    pair.wait_position(&point, "mempool");
    pair.mine(6);
    pair.wait_position(&point, "confirmed");
    pair.alice.wait_state("Normal");
    pair.bob.wait_state("Normal");
}

#[test]
fn bitcoind_comes_back_with_a_new_cookie() {
    let mut pair = Pair::new();
    let read = |pair: &Pair| std::fs::read_to_string(pair.bitcoind.cookie()).expect("a cookie");
    let first = read(&pair);
    pair.bitcoind.restart_with(&[]);
    assert_ne!(read(&pair), first);
    // The thread that follows and the one that broadcasts both log in anew.
    pair.mine(1);
    let point = pair.channel();
    pair.alice.close(&point, Close { force: false, sat_per_kw: 2_500 });
    pair.bitcoind.wait_mempool(1);
    pair.mine(6);
    pair.alice.wait_channel_state(&point, "Closed");
}

#[test]
fn a_funding_block_is_reorganised_away_and_back_and_into_another_block() {
    let pair = Pair::new();
    let bitcoind = &pair.bitcoind;
    let point = pair.channel();
    let [before, _] = pair.wait_position(&point, "confirmed");
    let height = before["funding"]["height"].as_u64().expect("a height");
    let tip = bitcoind.height();
    let block = bitcoind.hash_at(height);

    // Away: another branch does not have it.
    bitcoind.call(&["invalidateblock", &block]);
    bitcoind.mine_empty();
    for channel in pair.wait_position(&point, "mempool") {
        assert_eq!(channel["short_channel_id"], Value::Null);
        assert_eq!(channel["state"], "Normal");
    }
    // Back: the old branch has more work.
    bitcoind.call(&["reconsiderblock", &block]);
    let back = pair.wait_position(&point, "confirmed");
    assert!(back.iter().all(|channel| channel["short_channel_id"] == before["short_channel_id"]));
    pair.settle();
    assert_eq!(bitcoind.height(), tip);

    // And into another block: of the other branch bitcoind has a block already.
    bitcoind.call(&["invalidateblock", &block]);
    bitcoind.mine_empty();
    bitcoind.mine_empty();
    pair.wait_position(&point, "mempool");
    bitcoind.wait_mempool(1);
    bitcoind.mine(6);
    pair.settle();
    for channel in pair.wait_position(&point, "confirmed") {
        assert_eq!(channel["funding"]["height"], height + 3);
        assert_ne!(channel["short_channel_id"], before["short_channel_id"]);
        assert_eq!(channel["state"], "Normal");
    }
    pair.alice.close(&point, Close { force: false, sat_per_kw: 2_500 });
    bitcoind.wait_mempool(1);
    pair.mine(6);
    pair.alice.wait_channel_state(&point, "Closed");
}

#[test]
fn a_navvyd_that_was_away_for_200_blocks_catches_up_with_what_was_closed_meanwhile() {
    let mut pair = Pair::new();
    let point = pair.channel();
    let before = pair.alice.confirmed();
    assert_eq!(pair.alice.stop(), Some(0));
    pair.bob.close(&point, Close { force: true, sat_per_kw: 2_500 });
    pair.bitcoind.wait_mempool(1);
    pair.bitcoind.mine(200);
    let begun = Instant::now();
    pair.alice.start_again();
    pair.alice.wait_height(pair.bitcoind.height());
    println!("caught up with 200 blocks in {:?}", begun.elapsed());
    let closing = pair.alice.wait_channel(&point, |channel| channel["sweep_txid"].is_string());
    println!("alice: {} by {}", closing["ending"], closing["closing_txid"]);
    pair.bitcoind.wait_mempool(1);
    pair.mine(6);
    let closed = pair.alice.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "the peer's commitment");
    let gained = pair.alice.confirmed() - before;
    assert!((790_000..800_660).contains(&gained), "{gained} sat came home");
}

#[test]
fn a_long_way_to_the_tip_is_short_and_said() {
    let folder = TempDir::new().expect("a folder");
    let bitcoind = Bitcoind::start_with_cookie(folder.path(), &[]);
    bitcoind.mine(1);
    let mut navvyd = start(folder.path(), "navvyd", bitcoind.port, &bitcoind);
    assert_eq!(navvyd.stop(), Some(0));
    for _ in 0..BLOCKS / 1_000 {
        bitcoind.mine(1_000);
    }
    let begun = Instant::now();
    navvyd.relaunch();
    let line = navvyd.wait_logged(&["following the chain", &format!("end={}", BLOCKS + 1)]);
    println!("on its way: {line}");
    let before = navvyd.megabytes();
    navvyd.wait_height(u64::from(BLOCKS) + 1);
    let (seconds, after) = (begun.elapsed().as_secs_f64(), navvyd.megabytes());
    println!(
        "{BLOCKS} blocks in {seconds:.1} s: {:.0} a second; {before:.0} MB, then {after:.0} MB",
        f64::from(BLOCKS) / seconds
    );
    assert!(after < before + 40.0, "{before} MB, then {after} MB");
    navvyd.wait_logged(&["followed the chain to its end"]);
}

#[test]
fn a_bitcoind_that_has_pruned_what_is_needed_is_told_what_to_do() {
    let folder = TempDir::new().expect("a folder");
    let bitcoind = Bitcoind::start_with_cookie(folder.path(), &["-fastprune", "-prune=1"]);
    bitcoind.mine(1);
    let mut navvyd = start(folder.path(), "navvyd", bitcoind.port, &bitcoind);
    bitcoind.mine_to(1, &navvyd.new_address());
    navvyd.wait_height(2);
    assert_eq!(navvyd.stop(), Some(0));
    bitcoind.mine(1_000);
    let pruned = bitcoind.call(&["pruneblockchain", "600"]);
    println!("bitcoind has pruned up to block {pruned}");
    navvyd.relaunch();
    let problem = navvyd.wait_problem("pruned");
    println!("navvyd says: {problem}");
    assert!(problem.contains("block 3,") && problem.contains("-reindex"), "{problem}");
    // It is up, and says what it knows.
    assert_eq!(navvyd.height(), 2);
    assert_eq!(navvyd.coins().len(), 1);
    let refused = navvyd.try_open("no", &wish(NODE_ID, "127.0.0.1:1")).expect_err("no chain");
    assert!(refused.contains("pruned"), "{refused}");
    assert_eq!(navvyd.stop(), Some(0));
}

#[test]
fn wrong_settings_are_named() {
    let folder = TempDir::new().expect("a folder");
    let bitcoind = Bitcoind::start_with_cookie(folder.path(), &[]);
    bitcoind.mine(300);
    let launch = |name: &str, flags: &[&str]| {
        let folder = folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Navvyd::launch(&folder, flags)
    };
    let address = format!("127.0.0.1:{}", bitcoind.port);
    let cookie = bitcoind.cookie().display().to_string();

    // The other network: an end, with a number of its own.
    let flags = ["--network", "signet", "--bitcoind", &address, "--bitcoind-cookie", &cookie];
    let mut signet = launch("signet", &flags);
    assert_eq!(signet.wait_end(), Some(17));
    let last = signet.log().lines().last().unwrap_or_default().to_owned();
    println!("signet: {last}");
    assert!(last.contains("\"regtest\"") && last.contains("signet"), "{last}");

    // The wrong password: it waits, and goes on when it is right.
    let file = folder.path().join("cookie");
    std::fs::write(&file, "__cookie__:wrong").expect("a file");
    let path = file.display().to_string();
    let mut navvyd = launch("login", &["--bitcoind", &address, "--bitcoind-cookie", &path]);
    let line = navvyd.wait_logged(&["401"]);
    println!("cookie: {line}");
    assert!(line.contains("refuses our user and password"), "{line}");
    std::fs::copy(bitcoind.cookie(), &file).expect("the right one");
    navvyd.learn_node_id();

    // Another chain of the same network, for a node that exists.
    let elsewhere = TempDir::new().expect("a folder");
    let other = Bitcoind::start_with_cookie(elsewhere.path(), &[]);
    other.mine(300);
    navvyd.wait_height(300);
    assert_eq!(navvyd.stop(), Some(0));
    std::fs::copy(other.cookie(), &file).expect("its cookie");
    navvyd.set_flag("--bitcoind", &format!("127.0.0.1:{}", other.port));
    navvyd.relaunch();
    let problem = navvyd.wait_problem("no block that we know");
    println!("another chain: {problem}");
    assert!(navvyd.height() > 155, "and keeps what it has");
}

/// So many are fast to mine.
const BLOCKS: u32 = 4_000;
/// Of nobody who listens.
const NODE_ID: &str = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
