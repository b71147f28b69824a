//! `navvyd`: the service.

use bin::config::{self, Chain, Config, Wish, read_secret};
use bin::daemon::{Daemon, Setup, has_node};
use bin::data_folder::DataFolder;
#[cfg(feature = "regtest")]
use bin::embedded_chain::EmbeddedChain;
use bin::exit::{Exit, Failure, report};
use bin::log::{self, Reload};
use bin::miner::Miner;
use bin::service::{Notify, attend, see_off};
use bin::{entropy, recovery, rpc_host, seed_source};
use bitcoin::Network;
use chain::Backend;
use chain::bitcoind::Bitcoind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use wire::{Features, feature};

fn main() -> ExitCode {
    let result = match config::read(std::env::args_os()) {
        Ok(Wish::Run(config)) => run(&config),
        Ok(Wish::Print(text)) => {
            print!("{text}");
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    report("navvyd", result)
}

fn run(config: &Config) -> Result<(), Failure> {
    let log = log::start_with(&config.log_level, config.log_file.as_deref())?;
    abort_when_the_core_panics();
    let notify = Arc::new(Notify::from_environment());
    let folder = DataFolder::take(&config.data_dir.join(config.network.to_string()))?;
    let (setup, miner) = prepare(config, &folder, &notify)?;
    let (seed, search) = (setup.seed.clone(), setup.backend.another());
    let daemon = Daemon::start(setup)?;
    let (note, stop_search) = (folder.recovery_path(), Arc::new(AtomicBool::new(false)));
    let (client, stop) = (daemon.client(), Arc::clone(&stop_search));
    recovery::follow(&note, &seed, search, client, stop, config.network)?;
    drop(seed);
    let asked_to_stop = watch::Sender::new(false);
    let stop = asked_to_stop.clone();
    let mut host = rpc_host::host(&daemon, log.clone(), stop, miner, config.network);
    host.alias.clone_from(&config.alias);
    host.uris =
        config.reached_at(daemon.address).map(|at| format!("{}@{at}", daemon.node_id)).collect();
    let serving = serve(&daemon, config.rpc.clone().unwrap_or(folder.rpc_path()), host)?;
    // Before anybody is told that it serves: what is not caught ends the process.
    let signals = daemon.runtime().block_on(async { Signals::catch() })?;
    println!("navvyd {} listens on {}", daemon.node_id, daemon.address);
    notify.ready();
    let attendant = daemon.runtime().spawn(attend(Arc::clone(&notify), daemon.client()));
    wait_for_end(&daemon, signals, &log, &notify, asked_to_stop.subscribe());
    attendant.abort();
    stop_search.store(true, Ordering::Relaxed);
    daemon.runtime().spawn(see_off(notify, daemon.client()));
    let mistake = daemon.mistake();
    let result = daemon.stop();
    serving.stop();
    result.and_then(|()| mistake.map_or(Ok(()), Err))
}

/// The RPC, from here until the end: also while the daemon stops, it says how far that is.
fn serve(daemon: &Daemon, path: PathBuf, host: rpc::Host) -> Result<rpc::Serving, Failure> {
    daemon.runtime().block_on(rpc::serve(&path, host)).map_err(|error| {
        Failure::new(Exit::Failed, format!("the RPC socket {}: {error}", path.display()))
    })
}

/// Everything that a node is started with.
fn prepare(
    config: &Config,
    folder: &DataFolder,
    notify: &Notify,
) -> Result<(Setup, Option<Miner>), Failure> {
    let password = config.password_file.as_deref().map(read_secret).transpose()?;
    let (mut backend, miner) = chain_source(config, folder)?;
    let database = folder.database()?;
    let has_node = has_node(&database)?;
    let password = password.as_ref().map(|text| text.as_slice());
    let start = seed_source::find(config, folder, has_node, backend.as_mut(), password, notify)?;
    if let Some(words) = &start.words {
        println!("{}", folder.show_words(words)?);
    }
    let setup = Setup {
        network: config.network,
        backend,
        listen: config.listen,
        seed: start.seed,
        database,
        birthday: start.birthday,
        features: offered_features(config.simple_close),
        entropy: Box::new(entropy::System),
        tap: None,
        limits: config.limits.clone(),
        reset_sockets: false,
    };
    Ok((setup, miner))
}

/// What `init` says.
fn offered_features(simple_close: bool) -> Features {
    let mut features = peer::offered_features();
    if simple_close {
        features.set(feature::OPTION_SIMPLE_CLOSE | 1);
    }
    features
}

/// Where blocks come from, and on regtest how to make some.
fn chain_source(
    config: &Config,
    #[cfg_attr(not(feature = "regtest"), expect(unused_variables, reason = "no file is kept"))]
    folder: &DataFolder,
) -> Result<(Box<dyn Backend>, Option<Miner>), Failure> {
    match &config.chain {
        #[cfg(not(feature = "regtest"))]
        Chain::Embedded => Err(Failure::new(Exit::Backend, "there is no embedded chain")),
        #[cfg(feature = "regtest")]
        Chain::Embedded => {
            let path = folder.embedded_chain_path();
            let embedded = EmbeddedChain::open(&path).map_err(|error| {
                Failure::new(Exit::Backend, format!("the chain in {}: {error}", path.display()))
            })?;
            let miner = Miner::Embedded(embedded.chain());
            Ok((Box::new(embedded), Some(miner)))
        }
        Chain::Bitcoind(bitcoind) => {
            let miner = (config.network == Network::Regtest)
                .then(|| Miner::Bitcoind(Box::new(Bitcoind::new(bitcoind.clone()))));
            Ok((Box::new(Bitcoind::new(bitcoind.clone())), miner))
        }
    }
}

/// A panic of the core is a bug of ours. The process ends at once, without unwinding through the database:
/// the disk holds the last commit, and the next start goes on from there.
fn abort_when_the_core_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        if std::thread::current().name() == Some("navvy-core") {
            std::process::abort();
        }
    }));
}

/// The signals that are not left to the system.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn catch() -> Result<Self, Failure> {
        let caught = |kind| {
            signal(kind).map_err(|error| Failure::new(Exit::Failed, format!("signals: {error}")))
        };
        Ok(Self {
            terminate: caught(SignalKind::terminate())?,
            interrupt: caught(SignalKind::interrupt())?,
            hang_up: caught(SignalKind::hangup())?,
        })
    }
}

/// Until a signal or a client says so, or the core ends by itself. A second signal ends the process at once.
fn wait_for_end(
    daemon: &Daemon,
    mut signals: Signals,
    log: &Reload,
    notify: &Notify,
    mut asked_to_stop: watch::Receiver<bool>,
) {
    daemon.runtime().block_on(async {
        while daemon.is_running() && daemon.mistake().is_none() {
            tokio::select! {
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = asked_to_stop.wait_for(|asked| *asked) => break,
                _ = signals.hang_up.recv() => reload(log, notify),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        tracing::info!("stopping");
        tokio::spawn(exit_at_next(signals));
    });
}

async fn exit_at_next(mut signals: Signals) {
    tokio::select! { _ = signals.terminate.recv() => {}, _ = signals.interrupt.recv() => {} }
    std::process::exit(0);
}

/// What can change while it runs: how much is logged, and the log file, which somebody may have moved away.
fn reload(log: &Reload, notify: &Notify) {
    notify.reloading();
    if let Err(error) = log.reopen() {
        tracing::warn!(%error, "the log file cannot be opened anew: the old one is written on");
    }
    match config::read(std::env::args_os()) {
        Ok(Wish::Run(config)) => match log.set(&config.log_level) {
            Ok(()) => tracing::info!(levels = config.log_level, "read log-level anew"),
            Err(text) => tracing::warn!(text, "log-level stays as it was"),
        },
        Ok(Wish::Print(_)) => {}
        Err(failure) => tracing::warn!(%failure, "log-level stays as it was"),
    }
    notify.ready();
}

/// How often to look whether something changed.
const LOOK: Duration = Duration::from_millis(500);
