//! Closes on a chain that changes its mind.

use crate::exits::{COOPERATIVE, text};
use crate::peer::{Peer, scenarios};
use crate::process::wait_for;
use crate::world::{ANCHORS, COIN, World};
use serde_json::Value;

scenarios!(
    a_mutual_close_survives_a_reorganisation,
    their_commitment_and_our_sweep_survive_one,
    a_commitment_takes_the_place_of_a_mutual_close,
);

/// T59: the block with the closing transaction is taken back, and for a while it is in none.
fn a_mutual_close_survives_a_reorganisation<P: Peer>() {
    let world = World::<P>::new();
    let point = world.navvyd_opens("reorganised", 200_000);
    world.navvyd.close(&point, COOPERATIVE);
    world.bitcoind.wait_mempool(1);
    world.mine(2);
    world.navvyd.wait_channel(&point, |channel| channel["ending"] == "mutual close");
    world.reorganise(2, 3);
    let channel = world.navvyd.wait_channel(&point, |channel| channel["ending"].is_null());
    assert_eq!(channel["state"], "Closing");
    world.closes(&point, "mutual close");
    world.check_sum(0);
}

/// T59: first the block with our sweep, then also the one with the commitment.
fn their_commitment_and_our_sweep_survive_one<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.peer_opens(300_000);
    world.force_closed_by_peer(&point);
    wait_for_sweep(&world, &point);
    world.mine(1);
    world.reorganise(1, 2);
    wait_for_sweep(&world, &point);
    world.mine(1);
    world.reorganise(4, 5);
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    wait_for_sweep(&world, &point);
    world.mine(6);
    let closed = world.navvyd.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "the peer's commitment");
    let fee = world.fee_of(text(&closed["sweep_txid"]));
    assert_eq!(world.navvyd.confirmed(), COIN + 300_000 + ANCHORS / 2 - fee);
    // LND goes on listing it, for an anchor that is not worth its fee: only the sum can tell.
    world.all_comes_home();
}

/// T60: the mutual close is in a block, that block is taken back, and the peer's commitment is mined instead.
fn a_commitment_takes_the_place_of_a_mutual_close<P: Peer>() {
    let mut world = World::<P>::new();
    let point = world.navvyd_opens("replaced", 200_000);
    let commitment = world.commitment_of_the_peer(&point);
    world.navvyd.close(&point, COOPERATIVE);
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    world.navvyd.wait_channel(&point, |channel| channel["ending"] == "mutual close");
    world.bitcoind.take_back(1);
    world.bitcoind.mine_only(&[&commitment]);
    world.mine(1);
    wait_for_sweep(&world, &point);
    world.mine(6);
    let closed = world.navvyd.wait_channel_state(&point, "Closed");
    assert_eq!(closed["ending"], "the peer's commitment");
    world.peer_comes_home(&point, 160);
    world.check_sum_with_anchor();
}

fn wait_for_sweep<P: Peer>(world: &World<P>, point: &Value) {
    let channel = world.navvyd.wait_channel(point, |channel| channel["sweep_txid"].is_string());
    let sweep = text(&channel["sweep_txid"]).to_owned();
    wait_for("the sweep in the mempool", || {
        world.bitcoind.mempool().contains(&sweep).then_some(())
    });
}

impl<P: Peer> World<P> {
    /// Blocks are taken back, and as many empty ones come instead; what was in the old ones waits.
    fn reorganise(&self, taken: u32, given: u32) {
        self.bitcoind.take_back(taken);
        for _ in 0..given {
            self.bitcoind.mine_only(&[]);
        }
        self.settle();
    }

    /// The peer's signed commitment: it is made to close by force, and then gets back the data that it had
    /// before; of the transaction nobody hears.
    fn commitment_of_the_peer(&mut self, point: &Value) -> String {
        let copy = self.folder().join("before");
        self.navvyd.kill();
        self.peer.kill();
        copy_folder(&self.peer.data(), &copy);
        self.peer.start_again();
        self.peer.force_close(text(point)).expect("a close");
        let txid = self.bitcoind.wait_mempool(1).remove(0);
        let commitment = self.bitcoind.call(&["getrawtransaction", &txid]);
        self.peer.kill();
        self.bitcoind.stop();
        self.bitcoind.start_again(&["-persistmempool=0"]);
        std::fs::remove_dir_all(self.peer.data()).expect("its data");
        copy_folder(&copy, &self.peer.data());
        self.peer.start_again();
        self.navvyd.start_again();
        self.settle();
        self.wait_peer_channel(point, "active", |channel| channel.active);
        text(&commitment).to_owned()
    }
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}
