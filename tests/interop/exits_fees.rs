//! Closes between sides that have far-apart ideas of a fee. The operator's limit holds in all of them.

use crate::exits::text;
use crate::fee_server::FeeServer;
use crate::ldk::Ldk;
use crate::lnd::Lnd;
use crate::peer::{Open, Peer};
use crate::proxy::{End, Proxy, Side, number};
use crate::world::World;
use serde_json::Value;

/// T23: navvyd opened and pays 2 sat/vB at most. LND begins at 25 and at 100 sat/vB, and comes down all the way.
#[test]
fn lnd_comes_down_to_the_limit_of_navvyd() {
    let fees = FeeServer::start(25);
    let world = World::<Lnd>::with(fees.wish());
    for (name, sat_per_vbyte) in [("dear", 25), ("dearer", 100)] {
        fees.set(sat_per_vbyte);
        let point = world.navvyd_opens(name, 200_000);
        world.navvyd.close_within(&point, 500, 500);
        let fee = agreed_fee(&world, &point);
        println!("LND wanted {sat_per_vbyte} sat/vB, the limit was 2: {fee:?}");
        assert!(fee.sat_per_kw() <= 500, "{fee:?}");
        world.check_sum(0);
    }
}

/// The limit lies between both wishes: what LND asks for first is above it, what it comes down to is not.
#[test]
fn navvyd_takes_what_lnd_comes_down_to_within_the_limit() {
    let fees = FeeServer::start(25);
    let world = World::<Lnd>::with(fees.wish());
    let point = world.navvyd_opens("between", 200_000);
    world.navvyd.close_within(&point, 500, 2_500);
    let fee = agreed_fee(&world, &point);
    println!("asked for 2, limit 10, LND 25 sat/vB: {fee:?}");
    assert!(fee.sat_per_kw() <= 2_500, "{fee:?}");
    world.check_sum(0);
}

/// T25: LND's answer to the first offer is on its way when the connection ends and the process dies. Afterwards LND
/// begins again at its own estimate, and the limit still holds.
#[test]
fn the_limit_outlives_a_restart_in_the_middle() {
    let fees = FeeServer::start(100);
    let mut world = World::<Lnd>::with(fees.wish());
    let navvyd =
        End { node_id: world.navvyd.node_id.clone(), address: world.navvyd.address.clone() };
    let peer = End { node_id: world.peer.node_id(), address: world.peer.address() };
    let proxy = Proxy::start(&navvyd, &peer);
    let (node_id, address) = (proxy.node_id.clone(), proxy.for_navvyd.clone());
    let open = Open { node_id, address, push_sat: 200_000, ..world.open_to_peer() };
    let point = world.navvyd_opens_to("restart", &open);
    proxy.hold(Side::Peer, number("closing_signed"));
    world.navvyd.close_within(&point, 500, 1_250);
    proxy.wait_held();
    world.navvyd.kill();
    proxy.cut();
    proxy.mend();
    world.navvyd.start_again();
    let fee = agreed_fee(&world, &point);
    println!("killed in the middle, limit 5, LND 100 sat/vB: {fee:?}");
    assert!(fee.sat_per_kw() <= 1_250, "{fee:?}");
    world.check_sum(0);
}

/// T24: LND opened and closes at 1 sat/vB: that relays, so navvyd signs it at once.
#[test]
fn navvyd_signs_a_cheap_close_of_lnd() {
    let world = World::<Lnd>::new();
    let point = world.peer_opens(200_000);
    let chan_point = format!("--chan_point={}", text(&point));
    world.peer.call(&["closechannel", &chan_point, "--sat_per_vbyte=1"]);
    let fee = agreed_fee(&world, &point);
    println!("LND closes at 1 sat/vB: {fee:?}");
    assert!(fee.sat_per_kw() < 300, "{fee:?}");
    world.check_sum(0);
}

/// LND opened and pays 100 sat/vB for it: its money, its choice.
#[test]
fn navvyd_signs_a_dear_close_of_lnd() {
    let world = World::<Lnd>::new();
    let point = world.peer_opens(200_000);
    let chan_point = format!("--chan_point={}", text(&point));
    world.peer.call(&["closechannel", &chan_point, "--sat_per_vbyte=100"]);
    let fee = agreed_fee(&world, &point);
    println!("LND closes at 100 sat/vB: {fee:?}");
    assert!(fee.sat_per_kw() > 20_000, "{fee:?}");
    world.check_sum(0);
}

/// LDK as accepter takes the top of navvyd's `fee_range`: that is why the limit is not in it.
#[test]
fn ldk_takes_what_navvyd_offers_and_no_more() {
    let world = World::<Ldk>::new();
    for (name, asked, limit) in [("low", 500, 50_000), ("middle", 2_500, 50_000)] {
        let point = world.navvyd_opens(name, 200_000);
        world.navvyd.close_within(&point, asked, limit);
        let fee = agreed_fee(&world, &point);
        println!("asked for {asked}, limit {limit} sat/kw: {fee:?}");
        assert!(fee.sat_per_kw() <= u64::from(asked) + 10, "{fee:?}");
        world.check_sum(0);
    }
}

/// LDK opened: navvyd signs its first offer, whatever its own wish.
#[test]
fn navvyd_signs_what_ldk_offers() {
    let world = World::<Ldk>::new();
    let point = world.peer_opens(200_000);
    world.navvyd.close_within(&point, 10_000, 10_000);
    let fee = agreed_fee(&world, &point);
    println!("LDK opened, navvyd asked for 40 sat/vB: {fee:?}");
    assert!(fee.sat_per_kw() <= 550, "{fee:?}");
    world.check_sum(0);
}

/// The fee of the closing transaction.
#[derive(Debug)]
struct AgreedFee {
    sat: u64,
    weight: u64,
}

impl AgreedFee {
    /// Fees are agreed for signatures of the greatest length: either may be up to two bytes shorter.
    fn sat_per_kw(&self) -> u64 {
        self.sat * 1_000 / (self.weight + 4)
    }
}

fn agreed_fee<P: Peer>(world: &World<P>, point: &Value) -> AgreedFee {
    let closed = world.closes(point, "mutual close");
    let txid = text(&closed["closing_txid"]);
    AgreedFee { sat: world.fee_of(txid), weight: world.bitcoind.weight(txid) }
}
