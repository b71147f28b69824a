//! One of the two sides has lost what it knew.

use crate::exits::COOPERATIVE;
use crate::exits_chain::copy_folder;
use crate::exits_force::FORCE;
use crate::lnd::Lnd;
use crate::peer::{Open, Peer, scenarios};
use crate::process::wait_for;
use crate::world::{ANCHORS, World};

scenarios!(
    our_database_is_older_than_the_open_channel,
    the_peer_has_older_data_than_the_channel,
    our_folder_is_lost_and_its_words_bring_everything_home,
);

/// T64 as far as it goes without updates: navvyd comes back with a database in which the open is still pending.
/// Nothing was signed since, so the channel goes on, and closes.
fn our_database_is_older_than_the_open_channel<P: Peer>() {
    let mut world = World::<P>::new();
    let copy = world.folder().join("before");
    world.peer.open(&Open { push_sat: 300_000, ..world.open_to_navvyd() }).expect("an open");
    world.bitcoind.wait_mempool(1);
    let pending = world.navvyd.wait_state("WaitForChannelReady");
    let point = pending["channel_point"].clone();
    world.navvyd.kill();
    copy_folder(&world.navvyd.data(), &copy);
    world.navvyd.start_again();
    world.becomes_open(point.clone());
    world.mine(20);
    world.navvyd.kill();
    std::fs::remove_dir_all(world.navvyd.data()).expect("its data");
    copy_folder(&copy, &world.navvyd.data());
    world.navvyd.start_again();
    world.becomes_open(point.clone());
    world.navvyd.close(&point, COOPERATIVE);
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

/// T66 as far as it goes without updates: the peer has forgotten the channel.
fn the_peer_has_older_data_than_the_channel<P: Peer>() {
    let mut world = World::<P>::new();
    let copy = world.folder().join("before");
    world.peer.kill();
    copy_folder(&world.peer.data(), &copy);
    world.peer.start_again();
    let point = world.navvyd_opens("forgotten", 0);
    world.peer.kill();
    std::fs::remove_dir_all(world.peer.data()).expect("its data");
    copy_folder(&copy, &world.peer.data());
    world.peer.start_again();
    // LDK says that it knows of no such channel, and we close; LND says nothing at all.
    world.navvyd.wait_connected();
    world.navvyd.close(&point, FORCE);
    world.bitcoind.wait_mempool(1);
    world.mine(145);
    wait_for("navvyd to sweep", || {
        world.navvyd.wait_channel_state(&point, "Closing")["sweep_txid"].as_str().map(|_| ())
    });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    let closed = world.navvyd.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "our commitment");
    world.check_sum_with_anchor();
}

/// Nothing is left but the 24 words and the peer's address. The node of the words asks the peer to close, and finds
/// what that pays.
fn our_folder_is_lost_and_its_words_bring_everything_home<P: Peer>() {
    let mut world = World::<P>::new();
    world.peer.open(&Open { push_sat: 300_000, ..world.open_to_navvyd() }).expect("an open");
    world.bitcoind.wait_mempool(1);
    let pending = world.navvyd.wait_state("WaitForChannelReady");
    world.becomes_open(pending["channel_point"].clone());
    let before = world.navvyd.confirmed();
    world.navvyd.kill();
    let words = world.folder().join("words");
    std::fs::copy(world.navvyd.data().join("regtest/seed-words"), &words).expect("the words");
    std::fs::remove_dir_all(world.navvyd.data()).expect("its data");
    world.navvyd.start_with(&["--recover", &words.display().to_string()]);
    assert_eq!(world.navvyd.wait_synced()["node_id"], world.navvyd.node_id);
    assert_eq!(world.navvyd.confirmed(), before, "the wallet's coins are there");
    let Open { node_id, address, .. } = world.open_to_peer();
    // It may dial us by itself, and then this one is one too many.
    let _ = world.navvyd.connect(&node_id, &address);
    let commitment = world.bitcoind.wait_mempool(1).remove(0);
    println!("{} closes by {commitment}", P::NAME);
    world.mine(1);
    world.navvyd.wait_logged(&["found what a peer's close pays to this seed"]);
    wait_for("the sweep", || {
        let mempool = world.bitcoind.mempool();
        (!mempool.is_empty()).then_some(())?;
        world.mine(1);
        (world.navvyd.confirmed() > before + 295_000).then_some(())
    });
    assert!(world.navvyd.confirmed() < before + 300_000);
    // The peer's own part, after its delay.
    world.mine(144);
    wait_for("the peer's coins", || {
        world.mine(1);
        (world.missing() <= ANCHORS).then_some(())
    });
    world.check_sum_with_anchor();
}

/// T67: LND was restored from its static channel backup and asks to be closed, with number 0.
#[test]
fn lnd_is_restored_from_its_backup() {
    let mut world = World::<Lnd>::new();
    let point = world.navvyd_opens("backup", 200_000);
    let backup = world.folder().join("lnd.backup");
    let file = backup.display().to_string();
    world.peer.call(&["exportchanbackup", "--all", "--output_file", &file]);
    world.peer.kill();
    let graph = world.peer.data().join("data/graph/regtest");
    std::fs::remove_file(graph.join("channel.db")).expect("its database of channels");
    world.peer.start_again();
    world.peer.call(&["restorechanbackup", "--multi_file", &file]);
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    let closing = world.navvyd.wait_channel(&point, |channel| channel["ending"].is_string());
    assert_eq!(closing["ending"], "our commitment");
    world.mine(144);
    wait_for("navvyd to sweep", || {
        world.navvyd.wait_channel_state(&point, "Closing")["sweep_txid"].as_str().map(|_| ())
    });
    world.closes(&point, "our commitment");
    world.check_sum_with_anchor();
}
