//! `navvyd`: the service.

use bin::daemon::{Daemon, Setup, has_node};
use bin::data_folder::DataFolder;
#[cfg(feature = "regtest")]
use bin::embedded_chain::EmbeddedChain;
use bin::exit::{Exit, Failure, report};
use bin::miner::Miner;
use bin::{control, entropy, log};
use bitcoin::Network;
use chain::bitcoind::{Auth, Bitcoind, Config};
use chain::{Backend, Tip};
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

/// A headless Lightning node that opens channels.
///
/// Exit codes: 0 stopped as told; 1 failed; 2 bad flag; 10 data folder in use; 11 seed file readable by
/// others; 12 password missing or wrong; 13 seed file missing or damaged; 14 database damaged; 15 data folder
/// of another network or seed; 16 port in use; 17 chain backend wrong; 74 disk full.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Arguments {
    /// The chain: regtest, signet or testnet4. There is no mainnet before commitments can be updated.
    #[arg(long, env = "NAVVY_NETWORK", default_value = "regtest", value_parser = parse_network)]
    network: Network,
    /// Where everything is kept; each network has a folder of its own in it.
    #[arg(long, env = "NAVVY_DATA_DIR", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Where peers may connect.
    #[arg(long, env = "NAVVY_LISTEN", default_value = "127.0.0.1:9735", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A chain within this process, for a first look: regtest only, and no bitcoind is needed.
    #[cfg(feature = "regtest")]
    #[arg(long, env = "NAVVY_EMBEDDED_CHAIN")]
    embedded_chain: bool,
    /// Host and port of the RPC of bitcoind.
    #[arg(long, env = "NAVVY_BITCOIND", value_name = "ADDRESS")]
    bitcoind: Option<String>,
    /// The cookie file of bitcoind.
    #[arg(long, env = "NAVVY_BITCOIND_COOKIE", value_name = "FILE")]
    bitcoind_cookie: Option<PathBuf>,
    /// The user of the RPC, if there is no cookie.
    #[arg(long, env = "NAVVY_BITCOIND_USER", value_name = "NAME")]
    bitcoind_user: Option<String>,
    /// A file that holds the password of that user.
    #[arg(long, env = "NAVVY_BITCOIND_PASSWORD_FILE", value_name = "FILE")]
    bitcoind_password_file: Option<PathBuf>,
    /// A file that holds the password of the seed; without it the seed is not encrypted.
    #[arg(long, env = "NAVVY_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let levels = std::env::var("NAVVY_LOG").unwrap_or_else(|_| "info".to_owned());
    let log = match log::start_with(&levels, None) {
        Ok(log) => log,
        Err(failure) => return report("navvyd", Err(failure)),
    };
    abort_when_the_core_panics();
    report("navvyd", run(&arguments, &log))
}

fn run(arguments: &Arguments, _log: &log::Reload) -> Result<(), Failure> {
    let network = arguments.network;
    let folder = DataFolder::take(&arguments.data_dir.join(network.to_string()))?;
    let password = arguments.password_file.as_ref().map(read_secret).transpose()?;
    let (mut backend, _miner) = chain_source(arguments, &folder)?;
    let database = folder.database()?;
    let has_node = has_node(&database)?;
    // Only a new node has to know where the chain is before it begins.
    let birthday = if has_node { None } else { Some(wait_for_birthday(backend.as_mut())?) };
    let height = birthday.map_or(0, |tip| tip.height);
    let password = password.as_ref().map(|text| text.as_slice());
    let found = folder.seed(network, height, password, has_node)?;
    if let Some(words) = &found.words {
        println!("The seed of this node, shown only now. Write it down: {}", words.as_str());
    }
    let setup = Setup {
        network,
        backend,
        listen: arguments.listen,
        seed: found.seed,
        database,
        birthday,
        features: peer::offered_features(),
        entropy: Box::new(entropy::System),
        tap: None,
        reset_sockets: false,
    };
    let daemon = Daemon::start(setup)?;
    let path = folder.control_path();
    daemon.runtime().block_on(control::serve(&path, daemon.client(), network)).map_err(
        |error| {
            Failure::new(Exit::Failed, format!("the control socket {}: {error}", path.display()))
        },
    )?;
    println!("navvyd {} listens on {}", daemon.node_id, daemon.address);
    wait_for_end(&daemon)?;
    let result = daemon.stop();
    let _ = std::fs::remove_file(&path);
    result
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

/// Until a signal comes, or the core ends by itself. A second signal ends the process at once.
fn wait_for_end(daemon: &Daemon) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("signals: {error}"));
    daemon.runtime().block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        loop {
            let signalled = async {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            };
            match tokio::time::timeout(LOOK, signalled).await {
                Ok(()) => break,
                Err(_) if daemon.is_running() => {}
                Err(_) => return Ok(()),
            }
        }
        tracing::info!("stopping");
        tokio::spawn(exit_at_next(terminate, interrupt));
        Ok(())
    })
}

async fn exit_at_next(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    std::process::exit(0);
}

/// A new node begins at the tip, more or less: without the backend it would not know where.
fn wait_for_birthday(backend: &mut dyn Backend) -> Result<Tip, Failure> {
    let mut said = String::new();
    loop {
        match backend.birthday() {
            Ok(tip) => return Ok(tip),
            Err(error @ chain::BackendError::WrongNetwork { .. }) => {
                return Err(Failure::new(Exit::Backend, error.to_string()));
            }
            Err(error) => {
                let text = error.to_string();
                if text != said {
                    tracing::warn!(text, "waiting for the chain backend");
                    said = text;
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// Where blocks come from, and on regtest how to make some.
fn chain_source(
    arguments: &Arguments,
    #[cfg_attr(not(feature = "regtest"), expect(unused_variables, reason = "no file is kept"))]
    folder: &DataFolder,
) -> Result<(Box<dyn Backend>, Option<Miner>), Failure> {
    #[cfg(feature = "regtest")]
    if arguments.embedded_chain {
        if arguments.network != Network::Regtest {
            let network = arguments.network;
            let text = format!("--embedded-chain is a regtest chain, not one of {network}");
            return Err(Failure::new(Exit::Backend, text));
        }
        let path = folder.embedded_chain_path();
        let embedded = EmbeddedChain::open(&path).map_err(|error| {
            Failure::new(Exit::Backend, format!("the chain in {}: {error}", path.display()))
        })?;
        let miner = Miner::Embedded(embedded.chain());
        return Ok((Box::new(embedded), Some(miner)));
    }
    let bitcoind = Bitcoind::new(backend_config(arguments)?);
    let miner = (arguments.network == Network::Regtest)
        .then(|| Bitcoind::new(bitcoind.config().clone()))
        .map(|bitcoind| Miner::Bitcoind(Box::new(bitcoind)));
    Ok((Box::new(bitcoind), miner))
}

fn backend_config(arguments: &Arguments) -> Result<Config, Failure> {
    let wrong = |text: &str| Failure::new(Exit::Backend, text);
    let auth = match (&arguments.bitcoind_cookie, &arguments.bitcoind_user) {
        (Some(cookie), None) => Auth::Cookie(cookie.clone()),
        (None, Some(user)) => {
            let file = arguments
                .bitcoind_password_file
                .as_ref()
                .ok_or_else(|| wrong("--bitcoind-user needs --bitcoind-password-file"))?;
            let password = String::from_utf8_lossy(&read_secret(file)?).into_owned();
            Auth::Password { user: user.clone(), password }
        }
        (Some(_), Some(_)) => {
            return Err(wrong("choose one of --bitcoind-cookie and --bitcoind-user"));
        }
        (None, None) => {
            return Err(wrong("bitcoind needs --bitcoind-cookie, or --bitcoind-user"));
        }
    };
    let bitcoind = arguments
        .bitcoind
        .as_ref()
        .ok_or_else(|| wrong("navvyd needs a bitcoind: --bitcoind HOST:PORT"))?;
    Config::new(bitcoind, auth, arguments.network)
        .map_err(|error| Failure::new(Exit::Backend, error.to_string()))
}

/// The first line of a file.
fn read_secret(path: &PathBuf) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Password, format!("the file {}: {error}", path.display()))
    })?;
    let line = bytes.split(|byte| *byte == b'\n' || *byte == b'\r').next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_vec()))
}

fn parse_network(text: &str) -> Result<Network, String> {
    match text {
        "regtest" => Ok(Network::Regtest),
        "signet" => Ok(Network::Signet),
        "testnet4" => Ok(Network::Testnet4),
        _ => Err("choose regtest, signet or testnet4".to_owned()),
    }
}

/// How often to look whether something changed.
const LOOK: Duration = Duration::from_millis(500);
