//! Closes that both sides agree on.

use crate::navvyd::Close;
use crate::peer::{Open, Peer, PeerChannel, Standing, scenarios};
use crate::process::wait_for;
use crate::world::World;
use serde_json::Value;

scenarios!(
    closes_are_mutual_whoever_asks_and_whoever_opened,
    both_ask_at_the_same_time,
    dust_of_the_peer_is_left_to_the_fee,
    dust_of_navvyd_is_left_to_the_fee,
    a_peer_that_goes_away_after_shutdown_is_waited_for,
);

/// The two that `first_contact` leaves out: each asks for the close of the channel that the other opened.
fn closes_are_mutual_whoever_asks_and_whoever_opened<P: Peer>() {
    let world = World::<P>::new();
    let point = world.navvyd_opens("first", 200_000);
    world.peer.close(text(&point)).expect("a close");
    world.closes(&point, "mutual close");
    world.check_sum(0);

    let point = world.peer_opens(300_000);
    world.navvyd.close(&point, COOPERATIVE);
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

/// Both `shutdown` are on their way at once: one transaction, and neither side is upset.
fn both_ask_at_the_same_time<P: Peer>() {
    let world = World::<P>::new();
    for round in 0..3 {
        let point = if round == 1 {
            world.peer_opens(200_000)
        } else {
            world.navvyd_opens(&format!("round {round}"), 200_000)
        };
        let peer = &world.peer;
        std::thread::scope(|scope| {
            let theirs = scope.spawn(|| peer.close(text(&point)));
            let ours = world.navvyd.try_close(&point, COOPERATIVE);
            // One that comes late may be told that it is closing already.
            let theirs = theirs.join().expect("a thread");
            println!("navvyd: {ours:?}, {}: {theirs:?}", P::NAME);
            assert!(ours.is_ok() || theirs.is_ok());
        });
        world.closes(&point, "mutual close");
        world.check_sum(0);
    }
}

/// The peer, as accepter, has so little that it may not be worth an output.
fn dust_of_the_peer_is_left_to_the_fee<P: Peer>() {
    let world = World::<P>::new();
    for dust in DUST {
        if P::NAME == "ldk" && *dust == DUST_LIMIT {
            continue;
        }
        let point = world.navvyd_opens(&format!("dust {dust}"), *dust);
        world.navvyd.close(&point, COOPERATIVE);
        check_dust(&world, &point, *dust);
    }
}

/// navvyd, as accepter, has so little.
fn dust_of_navvyd_is_left_to_the_fee<P: Peer>() {
    let world = World::<P>::new();
    for dust in DUST {
        let point = world.peer_opens(*dust);
        world.peer.close(text(&point)).expect("a close");
        check_dust(&world, &point, *dust);
    }
}

/// LDK as accepter with exactly its dust limit: it would leave its output out, which LND would not, and it takes
/// no other closing transaction. It closes by force, and all but its dust comes home.
#[test]
fn ldk_closes_by_force_over_exactly_its_dust_limit() {
    let world = World::<crate::ldk::Ldk>::new();
    let point = world.navvyd_opens("dust", DUST_LIMIT);
    world.navvyd.close(&point, COOPERATIVE);
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    let closing = world.navvyd.wait_channel(&point, |channel| channel["sweep_txid"].is_string());
    assert_eq!(closing["ending"], "the peer's commitment");
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_channel(&point, |channel| channel["state"] == "Closed");
    println!("ldk: 354 sat of the accepter: swept in {}", closed["sweep_txid"]);
    world.mine(150);
    world.check_sum_but(DUST_LIMIT);
}

fn check_dust<P: Peer>(world: &World<P>, point: &Value, dust: u64) {
    let closed = world.closes(point, "mutual close");
    let txid = text(&closed["closing_txid"]);
    let outputs = world.bitcoind.outputs(txid);
    println!("{}: {dust} sat of the accepter: outputs {outputs:?}", P::NAME);
    let kept = outputs.iter().filter(|output| **output == dust).count();
    assert_eq!(outputs.len() - kept, 1, "the opener's output");
    // Exactly at the limit the two sides may differ: LDK drops it, LND keeps it.
    if dust != DUST_LIMIT {
        assert_eq!(kept == 1, dust > DUST_LIMIT);
    }
    world.check_sum(0);
}

/// navvyd says since when it waits, and goes on when the peer is back.
fn a_peer_that_goes_away_after_shutdown_is_waited_for<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("waits", 200_000);
    world.peer.kill();
    world.navvyd.wait_channel(&point, |channel| channel["connected"] == false);
    world.navvyd.close(&point, COOPERATIVE);
    world.navvyd.wait_channel(&point, |channel| channel["state"] == "ShuttingDown");
    world.navvyd.kill_and_start();
    world.navvyd.wait_channel(&point, |channel| channel["state"] == "ShuttingDown");
    assert_eq!(world.bitcoind.mempool().len(), 0, "nothing is broadcast without the peer");
    world.peer.start_again();
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

impl<P: Peer> World<P> {
    /// navvyd opens a channel of a million satoshi, and both can use it. Its channel point.
    pub fn navvyd_opens(&self, name: &str, push_sat: u64) -> Value {
        self.navvyd_opens_to(name, &Open { push_sat, ..self.open_to_peer() })
    }

    /// The same, perhaps through a man in the middle.
    pub fn navvyd_opens_to(&self, name: &str, open: &Open) -> Value {
        self.navvyd.open(name, open);
        self.bitcoind.wait_mempool(1);
        let channel = wait_for("navvyd to list the channel", || {
            self.navvyd.channels().into_iter().find(|c| c["request"] == name)
        });
        self.becomes_open(channel["channel_point"].clone())
    }

    /// The peer opens one.
    pub fn peer_opens(&self, push_sat: u64) -> Value {
        let before = self.navvyd.channels();
        let known = |point: &Value| before.iter().any(|known| known["channel_point"] == *point);
        self.peer.open(&Open { push_sat, ..self.open_to_navvyd() }).expect("an open");
        self.bitcoind.wait_mempool(1);
        let channel = wait_for("navvyd to list the channel", || {
            self.navvyd.channels().into_iter().find(|c| !known(&c["channel_point"]))
        });
        self.becomes_open(channel["channel_point"].clone())
    }

    /// The open is in the mempool: it confirms, and both sides can use the channel.
    pub fn becomes_open(&self, point: Value) -> Value {
        self.mine(6);
        self.navvyd.wait_channel(&point, |channel| channel["state"] == "Normal");
        self.wait_peer_channel(&point, "active", |channel| channel.active);
        point
    }

    /// What ends the channel was broadcast: it confirms, and both sides say that it is over.
    pub fn closes(&self, point: &Value, ending: &str) -> Value {
        wait_for("what ends the channel, in the mempool or in a block", || {
            let in_block = |channel: &Value| {
                channel["channel_point"] == *point && !channel["ending"].is_null()
            };
            let is_there =
                !self.bitcoind.mempool().is_empty() || self.navvyd.channels().iter().any(in_block);
            is_there.then_some(())
        });
        self.mine(6);
        self.is_closed(point, ending)
    }

    /// Both sides say that it is over.
    pub fn is_closed(&self, point: &Value, ending: &str) -> Value {
        let closed = self.navvyd.wait_channel(point, |channel| channel["state"] == "Closed");
        assert_eq!(closed["ending"], ending);
        let theirs = self.wait_peer_closed(point);
        println!("{}: {}", P::NAME, theirs.ending);
        closed
    }

    fn wait_peer_closed(&self, point: &Value) -> PeerChannel {
        let closed = |channel: &PeerChannel| channel.standing == Standing::Closed;
        self.wait_peer_channel(point, "closed", closed)
    }
}

/// A text of an answer.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// At ten times the feerate that everybody relays.
pub const COOPERATIVE: Close = Close { force: false, sat_per_kw: 2_500 };

/// What is pushed, in satoshi: nothing, and around the dust limit of both sides.
const DUST: &[u64] = &[0, 300, 353, 354, 355];
/// BOLT 3: the smallest limit for segwit outputs, in satoshi, which both sides have.
const DUST_LIMIT: u64 = 354;
