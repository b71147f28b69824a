//! navvyd gets SIGKILL when a message is on its way, or a call to bitcoind: between each commit and what follows
//! it, in each role. The tables in `tables/kills-<peer>.txt` are what is expected of both.

use crate::faults::{Fault, Row, Run, Stage, close_all, meet_again, run};
use crate::navvyd::Close;
use crate::peer::{Peer, scenarios};
use crate::process::wait_for;
use crate::proxy::Side;
use crate::table::Table;
use crate::world::{ANCHORS, Wish, World};

scenarios!(lnd: navvyd_is_killed_at_each_message, navvyd_is_killed_before_each_call,);

fn navvyd_is_killed_at_each_message<P: Peer>() {
    let mut table = Table::read(&format!("kills-{}", P::NAME));
    let mut world = World::<P>::with(Wish { coins: 16, ..Wish::default() });
    let runs = run(&mut world, Fault::Kill, &mut table);
    close_all(&world, &runs);
    table.check();
}

/// What was committed is done after the restart, though bitcoind never heard of it before.
fn navvyd_is_killed_before_each_call<P: Peer>() {
    let mut table = Table::read(&format!("kills-at-calls-{}", P::NAME));
    let mut world = World::<P>::with(Wish { coins: 4, gate: true, ..Wish::default() });
    let mut runs = Vec::new();
    for call in ["testmempoolaccept", "sendrawtransaction"] {
        let run = Run::start(&world, row(call, Stage::Opening));
        world.gate.close(call);
        world.navvyd.open(&run.name, &run.open_of_navvyd(&world));
        kill_at_the_gate(&mut world, &run);
        table.observe(run.key("at once"), || run.look(&world));
        runs.push(run);
    }
    meet_again(&world, &runs, &mut table);
    closes(&mut world, &runs, &mut table);
    // The peer leaves its anchor of the close by force.
    world.check_sum(ANCHORS / 2);
    table.check();
}

/// The same channels are closed: the first together, the second by force.
fn closes<P: Peer>(world: &mut World<P>, runs: &[Run], table: &mut Table) {
    for (run, (force, call)) in
        runs.iter().zip([(false, "sendrawtransaction"), (true, "submitpackage")])
    {
        let point = run.wait_ours(world, "Normal")["channel_point"].clone();
        run.connect(world);
        run.wait_theirs(world, "active", |channel| channel.active);
        world.gate.close(call);
        world.navvyd.close(&point, Close { force, sat_per_kw: 2_500 });
        kill_at_the_gate(world, run);
        let how = if force { "force" } else { "close" };
        table.observe(run.key(how), || run.look(world));
    }
    for run in runs {
        run.proxy.mend();
        run.connect(world);
    }
    world.bitcoind.wait_mempool(3);
    // The delay of what is our own.
    world.mine(145);
    wait_for("navvyd to sweep", || {
        let channel = runs[1].wait_ours(world, "Closing");
        channel["sweep_txid"].as_str().map(str::to_owned)
    });
    world.bitcoind.wait_mempool(1);
    world.mine(6);
    for run in runs {
        table.observe(run.key("the end"), || run.look(world));
    }
}

fn row(call: &'static str, stage: Stage) -> Row {
    Row { opener: Side::Navvyd, from: Side::Navvyd, message: call, stage }
}

/// The call is committed to and never arrives.
fn kill_at_the_gate<P: Peer>(world: &mut World<P>, run: &Run) {
    world.gate.wait_held();
    world.navvyd.kill();
    run.proxy.cut();
    world.gate.open();
    world.navvyd.start_again();
}
