//! Channels opened from either side: types, gifts, several with one peer, depths.

use crate::navvyd::Close;
use crate::peer::{Open, Peer, Standing, Type, scenarios};
use crate::process::wait_for;
use crate::world::{ANCHORS, Wish, World};
use serde_json::Value;

scenarios!(
    navvyd_opens_each_type,
    the_peer_opens_each_type,
    the_minimum_depth_of_either_side_is_honoured,
    two_channels_with_one_peer,
    announced_channels_are_told_to_others,
);

/// Each type that the peer offers, one after the other, with a gift.
fn navvyd_opens_each_type<P: Peer>() {
    let world = World::<P>::new();
    for channel_type in P::TYPES {
        let name = channel_type.name();
        let open =
            Open { push_sat: 200_000, channel_type: Some(*channel_type), ..world.open_to_peer() };
        world.navvyd.open(name, &open);
        world.bitcoind.wait_mempool(1);
        world.wait_peer(Standing::Pending);
        let point = world.navvyd.request(name)["channel_point"].clone();
        world.mine(6);
        let ours = world.navvyd.wait_channel_state(&point, "Normal");
        assert_eq!(ours["channel_type"], channel_type.name());
        assert_eq!(ours["local_balance_msat"], 800_000_000);
        let theirs = world.wait_peer_channel(&point, "active", |channel| channel.active);
        assert_eq!(theirs.local_sat, 200_000);
        let anchors = if *channel_type == Type::Anchors { ANCHORS } else { 0 };
        assert_eq!(theirs.remote_sat + theirs.commit_fee_sat + anchors, 800_000);
        assert_eq!(ours["commit_fee_sat"], theirs.commit_fee_sat);
    }
}

/// The same from the other side.
fn the_peer_opens_each_type<P: Peer>() {
    let world = World::<P>::new();
    for channel_type in P::OPEN_TYPES {
        let open =
            Open { push_sat: 200_000, channel_type: Some(*channel_type), ..world.open_to_navvyd() };
        world.peer.open(&open).expect("an open");
        world.bitcoind.wait_mempool(1);
        let point = world.navvyd.wait_state("WaitForChannelReady")["channel_point"].clone();
        world.mine(6);
        let ours = world.navvyd.wait_channel_state(&point, "Normal");
        assert_eq!(ours["channel_type"], channel_type.name());
        assert_eq!(ours["local_balance_msat"], 200_000_000);
        let theirs = world.wait_peer_channel(&point, "active", |channel| channel.active);
        assert_eq!(theirs.remote_sat, 200_000);
        assert_eq!(ours["commit_fee_sat"], theirs.commit_fee_sat);
    }
}

/// The accepter's depth: one block before it neither side uses the channel, with it both do.
fn the_minimum_depth_of_either_side_is_honoured<P: Peer>() {
    let world = World::<P>::new();
    // So much that LND wants more than one block.
    let open = Open { funding_sat: 12_000_000, ..world.open_to_peer() };
    world.navvyd.open("deep", &open);
    world.bitcoind.wait_mempool(1);
    world.wait_peer(Standing::Pending);
    let point = world.navvyd.request("deep")["channel_point"].clone();
    becomes_open_at_its_depth(&world, &point, P::MINIMUM_DEPTH);

    world.peer.open(&world.open_to_navvyd()).expect("an open");
    world.bitcoind.wait_mempool(1);
    let point = world.navvyd.wait_state("WaitForChannelReady")["channel_point"].clone();
    becomes_open_at_its_depth(&world, &point, 3);
}

fn becomes_open_at_its_depth<P: Peer>(world: &World<P>, point: &Value, depth: u32) {
    world.mine(depth - 1);
    let ours = world.navvyd.wait_channel(point, |channel| {
        channel["confirmations"] == format!("{}/{depth}", depth - 1)
    });
    assert_eq!(ours["state"], "WaitForChannelReady");
    let theirs = world.peer.channels().into_iter();
    let theirs = theirs.into_iter().find(|channel| *point == channel.channel_point.as_str());
    assert_eq!(theirs.map(|channel| channel.active), Some(false));
    world.mine(1);
    world.navvyd.wait_channel_state(point, "Normal");
    world.wait_peer_channel(point, "active", |channel| channel.active);
}

/// The second is opened while the first is pending; each goes its own way.
fn two_channels_with_one_peer<P: Peer>() {
    let wish = Wish { coins: 2, peer_options: P::TWO_PENDING, ..Wish::default() };
    let world = World::<P>::with(wish);
    let points = ["one", "two"].map(|name| {
        let open = Open { force: true, ..world.open_to_peer() };
        world.navvyd.open(name, &open);
        world.navvyd.wait_request(name, "funded")["channel_point"].clone()
    });
    world.bitcoind.wait_mempool(2);
    world.mine(6);
    for point in &points {
        world.navvyd.wait_channel_state(point, "Normal");
        world.wait_peer_channel(point, "active", |channel| channel.active);
    }
    world.navvyd.close(&points[0], Close { force: false, sat_per_kw: 2_500 });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    world.navvyd.wait_channel_state(&points[0], "Closed");
    world.navvyd.wait_channel_state(&points[1], "Normal");
    world.wait_peer_channel(&points[1], "active", |channel| channel.active);
}

/// One from each side. The peer tells others of a channel only when it has our signatures.
fn announced_channels_are_told_to_others<P: Peer>() {
    let world = World::<P>::new();
    let open = Open { announce: true, ..world.open_to_peer() };
    world.navvyd.open("public", &open);
    let point = world.navvyd.wait_request("public", "funded")["channel_point"].clone();
    is_announced(&world, &point);
    let open = Open { announce: true, ..world.open_to_navvyd() };
    world.peer.open(&open).expect("an open");
    let point = world.navvyd.wait_state("WaitForChannelReady")["channel_point"].clone();
    is_announced(&world, &point);
}

fn is_announced<P: Peer>(world: &World<P>, point: &Value) {
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    assert_eq!(world.navvyd.wait_channel_state(point, "Normal")["announced"], true);
    assert!(world.wait_peer_channel(point, "active", |channel| channel.active).announced);
    let point = point.as_str().expect("a channel point");
    wait_for("the peer to tell others", || world.peer.announces(point).then_some(()));
}
