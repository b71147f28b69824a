//! First contact: a channel each way with a real peer on a real Bitcoin Core, and every way out of it, to the
//! satoshi.

use crate::navvyd::Close;
use crate::peer::{Open, Peer, PeerChannel, Standing, scenarios};
use crate::process::wait_for;
use crate::world::{ANCHORS, COIN, World};
use serde_json::Value;

scenarios!(
    navvyd_opens_is_killed_and_closes_together,
    the_peer_opens_with_a_push_and_closes_together,
    the_peer_closes_by_force_and_navvyd_sweeps,
    navvyd_closes_by_force_with_a_package_and_sweeps_after_the_delay,
);

/// navvyd opens; it is killed while the open is pending, dials again by itself and goes on.
fn navvyd_opens<P: Peer>(world: &mut World<P>) -> Value {
    let open = Open { push_sat: 200_000, ..world.open_to_peer() };
    world.navvyd.open("first-contact", &open);
    world.bitcoind.wait_mempool(1);
    world.wait_peer(Standing::Pending);
    world.navvyd.kill_and_start();
    world.navvyd.wait_connected();
    world.mine(6);
    let channel = world.wait_peer_active();
    assert_eq!(channel.local_sat, 200_000);
    assert_eq!(channel.remote_sat, 800_000 - channel.commit_fee_sat - ANCHORS);
    world.navvyd.wait_state("Normal")
}

/// The peer opens, with a push.
fn the_peer_opens<P: Peer>(world: &mut World<P>) -> PeerChannel {
    let open = Open { push_sat: 300_000, ..world.open_to_navvyd() };
    world.peer.open(&open).expect("an open");
    world.bitcoind.wait_mempool(1);
    world.navvyd.wait_state("WaitForChannelReady");
    world.navvyd.kill_and_start();
    world.navvyd.wait_connected();
    world.mine(6);
    world.navvyd.wait_state("Normal");
    let channel = world.wait_peer_active();
    assert_eq!(channel.remote_sat, 300_000);
    channel
}

fn navvyd_opens_is_killed_and_closes_together<P: Peer>() {
    let mut world = World::<P>::new();
    let channel = navvyd_opens(&mut world);
    world.navvyd.close(&channel["channel_point"], Close { force: false, sat_per_kw: 2_500 });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "mutual close");
    println!("{}: {}", P::NAME, world.wait_peer(Standing::Closed).ending);
    assert_eq!(world.peer.confirmed(), COIN + 200_000);
    world.check_sum(0);
    assert_eq!(world.navvyd.stop(), Some(0));
    world.navvyd.print_transcript();
    world.peer.print_transcript();
}

fn the_peer_opens_with_a_push_and_closes_together<P: Peer>() {
    let mut world = World::<P>::new();
    let channel = the_peer_opens(&mut world);
    world.peer.close(&channel.channel_point).expect("a close");
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    assert_eq!(world.navvyd.wait_state("Closed")["ending"], "mutual close");
    println!("{}: {}", P::NAME, world.wait_peer(Standing::Closed).ending);
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000);
    world.check_sum(0);
}

fn the_peer_closes_by_force_and_navvyd_sweeps<P: Peer>() {
    let mut world = World::<P>::new();
    let channel = the_peer_opens(&mut world);
    world.force_closed_by_peer(&channel.channel_point.into());
    let sweep = wait_for_sweep(&world);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "the peer's commitment");
    let fee = world.fee_of(&sweep);
    // Our anchor came along with our money.
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000 + ANCHORS / 2 - fee);
}

fn navvyd_closes_by_force_with_a_package_and_sweeps_after_the_delay<P: Peer>() {
    let mut world = World::<P>::new();
    let channel = navvyd_opens(&mut world);
    world.navvyd.close(&channel["channel_point"], Close { force: true, sat_per_kw: 2_500 });
    let package = world.bitcoind.wait_mempool(2);
    println!("the package: {package:?}");
    world.mine(1);
    world.navvyd.wait_state("Closing");
    world.mine(144);
    wait_for_sweep(&world);
    world.mine(6);
    let closed = world.navvyd.wait_state("Closed");
    assert_eq!(closed["ending"], "our commitment");
    world.peer_comes_home(&channel["channel_point"], 12);
    println!("{}: {}", P::NAME, world.wait_peer(Standing::Closed).ending);
    // Nobody pays more than 330 sat for the peer's anchor.
    world.check_sum(ANCHORS / 2);
}

fn wait_for_sweep<P: Peer>(world: &World<P>) -> String {
    let sweep = wait_for("navvyd to sweep", || {
        let channel = world.navvyd.wait_state("Closing");
        channel["sweep_txid"].as_str().map(str::to_owned)
    });
    world.bitcoind.wait_mempool(1);
    sweep
}
