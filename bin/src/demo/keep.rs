//! `demo --keep`: the stage is set, and the command plays.

use super::stage::{Actor, Stage, failed};
use crate::exit::Failure;
use crate::log::Reload;
use crate::miner::Miner;
use crate::rpc_host;
use bitcoin::{Amount, Network};
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Two nodes on one chain, for the command to drive, until Ctrl-C, SIGTERM, or a client stops one of them.
///
/// # Errors
/// When anything does not come to pass in time.
pub fn keep(seed: u64, log: &Reload) -> Result<(), Failure> {
    let stage = Stage::new(seed);
    stage.printer.heading("two nodes on an embedded regtest chain");
    stage.mine(1);
    let alice = stage.start("alice")?;
    let bob = stage.start("bob")?;
    stage.chain.fund(&alice.script()?, GIVEN).map_err(|error| failed(&error.to_string()))?;
    stage.wait_synced(&alice)?;
    stage.wait_synced(&bob)?;
    let folder = Folder::new()?;
    let stop = watch::Sender::new(false);
    let sockets = [&alice, &bob].map(|actor| folder.0.join(format!("{}.sock", actor.name)));
    let [alices, bobs] = &sockets;
    let serving =
        [serve(&stage, &alice, alices, log, &stop)?, serve(&stage, &bob, bobs, log, &stop)?];
    tell(&alice, &bob, alices, bobs);
    wait_for_end(&alice, stop.subscribe())?;
    stage.printer.heading("the end");
    for serving in serving {
        serving.stop();
    }
    alice.daemon.stop()?;
    bob.daemon.stop()
}

fn serve(
    stage: &Stage,
    actor: &Actor,
    socket: &Path,
    log: &Reload,
    stop: &watch::Sender<bool>,
) -> Result<rpc::Serving, Failure> {
    let daemon = &actor.daemon;
    let miner = Some(Miner::Embedded(stage.chain.clone()));
    let mut host = rpc_host::host(daemon, log.clone(), stop.clone(), miner, Network::Regtest);
    host.alias = Some(actor.name.to_owned());
    host.uris = vec![format!("{}@{}", daemon.node_id, daemon.address)];
    daemon
        .runtime()
        .block_on(rpc::serve(socket, host))
        .map_err(|error| failed(&format!("the socket {}: {error}", socket.display())))
}

/// What can be said to them, as one would type it.
fn tell(alice: &Actor, bob: &Actor, alices: &Path, bobs: &Path) {
    let (alices, bobs) = (alices.display(), bobs.display());
    let navvy = "navvy --rpc";
    let (node_id, address) = (bob.daemon.node_id, bob.daemon.address);
    println!(
        "
Both are there until Ctrl-C. {alice} has {GIVEN}. In another terminal:

    {navvy} {alices} getinfo
    {navvy} {alices} walletbalance
    {navvy} {alices} openchannel {node_id}@{address} 1000000 --request first --no_wait
    {navvy} {alices} show first
    {navvy} {alices} pendingchannels
    {navvy} {alices} regtest mine 6
    {navvy} {alices} openchannel {node_id}@{address} 400000 --request second --wait
    {navvy} {bobs} listchannels
    {navvy} {bobs} events --follow --news
",
        alice = alice.name,
    );
}

fn wait_for_end(alice: &Actor, mut stop: watch::Receiver<bool>) -> Result<(), Failure> {
    alice.daemon.runtime().block_on(async {
        let no = |error: std::io::Error| failed(&format!("signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(no)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = stop.wait_for(|asked| *asked) => {}
        }
        Ok(())
    })
}

/// Where the sockets are, for this user only, and only as long as they are served.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("navvy-demo-{}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(&path);
        made.map_err(|error| failed(&format!("the folder {}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const GIVEN: Amount = Amount::from_sat(10_000_000);
