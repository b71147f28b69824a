//! Opens: one, and many at once, against LND with LND and ldk-node with ldk-node on the same bitcoind.

use crate::bitcoind::Bitcoind;
use crate::clock::{processor_time, wait};
use crate::navvy_opens::{Cost, Nodes, backend};
use crate::peers::{Daemon, Kind};
use crate::table::{Row, millis, note};
use bitcoin::{Address, Network};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Both rows. Gives the two LNDs, for what else is asked of them.
pub fn run(folder: &Path, bitcoind: &Bitcoind) -> Option<[Daemon; 2]> {
    let mut one = Nodes::start(folder, bitcoind, ACCEPTERS, AT_ONCE * ROUNDS + 100);
    // The first open dials.
    one.open(1);
    let mut best = Cost { time: f64::INFINITY, processor: 0.0, syncs: 0.0 };
    let mut single = best;
    for _ in 0..ROUNDS {
        one.confirm(bitcoind);
        let cost = one.open_one();
        if cost.time < single.time {
            single = cost;
        }
    }
    for _ in 0..ROUNDS {
        one.confirm(bitcoind);
        let cost = one.open(4);
        if cost.time < best.time {
            best = cost;
        }
    }
    one.stop();
    let rate = f64::from(AT_ONCE) / best.time;
    note(&format!(
        "navvy, one open: {:.1} ms CPU and {} fsyncs on both sides; {AT_ONCE} at once: {:.1} ms CPU and {:.1} \
         fsyncs each",
        single.processor * 1e3,
        single.syncs,
        best.processor * 1e3,
        best.syncs
    ));
    if let Some(time) = ldk_to_ldk(folder, bitcoind) {
        one_row(single.time, "ldk-node to ldk-node", time);
    }
    let lnds = lnd_pair(folder, bitcoind);
    match &lnds {
        None => one_row(single.time, "none", f64::NAN),
        Some(lnds) => {
            let time = (0..4).map(|_| lnd_opens(lnds, 1).time).fold(f64::INFINITY, f64::min);
            one_row(single.time, "LND to LND", time);
            let lnd = (0..2).map(|_| lnd_opens(lnds, 32));
            let lnd = lnd.min_by(|a, b| a.time.total_cmp(&b.time)).unwrap();
            let their_rate = 32.0 / lnd.time;
            note(&format!("LND, 32 at once: {:.1} ms CPU of both each", lnd.processor * 1e3));
            Row {
                work: "concurrent opens per second, durable",
                ours: format!("{rate:.0}"),
                baseline: "LND to LND".to_owned(),
                theirs: format!("{their_rate:.1}"),
                ratio: Some(rate / their_rate),
                goal: "30",
                met: Some(rate / their_rate >= 30.0),
            }
            .print();
        }
    }
    lnds
}

fn one_row(it: f64, baseline: &str, theirs: f64) {
    Row {
        work: "one open, command to broadcast, durable",
        ours: millis(it),
        baseline: baseline.to_owned(),
        theirs: millis(theirs),
        ratio: Some(it / theirs),
        goal: "10 ms",
        met: Some(it <= 0.010),
    }
    .print();
}

fn lnd_pair(folder: &Path, bitcoind: &Bitcoind) -> Option<[Daemon; 2]> {
    let one = Daemon::start(Kind::Lnd, folder, "lnd-1", bitcoind)?;
    let two = Daemon::start(Kind::Lnd, folder, "lnd-2", bitcoind)?;
    let address = one.lnd("/v1/newaddress", None).unwrap();
    give(bitcoind, address["address"].as_str().unwrap(), 1_000);
    let peer = json!({
        "addr": {"pubkey": two.node_id(), "host": format!("127.0.0.1:{}", two.port)},
    });
    one.lnd("/v1/peers", Some(&peer)).unwrap();
    let height = bitcoind.height();
    for lnd in [&one, &two] {
        wait(120, "lnd to follow the chain", || {
            let info = lnd.lnd("/v1/getinfo", None).ok()?;
            let is_there = info["block_height"].as_u64() == Some(height);
            (is_there && info["synced_to_chain"] == true).then_some(())
        });
    }
    wait(60, "lnd's coins", || {
        let balance = one.lnd("/v1/balance/blockchain", None).ok()?;
        balance["confirmed_balance"].as_str().filter(|text| text.len() > 8).map(|_| ())
    });
    Some([one, two])
}

/// So many opens at once. A call ends when the funding transaction was broadcast.
pub fn lnd_opens(lnds: &[Daemon; 2], count: usize) -> Cost {
    let node_id = lnds[1].node_id();
    let processor =
        |lnds: &[Daemon; 2]| -> f64 { lnds.iter().map(|lnd| processor_time(lnd.id())).sum() };
    let before = processor(lnds);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let open = json!({
                    "node_pubkey_string": node_id,
                    "local_funding_amount": "500000",
                    "sat_per_vbyte": "5",
                    "private": true,
                });
                lnds[0].lnd("/v1/channels", Some(&open)).expect("an open of lnd");
            });
        }
    });
    let time = begun.elapsed().as_secs_f64();
    Cost { time, processor: (processor(lnds) - before) / count as f64, syncs: f64::NAN }
}

/// The fastest of four, which is as many pending opens as it takes from one peer.
fn ldk_to_ldk(folder: &Path, bitcoind: &Bitcoind) -> Option<f64> {
    let one = Daemon::start(Kind::Ldk, folder, "ldk-1", bitcoind)?;
    let two = Daemon::start(Kind::Ldk, folder, "ldk-2", bitcoind)?;
    let address = one.ldk(&json!({"command": "new_address"}));
    give(bitcoind, address.as_str().unwrap(), 50);
    let node_id = two.node_id();
    for ldk in [&one, &two] {
        ldk.ldk(&json!({"command": "sync"}));
    }
    let pending = || {
        let events = one.ldk(&json!({"command": "events"}));
        events.as_array().unwrap().iter().filter(|event| event["event"] == "pending").count()
    };
    let mut best = f64::INFINITY;
    for number in 0..4 {
        let begun = Instant::now();
        one.ldk(&json!({
            "command": "open", "node_id": node_id, "address": format!("127.0.0.1:{}", two.port),
            "funding_sat": 500_000, "push_sat": 0, "announce": false,
        }));
        wait(60, "an open of ldk-node", || (pending() > number).then_some(()));
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Some(best)
}

fn give(bitcoind: &Bitcoind, address: &str, coins: u32) {
    let address: Address<_> = address.parse().unwrap();
    let script = address.require_network(Network::Regtest).unwrap().script_pubkey();
    crate::coins::scatter(&mut backend(bitcoind), &script, coins);
}

const ACCEPTERS: usize = 16;
/// Four with each accepter, which is as many as one peer may have that nobody has seen.
const AT_ONCE: u32 = 64;
const ROUNDS: u32 = 4;
