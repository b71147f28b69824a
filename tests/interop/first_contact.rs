//! First contact: a channel each way with a real LND on a real Bitcoin Core, and every way out of it, to the
//! satoshi.

use crate::bitcoind::Bitcoind;
use crate::lnd::{Lnd, number};
use crate::navvyd::Navvyd;
use crate::process::wait_for;
use serde_json::{Value, json};
use tempfile::TempDir;

struct World {
    bitcoind: Bitcoind,
    lnd: Lnd,
    navvyd: Navvyd,
    _folder: TempDir,
}

impl World {
    /// A chain of which both have a ripe coin of 50 bitcoin.
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let bitcoind = Bitcoind::start(folder.path());
        bitcoind.mine(1);
        let navvyd = Navvyd::start(folder.path(), &bitcoind);
        let lnd = Lnd::start(folder.path(), &bitcoind);
        bitcoind.mine_to(1, &navvyd.new_address());
        bitcoind.mine_to(1, &lnd.new_address());
        bitcoind.mine(100);
        let world = Self { bitcoind, lnd, navvyd, _folder: folder };
        world.settle();
        assert_eq!((world.navvyd.confirmed(), world.lnd.confirmed()), (COIN, COIN));
        world
    }

    /// Waits until both have followed the chain to its end.
    fn settle(&self) {
        let height = self.bitcoind.height();
        self.navvyd.wait_height(height);
        wait_for("lnd to reach the tip", || {
            let info = self.lnd.call(&["getinfo"]);
            (number(&info["block_height"]) >= height && info["synced_to_chain"] == true)
                .then_some(())
        });
    }

    fn mine(&self, blocks: u32) {
        self.bitcoind.mine(blocks);
        self.settle();
    }

    /// navvyd opens; it is killed while the open is pending, dials again by itself and goes on.
    fn navvyd_opens(&mut self) -> Value {
        let answer = self.navvyd.ask(&json!({
            "command": "open",
            "request": "first-contact",
            "node_id": self.lnd.node_id,
            "address": self.lnd.address,
            "funding_sat": 1_000_000,
            "push_sat": 200_000,
        }));
        assert_eq!(answer["error"], Value::Null, "{answer}");
        self.bitcoind.wait_mempool(1);
        self.lnd.wait_pending(&self.navvyd.node_id);
        self.navvyd.kill_and_start();
        wait_for("navvyd to be connected again", || {
            self.navvyd.channels().into_iter().find(|channel| channel["connected"] == true)
        });
        self.mine(6);
        let channel = self.lnd.wait_active(&self.navvyd.node_id);
        assert_eq!(number(&channel["local_balance"]), 200_000);
        assert_eq!(
            number(&channel["remote_balance"]),
            800_000 - number(&channel["commit_fee"]) - ANCHORS
        );
        self.navvyd.wait_state("Normal")
    }

    /// LND opens, with a push.
    fn lnd_opens(&mut self) -> Value {
        self.lnd.call(&[
            "openchannel",
            &format!("--node_key={}", self.navvyd.node_id),
            &format!("--connect={}", self.navvyd.address),
            "--local_amt=1000000",
            "--push_amt=300000",
            "--sat_per_vbyte=5",
        ]);
        self.bitcoind.wait_mempool(1);
        self.navvyd.wait_state("WaitForChannelReady");
        self.navvyd.kill_and_start();
        wait_for("lnd to be connected again", || {
            self.navvyd.channels().into_iter().find(|channel| channel["connected"] == true)
        });
        self.mine(6);
        let channel = self.lnd.wait_active(&self.navvyd.node_id);
        assert_eq!(number(&channel["remote_balance"]), 300_000);
        self.navvyd.wait_state("Normal")
    }

    fn close(&self, channel: &Value, force: bool) {
        let answer = self.navvyd.ask(&json!({
            "command": "close",
            "channel_point": channel["channel_point"],
            "force": force,
            "sat_per_kw": 2_500,
        }));
        assert_eq!(answer, json!({"done": true}));
    }

    /// The sum of the fees of all transactions since `height`.
    fn fees_since(&self, height: u64) -> u64 {
        let fees = self.bitcoind.fees_since(height);
        for (txid, fee) in &fees {
            println!("fee {fee:>6} sat of {txid}");
        }
        fees.values().sum()
    }

    /// Both wallets together have what they had, less the fees; and anchors that nobody wanted.
    fn check_sum(&self, start: u64, left_behind: u64) {
        let fees = self.fees_since(start);
        let (navvyd, lnd) = (self.navvyd.confirmed(), self.lnd.confirmed());
        println!("navvyd {navvyd} + lnd {lnd} + fees {fees} + anchors {left_behind}");
        assert_eq!(navvyd + lnd + fees + left_behind, 2 * COIN);
    }
}

#[test]
fn navvyd_opens_to_lnd_is_killed_and_closes_together() {
    let mut world = World::new();
    let start = world.bitcoind.height() + 1;
    let channel = world.navvyd_opens();
    world.close(&channel, false);
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "mutual close");
    let point = channel["channel_point"].as_str().expect("a channel point");
    let theirs = world.lnd.wait_closed(point);
    assert_eq!(theirs["close_type"], "COOPERATIVE_CLOSE");
    assert_eq!(world.lnd.confirmed(), COIN + 200_000);
    world.check_sum(start, 0);
    assert_eq!(world.navvyd.stop(), Some(0));
    world.navvyd.print_transcript();
    world.lnd.print_transcript();
}

#[test]
fn lnd_opens_to_navvyd_with_a_push_and_closes_together() {
    let mut world = World::new();
    let start = world.bitcoind.height() + 1;
    let channel = world.lnd_opens();
    let point = channel["channel_point"].as_str().expect("a channel point").to_owned();
    world.lnd.call(&["closechannel", &format!("--chan_point={point}"), "--sat_per_vbyte=5"]);
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    assert_eq!(world.navvyd.wait_state("Closed")["ending"], "mutual close");
    assert_eq!(world.lnd.wait_closed(&point)["close_type"], "COOPERATIVE_CLOSE");
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000);
    world.check_sum(start, 0);
}

#[test]
fn lnd_closes_by_force_and_navvyd_sweeps() {
    let mut world = World::new();
    let start = world.bitcoind.height() + 1;
    let channel = world.lnd_opens();
    let point = channel["channel_point"].as_str().expect("a channel point").to_owned();
    world.lnd.call(&["closechannel", "--force", &format!("--chan_point={point}")]);
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    wait_for("navvyd to sweep", || {
        let channel = world.navvyd.wait_state("Closing");
        channel["sweep_txid"].as_str().map(str::to_owned)
    });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "the peer's commitment");
    let sweep = closed["sweep_txid"].as_str().expect("a sweep");
    let fee = world.bitcoind.fees_since(start)[sweep];
    // Our anchor came along with our money.
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000 + ANCHORS / 2 - fee);
}

#[test]
fn navvyd_closes_by_force_with_a_package_and_sweeps_after_the_delay() {
    let mut world = World::new();
    let start = world.bitcoind.height() + 1;
    let channel = world.navvyd_opens();
    world.close(&channel, true);
    let package = world.bitcoind.wait_mempool(2);
    println!("the package: {package:?}");
    world.mine(1);
    world.navvyd.wait_state("Closing");
    world.mine(144);
    wait_for("navvyd to sweep", || {
        let channel = world.navvyd.wait_state("Closing");
        channel["sweep_txid"].as_str().map(str::to_owned)
    });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "our commitment");
    let point = channel["channel_point"].as_str().expect("a channel point");
    let theirs = world.lnd.wait_closed(point);
    assert_eq!(theirs["close_type"], "REMOTE_FORCE_CLOSE");
    // LND leaves its anchor: it pays no more than 330 sat for it at its estimate.
    world.check_sum(start, ANCHORS / 2);
}

/// What both have in the beginning, in satoshi.
const COIN: u64 = 5_000_000_000;
/// Both anchors, in satoshi.
const ANCHORS: u64 = 660;
