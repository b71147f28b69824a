//! Readers of single settings: each says what it would have taken.

use crate::exit::{Exit, Failure};
use crate::log;
use bitcoin::Network;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(super) fn network(text: &str) -> Result<Network, String> {
    match text {
        "regtest" => Ok(Network::Regtest),
        "signet" => Ok(Network::Signet),
        "testnet4" => Ok(Network::Testnet4),
        "mainnet" => Ok(Network::Bitcoin),
        _ => Err(format!("{text:?}: choose regtest, signet or testnet4")),
    }
}

/// Real money is let in by a flag only: its name says what it means.
pub(super) fn check_network(network: Network, accepted: bool) -> Result<(), Failure> {
    if network != Network::Bitcoin || accepted {
        return Ok(());
    }
    let text = "mainnet is refused: this version cannot update a channel, so that it never pays and \
                stays as it was opened until it is closed; who wants that all the same gives \
                --i-accept-that-mainnet-channels-stay-as-opened";
    Err(Failure::new(Exit::Usage, text))
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(PathBuf::from(text))
}

#[expect(clippy::unnecessary_wraps, reason = "every reader can refuse")]
pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("{text:?} is not an address and a port, such as 127.0.0.1:9735");
    text.parse().map_err(|_| wrong())
}

/// Hosts with their ports, commas between them; without a port it is Lightning's own.
pub(super) fn hosts(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|host| self::host(host.trim())).collect()
}

fn host(text: &str) -> Result<String, String> {
    let wrong = || Err(format!("{text:?} is no host with a port, such as node.example.org:9735"));
    let is_bare_ipv6 = text.matches(':').count() > 1 && !text.starts_with('[');
    if text.is_empty() || is_bare_ipv6 || text.contains(|c: char| c == '@' || c.is_whitespace()) {
        return wrong();
    }
    let after = text.rsplit_once(']').map_or(text, |(_, after)| after);
    match after.rsplit_once(':') {
        None => Ok(format!("{text}:9735")),
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => Ok(text.to_owned()),
        Some(_) => wrong(),
    }
}

/// As BOLT 7 has room for.
pub(super) fn alias(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 32 || text.contains(char::is_control) {
        return Err(format!("{text:?} is no name of 1 to 32 bytes without control characters"));
    }
    Ok(text.to_owned())
}

/// A whole number between these two, both included.
pub(super) fn number(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| match text.replace('_', "").parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("{text:?}: choose a whole number from {least} to {most}")),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err(format!("{text:?} is not true or false")),
    }
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    log::parse(text).map(|_| text.to_owned())
}
