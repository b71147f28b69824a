//! What the daemon is told: command line over environment over file over what is usual.
//!
//! `settings.rs` lists everything once; a flag, an environment variable and a key of the file follow from each
//! row. `sources.rs` finds a setting's text and remembers where it came from, `values.rs` reads it.

mod file;
mod limits;
mod settings;
mod sources;
mod values;

pub use settings::{SETTINGS, Setting};
pub use sources::{Origin, Sources};

use crate::exit::{Exit, Failure};
use crate::limits::Limits;
use bitcoin::Network;
use chain::bitcoind::{Auth, Config as BitcoindConfig};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the daemon is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain.
    pub network: Network,
    /// Where everything is kept; each network has a folder of its own in it.
    pub data_dir: PathBuf,
    /// Where peers may connect.
    pub listen: SocketAddr,
    /// Where they reach it from outside.
    pub external: Vec<String>,
    /// Its name for people.
    pub alias: Option<String>,
    /// The socket for clients, if it is not in the data folder.
    pub rpc: Option<PathBuf>,
    /// Where blocks come from.
    pub chain: Chain,
    /// The file with the password of the seed, if the seed is encrypted.
    pub password_file: Option<PathBuf>,
    /// What the operator limits.
    pub limits: Limits,
    /// Whether `option_simple_close` is offered.
    pub simple_close: bool,
    /// The file with the words that a node is to be made of; `-`: standard input.
    pub recover: Option<PathBuf>,
    /// The first block that may hold coins of these words, or closes of channels that the database does not know.
    pub recover_from: Option<u32>,
    /// How much is logged.
    pub log_level: String,
    /// Where to, if not to standard error.
    pub log_file: Option<PathBuf>,
}

/// Where blocks come from.
#[derive(Clone, Debug)]
pub enum Chain {
    /// A regtest chain in this process.
    Embedded,
    /// A Bitcoin Core.
    Bitcoind(BitcoindConfig),
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Wish {
    /// To run.
    Run(Box<Config>),
    /// To print something and end: the help, the version, the settings in force.
    Print(String),
}

/// Reads the command line, the environment and the file.
///
/// # Errors
/// One line that says where the mistake is.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Wish, Failure> {
    let matches = match settings::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.exit_code() == 0 => return Ok(Wish::Print(error.to_string())),
        Err(error) => {
            let text = error.to_string();
            let text = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
            return Err(Failure::new(Exit::Usage, format!("{text} (see navvyd --help)")));
        }
    };
    let sources = Sources::gather(&matches, &|name| std::env::var_os(name))?;
    let mut config = Config::of(&sources)?;
    config.recover_from = matches.get_one(settings::RECOVER_FROM).copied();
    config.recover = matches.get_one::<String>(settings::RECOVER).map(PathBuf::from);
    if matches.get_flag(settings::PRINT) {
        return Ok(Wish::Print(sources.to_string()));
    }
    Ok(Wish::Run(Box::new(config)))
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// With the place of the first that cannot be used.
    pub fn of(sources: &Sources) -> Result<Self, Failure> {
        let network = sources.required("network", values::network)?;
        values::check_network(
            network,
            sources.switch("i-accept-that-mainnet-channels-stay-as-opened")?,
        )?;
        let log_level = sources.required("log-level", values::log_level)?;
        Ok(Self {
            network,
            data_dir: sources.required("data-dir", values::path)?,
            listen: sources.required("listen", values::address)?,
            external: sources.optional("external", values::hosts)?.unwrap_or_default(),
            alias: sources.optional("alias", values::alias)?,
            rpc: sources.optional("rpc", values::path)?,
            chain: chain(sources, network)?,
            password_file: sources.optional("password-file", values::path)?,
            limits: limits::of(sources)?,
            simple_close: sources.switch("simple-close")?,
            recover: None,
            recover_from: None,
            log_level,
            log_file: sources.optional("log-file", values::path)?,
        })
    }
}

impl Config {
    /// Where peers reach the node, with the address that it got: what the operator says, or else that address, if
    /// it is one. That of this machine alone counts on regtest only, where peers may be on it too.
    pub fn reached_at(&self, listens: SocketAddr) -> impl Iterator<Item = String> {
        let (ip, network) = (listens.ip(), self.network);
        let is_one = !ip.is_unspecified() && (!ip.is_loopback() || network == Network::Regtest);
        let listens = (self.external.is_empty() && is_one).then(|| listens.to_string());
        self.external.iter().cloned().chain(listens)
    }
}

fn chain(sources: &Sources, network: Network) -> Result<Chain, Failure> {
    let wrong = |text: &str| Failure::new(Exit::Backend, text);
    if sources.switch("embedded-chain")? {
        if !cfg!(feature = "regtest") {
            return Err(wrong("this navvyd was built without an embedded chain: set bitcoind"));
        }
        if network != Network::Regtest {
            let text = format!("embedded-chain is a regtest chain, not one of {network}");
            return Err(wrong(&text));
        }
        return Ok(Chain::Embedded);
    }
    let cookie = sources.optional("bitcoind-cookie", values::path)?;
    let user = sources.optional("bitcoind-user", values::text)?;
    let password = sources.optional("bitcoind-password-file", values::path)?;
    let auth = match (cookie, user) {
        (Some(cookie), None) => Auth::Cookie(cookie),
        (None, Some(user)) => {
            let file =
                password.ok_or_else(|| wrong("bitcoind-user needs bitcoind-password-file"))?;
            let password = String::from_utf8_lossy(&read_secret(&file)?).into_owned();
            Auth::Password { user, password }
        }
        (Some(_), Some(_)) => {
            return Err(wrong("choose one of bitcoind-cookie and bitcoind-user"));
        }
        (None, None) => {
            return Err(wrong("bitcoind needs --bitcoind-cookie, or --bitcoind-user"));
        }
    };
    let place = sources.optional("bitcoind", values::text)?;
    let place = place.ok_or_else(|| wrong("navvyd needs a bitcoind: --bitcoind HOST:PORT"))?;
    let config = BitcoindConfig::new(&place, auth, network);
    Ok(Chain::Bitcoind(config.map_err(|error| wrong(&error.to_string()))?))
}

/// The first line of a file.
///
/// # Errors
/// When the file cannot be read.
pub fn read_secret(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    let bytes = std::fs::read(path).map(zeroize::Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Password, format!("the file {}: {error}", path.display()))
    })?;
    let line = bytes.split(|byte| *byte == b'\n' || *byte == b'\r').next().unwrap_or_default();
    Ok(zeroize::Zeroizing::new(line.to_vec()))
}
