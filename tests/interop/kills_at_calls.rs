//! navvyd gets SIGKILL with a call to bitcoind on its way: what stands there was committed and has not happened. Each
//! broadcast of an open, of a close together, of a close by force and of a sweep, in each role. The tables in
//! `tables/kills-at-calls-<peer>.txt` are what is expected of both.

use crate::exits::text;
use crate::faults::Run;
use crate::navvyd::Close;
use crate::peer::{Peer, scenarios};
use crate::process::wait_for;
use crate::proxy::Side;
use crate::table::Table;
use crate::world::{ANCHORS, NO_ESTIMATES, Wish, World};
use serde_json::Value;

scenarios!(navvyd_is_killed_before_each_call,);

/// What was committed is done after the restart, though bitcoind never heard of it before.
fn navvyd_is_killed_before_each_call<P: Peer>() {
    let mut table = Table::read(&format!("kills-at-calls-{}", P::NAME));
    let mut world = World::<P>::with(Wish {
        coins: 8,
        gate: true,
        bitcoind_options: NO_ESTIMATES,
        ..Wish::default()
    });
    let channels = opened(&mut world, &mut table);
    let runs: Vec<&Run> = channels.iter().map(|(run, _)| run).collect();
    let of = |way| channels.iter().filter(move |it| it.1 == way).map(|it| &it.0);
    for run in of(Way::NavvydAsks).chain(of(Way::PeerAsks)) {
        dies_before_a_close_together(&mut world, run, &mut table);
    }
    world.mine(6);
    let mut delayed = Vec::new();
    for run in of(Way::NavvydForces) {
        delayed.push((run, dies_before_its_commitment(&mut world, run, &mut table)));
    }
    for run in of(Way::PeerForces) {
        dies_before_the_sweep_of_theirs(&mut world, run, &mut table);
    }
    for (run, confirmed) in delayed {
        let blocks = confirmed + DELAY - 2 - world.bitcoind.height();
        world.mine(u32::try_from(blocks).expect("a few blocks"));
        dies_before_the_sweep_of_ours(&mut world, run, &mut table);
    }
    world.mine(6);
    for run in of(Way::NavvydForces).chain(of(Way::PeerForces)) {
        world.peer_comes_home(&run.ours(&world)[0]["channel_point"], 160);
    }
    for run in runs {
        table.observe(run.key("the end"), || run.look(&world));
        if let Some(coins) = run.coins(&world) {
            table.observe(run.key("coins"), || coins.clone());
        }
    }
    // Whether an anchor is worth its fee is for each to say.
    let left = world.left_behind();
    assert!(left.is_multiple_of(ANCHORS / 2) && left <= 4 * ANCHORS, "{left} sat are missing");
    table.check();
}

/// How a channel ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    NavvydAsks,
    PeerAsks,
    NavvydForces,
    PeerForces,
}

const WAYS: [(Way, Side, &str); 4] = [
    (Way::NavvydAsks, Side::Navvyd, "navvyd closes"),
    (Way::PeerAsks, Side::Peer, "peer closes"),
    (Way::NavvydForces, Side::Navvyd, "navvyd closes by force"),
    (Way::PeerForces, Side::Peer, "peer closes by force"),
];

/// A channel for each way and role. Two opens of navvyd die before the two calls of an open; as accepter it has none.
fn opened<P: Peer>(world: &mut World<P>, table: &mut Table) -> Vec<(Run, Way)> {
    let mut channels = Vec::new();
    let mut calls = [TEST, BROADCASTS].into_iter();
    for opener in [Side::Navvyd, Side::Peer] {
        for (way, closer, name) in WAYS {
            let run = Run::named(world, opener, closer, format!("{opener} opens, {name}"));
            match calls.next() {
                Some(calls) => {
                    world.gate.close(calls);
                    world.navvyd.open(&run.name, &run.open_of_navvyd(world));
                    dies(world, &run);
                    let when = if calls == TEST { "test" } else { "open" };
                    table.observe(run.key(when), || run.look(world));
                    run.proxy.mend();
                    run.connect(world);
                    table.observe(run.key("again"), || run.look(world));
                }
                None => run.open(world),
            }
            channels.push((run, way));
        }
    }
    world.bitcoind.wait_mempool(channels.len());
    world.mine(6);
    for (run, _) in &channels {
        is_usable(world, run);
    }
    channels
}

fn is_usable<P: Peer>(world: &World<P>, run: &Run) -> Value {
    run.connect(world);
    run.wait_theirs(world, "active", |channel| channel.active);
    run.wait_ours(world, "Normal")["channel_point"].clone()
}

/// The call is committed to and never arrives.
fn dies<P: Peer>(world: &mut World<P>, run: &Run) {
    world.gate.wait_held();
    world.navvyd.kill();
    run.proxy.cut();
    world.gate.open();
    world.navvyd.start_again();
}

fn dies_before_a_close_together<P: Peer>(world: &mut World<P>, run: &Run, table: &mut Table) {
    let point = is_usable(world, run);
    world.gate.close(BROADCASTS);
    run.close(world);
    dies(world, run);
    table.observe(run.key("close"), || run.look(world));
    is_spent(world, run, &point);
}

/// The height of its block.
fn dies_before_its_commitment<P: Peer>(world: &mut World<P>, run: &Run, table: &mut Table) -> u64 {
    let point = is_usable(world, run);
    // Else LDK would answer the `error` with a commitment of its own.
    run.proxy.cut();
    run.wait_apart(&world.navvyd, &world.peer);
    world.gate.close(BROADCASTS);
    world.navvyd.close(&point, Close { force: true, sat_per_kw: 2_500 });
    dies(world, run);
    is_spent(world, run, &point);
    table.observe(run.key("close"), || run.look(world));
    world.mine(1);
    world.bitcoind.height()
}

/// It is away while the peer closes: LDK would tell it, and then navvyd's own commitment would be faster.
fn dies_before_the_sweep_of_theirs<P: Peer>(world: &mut World<P>, run: &Run, table: &mut Table) {
    let point = is_usable(world, run);
    world.navvyd.kill();
    run.proxy.cut();
    world.peer.force_close(text(&point)).expect("a close");
    // What the peer sweeps of another channel may be there already.
    is_spent(world, run, &point);
    world.gate.close(BROADCASTS);
    world.bitcoind.mine(1);
    world.navvyd.relaunch();
    dies(world, run);
    table.observe(run.key("sweep"), || run.look(world));
    is_swept(world, run);
    world.mine(6);
}

fn dies_before_the_sweep_of_ours<P: Peer>(world: &mut World<P>, run: &Run, table: &mut Table) {
    world.gate.close(BROADCASTS);
    while !run.ours(world)[0]["sweep_txid"].is_string() {
        world.bitcoind.mine(1);
        world.navvyd.wait_height(world.bitcoind.height());
    }
    dies(world, run);
    table.observe(run.key("sweep"), || run.look(world));
    is_swept(world, run);
}

/// Waits until the mempool spends the channel: the new process has done it.
fn is_spent<P: Peer>(world: &World<P>, run: &Run, point: &Value) {
    let (txid, vout) = text(point).split_once(':').expect("an outpoint");
    let outpoint = format!("[{{\"txid\":\"{txid}\",\"vout\":{vout}}}]");
    wait_for(&format!("{}: to be spent", run.name), || {
        let spends = world.bitcoind.call(&["gettxspendingprevout", &outpoint]);
        spends[0]["spendingtxid"].is_string().then_some(())
    });
}

/// Waits until the mempool has navvyd's sweep.
fn is_swept<P: Peer>(world: &World<P>, run: &Run) {
    wait_for(&format!("{}: to be swept", run.name), || {
        let channel = run.ours(world).swap_remove(0);
        let txid = channel["sweep_txid"].as_str()?;
        world.bitcoind.mempool().iter().any(|it| it == txid).then_some(())
    });
}

/// Before the peer is bothered with an open.
const TEST: &[&str] = &["testmempoolaccept"];
/// One transaction, or a commitment with the child that pays for it.
const BROADCASTS: &[&str] = &["sendrawtransaction", "submitpackage"];
/// Of navvyd's own output in its commitment, in blocks.
const DELAY: u64 = 144;
