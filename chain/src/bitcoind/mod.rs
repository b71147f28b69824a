//! The chain as a Bitcoin Core node sees it, over its JSON-RPC.
//!
//! Needs neither a wallet nor ZMQ nor a transaction index on its side, and works with a pruned node
//! as long as what it prunes is older than what we still have to read. New blocks are waited for
//! with `waitfornewblock`, which Bitcoin Core 30 and later answer without a gap between two calls;
//! an older node is asked each second.

mod faucet;
mod follow;
mod http;
mod miner;
mod rpc;
mod transactions;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::{Block, BlockHash, Network, OutPoint, Transaction, Txid};

pub use faucet::faucet_address;
pub use rpc::Auth;

use crate::{
    Backend, BackendError, BroadcastError, ChainEvent, Seen, Tip, UnspentOutput, Untested, Verdict,
};
use rpc::Rpc;

/// Where bitcoind is and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Host and port.
    address: String,
    /// How to log in.
    pub auth: Auth,
    /// The network that it has to follow.
    pub network: Network,
    /// How long to wait for an answer, beside the time that a call waits by its nature.
    pub patience: Duration,
    /// How often to ask a node that cannot tell of new blocks by itself.
    pub poll_interval: Duration,
    /// Highest feerate that bitcoind may take from us, in satoshis per 1000 virtual bytes. A child
    /// that pays for a large parent goes far above the feerate of the two together.
    pub max_sat_per_kvb: u64,
}

impl Config {
    /// With the usual patience.
    ///
    /// `address` is a host with or without `http://` and a port; the default port is the one that
    /// Bitcoin Core has for `network`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn new(address: &str, auth: Auth, network: Network) -> Result<Self, AddressError> {
        Ok(Self {
            address: parse_address(address, network)?,
            auth,
            network,
            patience: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            max_sat_per_kvb: 10_000_000,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Bitcoin Core speaks plain HTTP only.
    Https,
    /// It is not a host and a port.
    NotHostAndPort(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https => f.write_str("the RPC of bitcoind has no TLS: write http:// or nothing"),
            Self::NotHostAndPort(text) => write!(f, "{text:?} is not a host and a port"),
        }
    }
}

impl std::error::Error for AddressError {}

/// A handle on a bitcoind, with a connection of its own that opens when it is needed.
pub struct Bitcoind {
    config: Config,
    rpc: Rpc,
    /// Whether it can be waited for with `waitfornewblock`; true until it says otherwise.
    long_poll: bool,
    /// Whether it can take a package; true until it says otherwise.
    packages: bool,
    /// The connection on which it proved to follow the right chain.
    checked: Option<u64>,
    /// How many blocks to ask for at once.
    blocks_at_once: usize,
}

impl Bitcoind {
    /// Does not connect yet.
    pub fn new(config: Config) -> Self {
        let rpc = Rpc::new(config.address.clone(), config.auth.clone(), config.patience);
        Self { config, rpc, long_poll: true, packages: true, checked: None, blocks_at_once: 1 }
    }

    /// What it was made from.
    pub const fn config(&self) -> &Config {
        &self.config
    }
}

impl Backend for Bitcoind {
    fn next(&mut self, locator: &[Tip], timeout: Duration) -> Result<ChainEvent, BackendError> {
        self.next_event(locator, timeout)
    }

    fn broadcast(&mut self, transactions: &[Transaction]) -> Result<(), BroadcastError> {
        self.check_network()?;
        self.send(transactions)
    }

    fn test_accept(&mut self, transaction: &Transaction) -> Verdict {
        let verdict = self.check_network().and_then(|()| Ok(self.test(transaction)?));
        verdict.unwrap_or_else(|error| Verdict::Unknown(Untested::Unavailable(error.to_string())))
    }

    fn feerate(&mut self, target_blocks: u16) -> Option<u32> {
        self.check_network().ok()?;
        self.estimate(target_blocks).ok().flatten()
    }

    fn min_feerate(&mut self) -> Option<u32> {
        self.check_network().ok()?;
        self.mempool_minimum().ok().flatten()
    }

    fn seen(&mut self, txids: &[Txid]) -> Result<BTreeMap<Txid, Seen>, BackendError> {
        self.check_network()?;
        self.look_for(txids)
    }

    fn unspent(
        &mut self,
        outpoints: &[OutPoint],
    ) -> Result<BTreeMap<OutPoint, UnspentOutput>, BackendError> {
        self.check_network()?;
        self.outputs(outpoints, true)
    }

    fn tip(&mut self) -> Result<Tip, BackendError> {
        Ok(self.info()?.tip())
    }

    fn tip_at(&mut self, height: u32) -> Result<Option<Tip>, BackendError> {
        Ok(self.hash_at(height)?.map(|hash| Tip { height, hash }))
    }

    fn block(&mut self, hash: BlockHash) -> Result<Option<Arc<Block>>, BackendError> {
        self.find_block(hash)
    }

    fn another(&self) -> Box<dyn Backend> {
        Box::new(Self::new(self.config.clone()))
    }
}

impl fmt::Debug for Bitcoind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitcoind at {}", self.config.address)
    }
}

fn parse_address(text: &str, network: Network) -> Result<String, AddressError> {
    if text.starts_with("https://") {
        return Err(AddressError::Https);
    }
    let rest = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let host_ends = rest.rfind(']').unwrap_or(0);
    let after_host = rest.get(host_ends..).unwrap_or_default();
    let (host, port) = match after_host.rfind(':') {
        Some(colon) => rest.split_at(host_ends.saturating_add(colon)),
        None => (rest, ""),
    };
    let strange = |c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c);
    let colons = host.contains(':') && !host.starts_with('[');
    let malformed = || AddressError::NotHostAndPort(text.to_owned());
    if host.is_empty() || host.contains(strange) || colons {
        return Err(malformed());
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().map_err(|_| malformed())?,
        None => default_port(network),
    };
    Ok(format!("{host}:{port}"))
}

fn default_port(network: Network) -> u16 {
    match network {
        Network::Testnet => 18332,
        Network::Testnet4 => 48332,
        Network::Signet => 38332,
        Network::Regtest => 18443,
        // The type is open for networks to come.
        _ => 8332,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_one_writes_them() {
        let parse = |text: &str| parse_address(text, Network::Regtest);
        for (text, address) in [
            ("127.0.0.1:1234", "127.0.0.1:1234"),
            ("http://localhost:1234/", "localhost:1234"),
            ("node.example", "node.example:18443"),
            ("[::1]:1234", "[::1]:1234"),
            ("[::1]", "[::1]:18443"),
        ] {
            assert_eq!(parse(text), Ok(address.to_owned()), "{text}");
        }
        assert_eq!(parse("https://node.example"), Err(AddressError::Https));
        for text in ["", ":1234", "host:port", "host:99999", "a b", "::1", "u:p@host:1", "host/x"] {
            assert_eq!(parse(text), Err(AddressError::NotHostAndPort(text.into())), "{text}");
        }
    }

    #[test]
    fn each_network_has_its_port() {
        for (network, port) in [
            (Network::Bitcoin, 8332),
            (Network::Testnet, 18332),
            (Network::Testnet4, 48332),
            (Network::Signet, 38332),
        ] {
            assert_eq!(parse_address("host", network), Ok(format!("host:{port}")));
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let auth = Auth::Password { user: "me".into(), password: "hidden".into() };
        let config = Config::new("host", auth, Network::Regtest).unwrap();
        assert!(!format!("{config:?}").contains("hidden"));
    }
}
