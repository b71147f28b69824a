//! What an open costs on the embedded chain with real files, as a ratio to a baseline of the same run, for the
//! machines that it runs on are shared and noisy.
//! The method is in docs/benchmarks.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a benchmark ends at the first surprise"
)]

use bin::daemon::{Daemon, Setup};
use bin::entropy;
use bitcoin::{Amount, Network};
use chain::Backend;
use chain::regtest::{Options, Regtest, faucet_script};
use funding::RequestId;
use node::{Command, OpenCommand, Reply, Store, Table, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use storage::Database;
use wallet::Seed;
use wire::ChannelType;

fn main() {
    println!("{:<46} {:>12} {:>12} {:>8}", "work", "it", "baseline", "ratio");
    open();
}

fn row(work: &str, it: Duration, baseline: Duration) {
    let ratio = it.as_secs_f64() / baseline.as_secs_f64();
    println!("{work:<46} {:>12} {:>12} {ratio:>8.2}", show(it), show(baseline));
}

fn show(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}

/// The fastest of many batches: what the machine can do when nobody disturbs it.
fn fastest(batches: usize, each: usize, mut f: impl FnMut()) -> Duration {
    (0..batches)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..each {
                f();
            }
            start.elapsed() / each as u32
        })
        .min()
        .unwrap()
}

/// One open, from the command to both sides having it on disk and the broadcast, against the four commits
/// that it cannot do without.
fn open() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Regtest::new(Options::default());
    chain.mine(1, &faucet_script());
    let alice = start(&chain, &folder.path().join("alice"), [1; 32]);
    let bob = start(&chain, &folder.path().join("bob"), [2; 32]);
    for _ in 0..OPENS {
        let script = address(&alice);
        chain.fund(&script, Amount::from_sat(1_000_000)).unwrap();
    }
    let it = (0..OPENS).map(|number| one_open(&chain, &alice, &bob, number)).min().unwrap();
    let mut database = Database::create(&folder.path().join("baseline")).unwrap();
    let baseline = fastest(30, 1, || four_commits(&mut database));
    row("one open, durable on both sides / 4 commits", it, baseline);
    println!("commits: 3 of the opener and 1 of the accepter before the broadcast, 2 fsyncs each");
    alice.stop().unwrap();
    bob.stop().unwrap();
}

fn one_open(chain: &Regtest, alice: &Daemon, bob: &Daemon, number: usize) -> Duration {
    let before = chain.mempool().len();
    let start = Instant::now();
    let reply = alice.client().ask_blocking(Command::Open(Box::new(OpenCommand {
        request: RequestId(number.to_string()),
        node_id: bob.node_id,
        address: Some(bob.address.to_string()),
        funding: Amount::from_sat(500_000),
        push: Amount::ZERO,
        announce: false,
        channel_type: ChannelType::anchors_zero_fee_htlc_tx(),
        feerate: None,
        max_fee: Amount::from_sat(10_000),
        coins: Vec::new(),
        force: true,
    })));
    assert!(matches!(reply, Reply::Request(_)), "{reply:?}");
    while chain.mempool().len() == before {
        assert!(start.elapsed() < Duration::from_secs(10), "no broadcast");
        std::hint::spin_loop();
    }
    let took = start.elapsed();
    chain.mine(6, &faucet_script());
    let open = || {
        let reply = alice.client().ask_blocking(Command::Info);
        let Reply::Info(info) = reply else { panic!("{reply:?}") };
        info.open
    };
    while open() <= number {
        assert!(start.elapsed() < Duration::from_secs(10), "the channel does not open");
    }
    took
}

fn four_commits(database: &mut Database) {
    for number in 0..4_u8 {
        let write =
            |table, size| Write { table, key: vec![number; 16], value: Some(vec![number; size]) };
        let writes = [write(Table::Channels, 1_000), write(Table::Journal, 150)];
        database.write(&writes).unwrap();
    }
}

fn start(chain: &Regtest, path: &Path, seed: [u8; 32]) -> Daemon {
    Daemon::start(Setup {
        network: Network::Regtest,
        backend: chain.another(),
        listen: ([127, 0, 0, 1], 0).into(),
        seed: Seed::from_entropy(seed),
        database: Database::create(path).unwrap(),
        birthday: Some(chain.another().birthday().unwrap()),
        features: peer::offered_features(),
        entropy: Box::new(entropy::System),
        tap: None,
        limits: Default::default(),
        reset_sockets: false,
    })
    .unwrap()
}

fn address(daemon: &Daemon) -> bitcoin::ScriptBuf {
    let reply = daemon.client().ask_blocking(Command::NewAddress);
    let Reply::Address(address) = reply else { panic!("{reply:?}") };
    address.script_pubkey()
}

const OPENS: usize = 20;
