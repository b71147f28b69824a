//! Closes by force, from either side, and what may happen until the last coin is home.

use crate::exits::text;
use crate::navvyd::Close;
use crate::peer::{Peer, Standing, scenarios};
use crate::process::wait_for;
use crate::world::{ANCHORS, COIN, World};
use serde_json::Value;

scenarios!(
    the_peer_closes_by_force_and_navvyd_is_restarted_with_every_block,
    navvyd_closes_by_force_and_is_restarted_around_its_delay,
    navvyd_closes_by_force_with_nothing_to_win,
    the_peer_closes_by_force_while_navvyd_is_off_for_200_blocks,
);

/// T48, T49: their commitment, our sweep; the process dies once for each block.
fn the_peer_closes_by_force_and_navvyd_is_restarted_with_every_block<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.peer_opens(300_000);
    world.force_closed_by_peer(&point);
    for _ in 0..8 {
        world.mine(1);
        world.navvyd.kill_and_start();
    }
    let sweep = text(&world.navvyd.wait_channel_state(&point, "Closed")["sweep_txid"]).to_owned();
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000 + ANCHORS / 2 - world.fee_of(&sweep));
    world.peer_comes_home(&point, 144);
    // Whether the peer fetches its own anchor is its business.
    world.check_sum_with_anchor();
}

/// T42, T49: our commitment with its child, our sweep after the delay.
fn navvyd_closes_by_force_and_is_restarted_around_its_delay<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("force", 200_000);
    world.navvyd.close(&point, FORCE);
    world.bitcoind.wait_mempool(2);
    world.navvyd.kill_and_start();
    world.mine(1);
    world.navvyd.kill_and_start();
    world.mine(142);
    for _ in 0..9 {
        world.navvyd.kill_and_start();
        world.mine(1);
    }
    let closed = world.navvyd.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "our commitment");
    world.peer_comes_home(&point, 12);
    world.check_sum_with_anchor();
}

/// T44: nothing of the channel is ours, and still the peer must get its money.
fn navvyd_closes_by_force_with_nothing_to_win<P: Peer>() {
    let world = World::<P>::new();
    let point = world.peer_opens(0);
    world.navvyd.close(&point, FORCE);
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "our commitment");
    assert_eq!(world.navvyd.confirmed(), COIN);
    world.peer_comes_home(&point, 12);
    world.check_sum_with_anchor();
}

/// T50: the whole end of the channel, and much more, happened while we were away.
fn the_peer_closes_by_force_while_navvyd_is_off_for_200_blocks<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("away", 200_000);
    world.navvyd.kill();
    world.peer.force_close(text(&point)).expect("a close");
    world.bitcoind.wait_mempool(1);
    world.bitcoind.mine(200);
    world.navvyd.start_again();
    world.settle();
    wait_for("navvyd to sweep", || {
        world.navvyd.wait_channel_state(&point, "Closing")["sweep_txid"].as_str().map(|_| ())
    });
    let closed = world.closes(&point, "the peer's commitment");
    let sweep = text(&closed["sweep_txid"]);
    println!("swept for {} sat", world.fee_of(sweep));
    world.peer_comes_home(&point, 160);
    world.check_sum_with_anchor();
}

impl<P: Peer> World<P> {
    /// The peer's commitment is in a block. navvyd does not run while it happens: LDK says `error`, and in
    /// answer to it our own commitment, with its child, would take the place of LDK's in the mempool.
    pub fn force_closed_by_peer(&mut self, point: &Value) {
        self.navvyd.kill();
        self.peer.force_close(text(point)).expect("a close");
        self.bitcoind.wait_mempool(1);
        self.bitcoind.mine(1);
        self.navvyd.start_again();
        self.settle();
    }

    /// Blocks until the peer has swept what is its own, at most so many.
    pub fn peer_comes_home(&self, point: &Value, most: u32) {
        let is_closed = || {
            let mut channels = self.peer.channels().into_iter();
            channels.any(|c| *point == c.channel_point.as_str() && c.standing == Standing::Closed)
        };
        for _ in 0..most.div_ceil(6) {
            if is_closed() {
                break;
            }
            self.mine(6);
        }
        wait_for("the peer to have swept all", || {
            self.settle();
            is_closed().then_some(())
        });
        // What it swept last is in a block.
        self.mine(6);
    }

    /// Blocks until both wallets have all that is not a fee or an anchor: a delay of 144, and a few more.
    pub fn all_comes_home(&self) {
        self.mine(150);
        for _ in 0..5 {
            self.mine(6);
            if is_known(self.missing(), 0) {
                break;
            }
        }
        self.check_sum_with_anchor();
    }

    /// What both together lack of what they had, less the fees.
    pub fn missing(&self) -> u64 {
        let (navvyd, peer, fees) = (self.navvyd.confirmed(), self.peer.confirmed(), self.fees());
        let left = 2 * COIN - navvyd - peer - fees;
        println!("navvyd {navvyd} + {} {peer} + fees {fees} + left {left}", P::NAME);
        left
    }

    /// The sum, whether or not somebody fetched the peer's anchor.
    pub fn check_sum_with_anchor(&self) {
        self.check_sum_but(0);
    }

    /// The same, and the peer may have left something else behind.
    pub fn check_sum_but(&self, other: u64) {
        let left = self.missing();
        assert!(is_known(left, other), "{left} sat are missing");
    }
}

/// Nothing, one anchor or both; and perhaps what else is known to be left behind.
fn is_known(left: u64, other: u64) -> bool {
    [0, ANCHORS / 2, ANCHORS].iter().any(|anchors| left == *anchors || left == other + anchors)
}

/// By force, at ten times the feerate that everybody relays.
pub const FORCE: Close = Close { force: true, sat_per_kw: 2_500 };
