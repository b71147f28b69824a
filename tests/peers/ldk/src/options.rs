//! The command line.

use ldk_node::bitcoin::Network;
use ldk_node::bitcoin::secp256k1::PublicKey;
use ldk_node::config::{AnchorChannelsConfig, Config};
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::lightning::routing::gossip::NodeAlias;
use std::path::PathBuf;

/// What the command line says.
pub struct Options {
    pub data_dir: PathBuf,
    listen: SocketAddress,
    pub bitcoind: (String, u16),
    pub bitcoind_user: String,
    pub bitcoind_password: String,
    anchors: bool,
    zero_conf: Vec<PublicKey>,
}

impl Options {
    /// Reads the command line; `None` when only the version is asked for.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut data_dir = None;
        let mut listen = None;
        let mut bitcoind = None;
        let (mut user, mut password) = (String::new(), String::new());
        let mut anchors = true;
        let mut zero_conf = Vec::new();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} wants a value"));
            match flag.as_str() {
                "--version" => return Ok(None),
                "--data-dir" => data_dir = Some(PathBuf::from(value()?)),
                "--listen" => {
                    let text = value()?;
                    listen = Some(text.parse().map_err(|_| format!("--listen: {text}"))?);
                }
                "--bitcoind" => bitcoind = Some(host_and_port(&value()?)?),
                "--bitcoind-user" => user = value()?,
                "--bitcoind-password" => password = value()?,
                "--no-anchors" => anchors = false,
                "--zero-conf" => {
                    let text = value()?;
                    zero_conf.push(text.parse().map_err(|_| format!("--zero-conf: {text}"))?);
                }
                _ => return Err(format!("unknown flag {flag}")),
            }
        }
        Ok(Some(Self {
            data_dir: data_dir.ok_or("--data-dir is missing")?,
            listen: listen.ok_or("--listen is missing")?,
            bitcoind: bitcoind.ok_or("--bitcoind is missing")?,
            bitcoind_user: user,
            bitcoind_password: password,
            anchors,
            zero_conf,
        }))
    }

    /// A node that takes announced channels (alias, address) and anchor channels while its wallet is empty
    /// (no reserve).
    pub fn config(&self) -> Config {
        let mut alias = [0; 32];
        alias[..8].copy_from_slice(b"ldk-peer");
        let anchors =
            AnchorChannelsConfig { per_channel_reserve_sats: 0, ..AnchorChannelsConfig::default() };
        Config {
            network: Network::Regtest,
            listening_addresses: Some(vec![self.listen.clone()]),
            node_alias: Some(NodeAlias(alias)),
            trusted_peers_0conf: self.zero_conf.clone(),
            anchor_channels_config: self.anchors.then_some(anchors),
            ..Config::default()
        }
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let parts = text.split_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parts.ok_or_else(|| format!("--bitcoind: {text}"))?;
    Ok((host.to_owned(), port))
}
