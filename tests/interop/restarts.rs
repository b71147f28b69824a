//! Connections that end and processes that die while an open is pending.

use crate::peer::{Peer, Standing, scenarios};
use crate::process::wait_for;
use crate::world::World;

scenarios!(
    the_connection_is_lost_while_the_open_of_navvyd_is_pending,
    the_connection_is_lost_while_the_open_of_the_peer_is_pending,
    the_peer_restarts_while_the_open_of_navvyd_is_pending,
    the_peer_is_killed_while_its_own_open_is_pending,
);

fn navvyd_opens<P: Peer>(world: &World<P>) {
    world.navvyd.open("pending", &world.open_to_peer());
    world.bitcoind.wait_mempool(1);
    world.wait_peer(Standing::Pending);
}

fn the_peer_opens<P: Peer>(world: &World<P>) {
    world.peer.open(&world.open_to_navvyd()).expect("an open");
    world.bitcoind.wait_mempool(1);
    world.navvyd.wait_state("WaitForChannelReady");
}

/// Both list it as open, and the peer could use it.
fn becomes_open<P: Peer>(world: &World<P>) {
    world.mine(6);
    world.navvyd.wait_state("Normal");
    world.wait_peer_active();
}

/// Ends the connection and makes a new one. LND's `disconnect` returns before it is over, and while it is not,
/// `connect` says that there is a connection.
fn cut<P: Peer>(world: &World<P>) {
    let navvyd = &world.navvyd;
    world.peer.disconnect(&navvyd.node_id);
    wait_for("the connection to be lost", || {
        let is_lost = navvyd.channels().iter().all(|channel| channel["connected"] == false);
        (is_lost && !world.peer.is_connected(&navvyd.node_id)).then_some(())
    });
    world.peer.connect(&navvyd.node_id, &navvyd.address).expect("a connection");
    navvyd.wait_connected();
}

fn the_connection_is_lost_while_the_open_of_navvyd_is_pending<P: Peer>() {
    let world = World::<P>::new();
    navvyd_opens(&world);
    cut(&world);
    becomes_open(&world);
}

fn the_connection_is_lost_while_the_open_of_the_peer_is_pending<P: Peer>() {
    let world = World::<P>::new();
    the_peer_opens(&world);
    cut(&world);
    becomes_open(&world);
    // Once more, now that the channel is open.
    cut(&world);
    world.wait_peer_active();
}

fn the_peer_restarts_while_the_open_of_navvyd_is_pending<P: Peer>() {
    let mut world = World::<P>::new();
    navvyd_opens(&world);
    world.peer.restart();
    world.navvyd.wait_connected();
    becomes_open(&world);
}

fn the_peer_is_killed_while_its_own_open_is_pending<P: Peer>() {
    let mut world = World::<P>::new();
    the_peer_opens(&world);
    world.peer.kill();
    world.peer.start_again();
    becomes_open(&world);
}
