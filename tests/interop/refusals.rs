//! Opens that come to nothing: the peer refuses, is away or never answers, our mempool would refuse. Each time
//! the request says why, and the coins are free.

use crate::navvyd::Navvyd;
use crate::peer::{Open, Peer, Standing, scenarios};
use crate::process::wait_for;
use crate::proxy::{End, Proxy, Side, number};
use crate::world::{COIN, Wish, World};
use std::time::Duration;

// LDK knows no smallest channel and opens while it is syncing. It hangs up on who does not answer its pings before
// navvyd's patience ends. And it takes its bitcoind's floor for an estimate, so that it refuses our commitment before
// our mempool can refuse the funding.
scenarios!(
    the_peer_has_too_many_pending,
    the_peer_is_away_and_comes_back;
    lnd: the_peer_finds_it_too_small,
    the_peer_never_answers,
    the_peer_is_still_syncing,
    our_mempool_would_refuse_it,
);

/// The request has failed with this text, which is the peer's where it says so, and the coins are free.
fn has_failed(navvyd: &Navvyd, request: &str, origin: &str, words: &str) {
    let view = navvyd.wait_request(request, "failed");
    println!("{request}: {} ({})", view["text"], view["origin"]);
    assert!(view["text"].as_str().expect("a text").contains(words), "{view}");
    assert_eq!(view["origin"], origin);
    assert_eq!(navvyd.leased(), 0);
    assert_eq!(navvyd.confirmed(), COIN);
}

fn the_peer_finds_it_too_small<P: Peer>() {
    let refusal = P::TOO_SMALL;
    let world = World::<P>::with(Wish { peer_options: refusal.options, ..Wish::default() });
    let open = Open { funding_sat: refusal.funding_sat, ..world.open_to_peer() };
    world.navvyd.open("small", &open);
    has_failed(&world.navvyd, "small", "peer", refusal.words);
    assert!(world.peer.channels().is_empty());
    // What is large enough is welcome at once.
    world.navvyd.open("large", &world.open_to_peer());
    world.bitcoind.wait_mempool(1);
    world.wait_peer(Standing::Pending);
}

/// navvyd asks once and no more; who insists gets the peer's own words.
fn the_peer_has_too_many_pending<P: Peer>() {
    let (limit, words) = P::PENDING_LIMIT;
    let coins = u32::try_from(limit).expect("few") + 1;
    let world = World::<P>::with(Wish { coins, ..Wish::default() });
    let open = Open { force: true, ..world.open_to_peer() };
    for number in 0..limit {
        let name = format!("pending {number}");
        world.navvyd.open(&name, &open);
        world.navvyd.wait_request(&name, "funded");
    }
    let polite = world.navvyd.try_open("polite", &Open { force: false, ..open.clone() });
    assert!(polite.expect_err("a refusal").contains("pending at this peer"));
    world.navvyd.open("insists", &open);
    let view = world.navvyd.wait_request("insists", "failed");
    println!("insists: {}", view["text"]);
    assert!(view["text"].as_str().expect("a text").contains(words), "{view}");
    assert_eq!(view["origin"], "peer");
    assert_eq!(world.navvyd.leased(), 0);
    // With the next blocks there is room again.
    world.mine(6);
    world.wait_peer_active();
    world.navvyd.open("later", &open);
    world.navvyd.wait_request("later", "funded");
}

fn the_peer_is_away_and_comes_back<P: Peer>() {
    let mut world = World::<P>::new();
    world.peer.kill();
    world.navvyd.open("patient", &world.open_to_peer());
    let view = wait_for("navvyd to say why it waits", || {
        Some(world.navvyd.request("patient")).filter(|view| view["text"] != "")
    });
    assert_eq!(view["status"], "wait_for_peer");
    println!("patient: {}", view["text"]);
    assert!(view["text"].as_str().expect("a text").contains("refused"), "{view}");
    assert_eq!(world.navvyd.leased(), 0);
    world.peer.start_again();
    world.navvyd.wait_request("patient", "funded");
    world.wait_peer(Standing::Pending);
}

/// Its `accept_channel` never comes: after a minute the attempt is over, and the next one gets through.
fn the_peer_never_answers<P: Peer>() {
    let world = World::<P>::new();
    let navvyd =
        End { node_id: world.navvyd.node_id.clone(), address: world.navvyd.address.clone() };
    let peer = End { node_id: world.peer.node_id(), address: world.peer.address() };
    let proxy = Proxy::start(&navvyd, &peer);
    proxy.hold(Side::Peer, number("accept_channel"));
    let open = Open {
        node_id: proxy.node_id.clone(),
        address: proxy.for_navvyd.clone(),
        ..world.open_to_peer()
    };
    world.navvyd.open("mute", &open);
    proxy.wait_held();
    let view = world.navvyd.wait_request_within("mute", "wait_for_retry", Duration::from_secs(90));
    println!("mute: {}", view["text"]);
    assert_eq!(world.navvyd.leased(), 0);
    assert!(proxy.said(Side::Navvyd).contains(&"error"), "the peer is told");
    proxy.cut();
    proxy.mend();
    world.navvyd.wait_request("mute", "funded");
}

/// LND refuses while its chain is behind, and says "internal error": of its many causes only some pass, so the
/// request ends with these words. Once the peer has caught up, the next request gets through.
fn the_peer_is_still_syncing<P: Peer>() {
    let world = World::<P>::with(Wish { stale: true, ..Wish::default() });
    world.bitcoind.turn_clock_back();
    world.bitcoind.mine(1);
    world.navvyd.wait_height(world.bitcoind.height());
    world.navvyd.open("early", &world.open_to_peer());
    has_failed(&world.navvyd, "early", "peer", "internal error");
    world.bitcoind.set_clock_right();
    world.mine(1);
    world.navvyd.open("late", &world.open_to_peer());
    world.navvyd.wait_request("late", "funded");
    world.wait_peer(Standing::Pending);
}

/// The node's own mempool is asked before the peer is bound: it wants more fee, and the peer is told.
fn our_mempool_would_refuse_it<P: Peer>() {
    let mut world = World::<P>::new();
    world.bitcoind.restart_with(&["-minrelaytxfee=0.0005"]);
    world.mine(1);
    let open = Open { sat_per_kw: Some(500), ..world.open_to_peer() };
    world.navvyd.open("cheap", &open);
    has_failed(&world.navvyd, "cheap", "chain", "min relay fee not met");
    assert!(world.peer.channels().is_empty());
}
