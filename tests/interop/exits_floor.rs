//! Closes while the chain's node is away, or takes no cheap transactions.

use crate::exits::COOPERATIVE;
use crate::exits_force::FORCE;
use crate::peer::{Peer, scenarios};
use crate::process::wait_for;
use crate::world::World;

scenarios!(
    a_close_below_the_floor_waits_until_the_floor_falls,
    a_close_is_agreed_while_bitcoind_is_away,
    the_commitment_confirms_without_its_child,
);

/// T46: the agreed transaction is thrown out of the mempool, and pays too little to come back. It is offered
/// again with each block.
fn a_close_below_the_floor_waits_until_the_floor_falls<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("floor", 200_000);
    world.navvyd.close(&point, COOPERATIVE);
    world.bitcoind.wait_mempool(1);
    world.bitcoind.stop();
    world.bitcoind.start_again(&["-minrelaytxfee=0.001", "-persistmempool=0"]);
    world.mine(2);
    assert_eq!(world.bitcoind.mempool().len(), 0, "it pays too little");
    world.navvyd.wait_channel_state(&point, "Closing");
    world.bitcoind.stop();
    // What the first run had in its mempool is not to come back from the disk.
    world.bitcoind.start_again(&["-persistmempool=0"]);
    world.mine(1);
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

/// T78: nobody can broadcast anything. LDK agrees nevertheless, LND answers `shutdown` only when its bitcoind is
/// back; then the close goes on.
fn a_close_is_agreed_while_bitcoind_is_away<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("away", 200_000);
    world.bitcoind.stop();
    world.navvyd.close(&point, COOPERATIVE);
    let state = if P::NAME == "ldk" { "Closing" } else { "ShuttingDown" };
    world.navvyd.wait_channel_state(&point, state);
    world.bitcoind.start_again(&[]);
    world.mine(1);
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

/// T47: a miner takes the commitment alone. Its child is not needed any more, and its coins are not lost.
fn the_commitment_confirms_without_its_child<P: Peer>() {
    let world = World::<P>::new();
    let point = world.navvyd_opens("alone", 200_000);
    world.navvyd.close(&point, FORCE);
    let package = world.bitcoind.wait_mempool(2);
    let entry = |txid: &String| world.bitcoind.call(&["getmempoolentry", txid]);
    let parent = package.iter().find(|txid| entry(txid)["ancestorcount"] == 1);
    world.bitcoind.mine_only(&[parent.expect("the commitment")]);
    world.settle();
    world.navvyd.wait_channel(&point, |channel| channel["ending"] == "our commitment");
    world.mine(143);
    wait_for("navvyd to sweep", || {
        world.navvyd.wait_channel_state(&point, "Closing")["sweep_txid"].as_str().map(|_| ())
    });
    world.closes(&point, "our commitment");
    world.peer_comes_home(&point, 12);
    world.check_sum_with_anchor();
}
