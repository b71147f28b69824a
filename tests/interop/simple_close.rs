//! `option_simple_close` with a real LND, whose feerate is held at 1 sat/vB: whoever closes pays for its own
//! transaction, and may pay more later.

use crate::fee_server::FeeServer;
use crate::lnd::Lnd;
use crate::navvyd::Close;
use crate::peer::{Open, Peer, Standing};
use crate::process::wait_for;
use crate::world::{Wish, World};
use serde_json::Value;

/// Both offer bit 61.
fn world() -> World<Lnd> {
    let wish = FeeServer::start(1).wish();
    let options = [wish.peer_options, &["--protocol.rbf-coop-close"]].concat();
    World::with(Wish { navvyd_options: &["--simple-close"], peer_options: options.leak(), ..wish })
}

/// A channel of a million, a fifth of which is LND's.
fn opened(world: &World<Lnd>, announce: bool) -> Value {
    let open = Open { push_sat: 200_000, announce, ..world.open_to_peer() };
    world.navvyd.open("simple", &open);
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    world.wait_peer_active();
    world.navvyd.wait_state("Normal")["channel_point"].clone()
}

/// Before its graph has the channel LND answers a simple close with an `error`.
fn is_in_graph(world: &World<Lnd>, point: &Value) {
    wait_for("lnd's graph to have the channel", || {
        let graph = world.peer.call(&["describegraph", "--include_unannounced"]);
        let has = |edge: &Value| edge["chan_point"] == *point;
        graph["edges"].as_array()?.iter().any(has).then_some(())
    });
}

/// Waits until the only transaction in the mempool pays a fee like this, in satoshi.
fn wait_fee(world: &World<Lnd>, what: &str, wanted: impl Fn(u64) -> bool) -> u64 {
    wait_for(&format!("a close that pays {what}"), || {
        let [txid] = <[String; 1]>::try_from(world.bitcoind.mempool()).ok()?;
        let entry = world.bitcoind.call(&["getmempoolentry", &txid]);
        let fee = (entry["fees"]["base"].as_f64()? * 1e8).round() as u64;
        wanted(fee).then_some(fee)
    })
}

fn is_closed_together(world: &World<Lnd>) {
    world.mine(6);
    assert_eq!(world.navvyd.wait_state("Closed")["ending"], "mutual close");
    println!("lnd: {}", world.wait_peer(Standing::Closed).ending);
    world.check_sum(0);
}

/// T28: 2, 10 and 20 sat/vB, one after the other.
#[test]
fn a_simple_close_with_lnd_is_raised_twice() {
    let world = world();
    let point = opened(&world, false);
    is_in_graph(&world, &point);
    let mut fees = Vec::new();
    for sat_per_kw in [500, 2_500, 5_000] {
        world.navvyd.close(&point, Close { force: false, sat_per_kw });
        let least = fees.last().copied().unwrap_or(0);
        let wanted = u64::from(sat_per_kw) * 600 / 1_000;
        fees.push(wait_fee(&world, "more", |fee| fee > least && fee >= wanted));
    }
    println!("fees: {fees:?}");
    is_closed_together(&world);
    world.peer.print_transcript();
}

/// T29: LND asks; its transaction and ours, which we do not offer, are one.
#[test]
fn a_simple_close_that_lnd_asks_for_costs_us_nothing() {
    let world = world();
    let point = opened(&world, false);
    is_in_graph(&world, &point);
    let point = point.as_str().expect("a channel point");
    let before = world.navvyd.confirmed();
    world.peer.close(point).expect("a close");
    let fee = wait_fee(&world, "5 sat/vB", |fee| fee > 600);
    is_closed_together(&world);
    println!("fee: {fee}");
    assert_eq!(world.navvyd.confirmed(), before + 800_000, "LND pays for what it wants");
    world.peer.print_transcript();
}

/// T30: a public channel in its first seconds; what LND's error says is over with the next connection.
#[test]
fn a_simple_close_right_after_channel_ready_ends_together() {
    let world = world();
    let open = Open { push_sat: 200_000, announce: true, ..world.open_to_peer() };
    world.navvyd.open("simple", &open);
    world.bitcoind.wait_mempool(1);
    world.mine(3);
    let point = world.navvyd.wait_state("Normal")["channel_point"].clone();
    world.navvyd.close(&point, Close { force: false, sat_per_kw: 500 });
    wait_fee(&world, "2 sat/vB", |fee| fee > 250);
    is_closed_together(&world);
    world.navvyd.print_transcript();
    world.peer.print_transcript();
}
