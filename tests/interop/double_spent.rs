//! A coin of an open is spent by somebody who has the same keys: a copy of the data folder that was started.

use crate::exits_chain::copy_folder;
use crate::navvy;
use crate::navvyd::Navvyd;
use crate::peer::{Peer, Standing, scenarios};
use crate::world::{COIN, World};

scenarios!(a_coin_that_is_spent_elsewhere_ends_the_open,);

/// The funding transaction can never confirm any more: the operator is told by which transaction, nothing stays
/// leased, the peer gets an `error`, and the money goes into another channel.
fn a_coin_that_is_spent_elsewhere_ends_the_open<P: Peer>() {
    let mut world = World::<P>::new();
    let elsewhere = world.folder().join("elsewhere");
    world.navvyd.kill();
    copy_folder(&world.navvyd.data(), &elsewhere.join("navvyd"));
    world.navvyd.start_again();
    world.navvyd.open("doomed", &world.open_to_peer());
    let funding = world.bitcoind.wait_mempool(1);
    world.navvyd.wait_state("WaitForChannelReady");

    let twin = Navvyd::start(&elsewhere, world.bitcoind.port, &[]);
    assert_eq!(twin.node_id, world.navvyd.node_id);
    let socket = twin.rpc_socket();
    let flags = ["--rpc", socket.to_str().expect("a path"), "sendcoins", "--sat_per_vbyte", "50"];
    let sent = navvy::run(&[&flags[..], &[&world.peer.new_address(), "100000000"]].concat());
    let txid = sent.expect("a payment")["txid"].as_str().expect("a txid").to_owned();
    drop(twin);
    assert_eq!(world.bitcoind.mempool().join(","), txid, "it pays more than {funding:?}");

    world.mine(1);
    let shown = world.navvyd.wait_logged(&[&txid, "spent a coin of the funding transaction"]);
    println!("{}: {shown}", P::NAME);
    world.mine(5);
    // Watched until no reorganisation can bring it back.
    let dead = world.navvyd.wait_state("Tombstone");
    println!("{}: {dead}", P::NAME);
    assert_eq!(world.navvyd.leased(), 0);
    // LDK believes our error. LND lists the open until its 2016 blocks are over.
    let theirs = if P::NAME == "ldk" { Standing::Closed } else { Standing::Pending };
    world.wait_peer(theirs);
    assert_eq!(world.navvyd.confirmed() + world.peer.confirmed() + world.fees(), 2 * COIN);
}
