//! A peer that claims to be ahead of us. No update was ever made, so the real peer cannot be: a man in the middle writes
//! other numbers into its `channel_reestablish`, once with the secret that proves it and once without.

use crate::exits::text;
use crate::faults::Run;
use crate::peer::{Peer, scenarios};
use crate::proxy::Side;
use crate::world::World;
use bitcoin::BlockHash;
use bitcoin::hashes::Hash;
use serde_json::Value;
use transactions::{CommitmentNumber, KeysId, Signer};

scenarios!(
    a_peer_that_proves_to_be_ahead_closes_and_navvyd_only_sweeps,
    a_peer_that_cannot_prove_to_be_ahead_loses_the_channel,
);

/// T63: our commitment could cost us everything, so it stays at home, and the peer is asked to close.
fn a_peer_that_proves_to_be_ahead_closes_and_navvyd_only_sweeps<P: Peer>() {
    let mut world = World::<P>::new();
    let (run, point) = opened(&world);
    let secret = revoked(&world, &run);
    meets_again(&world, &run, (1, secret));
    run.wait_ours(&world, "Closing");
    run.wait_told();
    world.navvyd.kill_and_start();
    // Of what is said on a connection LND takes only the first: on the next one that are the zeroes.
    world.bitcoind.wait_mempool(1);
    world.mine(1);
    println!("{}: {}", P::NAME, run.said());
    let closing = world.navvyd.wait_channel(&point, |channel| channel["ending"].is_string());
    assert_eq!(closing["ending"], "the peer's commitment");
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    world.navvyd.wait_channel_state(&point, "Closed");
    world.peer_comes_home(&point, 160);
    world.check_sum_with_anchor();
}

/// T65: nothing proves it, so the channel fails, and our commitment is good.
fn a_peer_that_cannot_prove_to_be_ahead_loses_the_channel<P: Peer>() {
    let world = World::<P>::new();
    let (run, _) = opened(&world);
    meets_again(&world, &run, (1, [7; 32]));
    run.wait_ours(&world, "Closing");
    run.wait_told();
    world.bitcoind.wait_mempool(1);
    println!("{}: {}", P::NAME, run.said());
    world.all_comes_home();
    run.wait_ours(&world, "Closed");
}

fn opened<P: Peer>(world: &World<P>) -> (Run, Value) {
    let run = Run::named(world, Side::Navvyd, Side::Navvyd, "ahead".to_owned());
    run.open(world);
    world.mine(6);
    let point = run.wait_ours(world, "Normal")["channel_point"].clone();
    run.wait_theirs(world, "active", |channel| channel.active);
    (run, point)
}

/// On a new connection, with these numbers in what the peer says.
fn meets_again<P: Peer>(world: &World<P>, run: &Run, numbers: (u64, [u8; 32])) {
    run.proxy.cut();
    run.wait_apart(&world.navvyd, &world.peer);
    run.proxy.forge(numbers);
    run.proxy.mend();
    run.connect(world);
}

/// What navvyd would have told the peer by revoking its commitment #0.
fn revoked<P: Peer>(world: &World<P>, run: &Run) -> [u8; 32] {
    let path = world.navvyd.data().join("regtest/seed");
    let file = wallet::SeedFile::read(&path, None).expect("a seed");
    let genesis = wallet::BlockId { height: 0, hash: BlockHash::all_zeros() };
    let wallet = wallet::Wallet::new(&file.seed, file.network, genesis);
    let ours = run.ours(world);
    let id = text(&ours[0]["keys_id"]);
    let mut keys_id = [0; 16];
    for (at, byte) in keys_id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("two digits");
    }
    wallet.per_commitment_secret(&KeysId(keys_id), CommitmentNumber(0))
}
