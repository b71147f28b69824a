//! GetInfo, GetState, GetVersion.

use crate::host::Host;
use crate::proto::lnrpc::{Chain, Feature, GetInfoResponse, WalletState};
use crate::proto::verrpc::Version;
use bitcoin::Network;
use node::{Features, feature};
use secp256k1::PublicKey;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::Status;

pub(crate) async fn info(host: &Host) -> Result<GetInfoResponse, Status> {
    let info = host.info().await?;
    let channels = host.channels().await?;
    let open = || channels.iter().filter(|channel| channel.state == "Normal");
    let active = open().filter(|channel| channel.connected).count();
    let pending = channels.iter().filter(|channel| channel.state == "WaitForChannelReady").count();
    #[expect(deprecated, reason = "old clients read it")]
    let chain = Chain { chain: "bitcoin".to_owned(), network: network_name(host.network) };
    #[expect(deprecated, reason = "old clients read it")]
    Ok(GetInfoResponse {
        identity_pubkey: info.node_id.to_string(),
        alias: host.alias.clone().unwrap_or_else(|| alias(&info.node_id)),
        num_pending_channels: count(pending),
        num_active_channels: count(active),
        num_inactive_channels: count(open().count().saturating_sub(active)),
        num_peers: count(info.peers),
        block_height: info.height.0,
        block_hash: info.block_hash.to_string(),
        synced_to_chain: info.synced && info.chain_problem.is_none(),
        testnet: matches!(host.network, Network::Testnet | Network::Testnet4),
        uris: host.uris.clone(),
        best_header_timestamp: header_time(info.block_time),
        version: format!("{} navvy", env!("CARGO_PKG_VERSION")),
        chains: vec![chain],
        color: COLOR.to_owned(),
        // There is no graph, so there is nothing that it could lack.
        synced_to_graph: true,
        features: features(&info.features),
        commit_hash: String::new(),
        require_htlc_interceptor: false,
        store_final_htlc_resolutions: false,
        wallet_synced: info.synced,
    })
}

pub(crate) async fn state(host: &Host) -> WalletState {
    match host.info().await {
        Ok(info) if info.synced => WalletState::ServerActive,
        Ok(_) | Err(_) => WalletState::RpcActive,
    }
}

pub(crate) fn version() -> Version {
    let number = |text: &str| text.parse().unwrap_or(0);
    let version = env!("CARGO_PKG_VERSION");
    Version {
        commit: String::new(),
        commit_hash: String::new(),
        version: format!("{version} navvy"),
        app_major: number(env!("CARGO_PKG_VERSION_MAJOR")),
        app_minor: number(env!("CARGO_PKG_VERSION_MINOR")),
        app_patch: number(env!("CARGO_PKG_VERSION_PATCH")),
        app_pre_release: env!("CARGO_PKG_VERSION_PRE").to_owned(),
        build_tags: Vec::new(),
        go_version: String::new(),
    }
}

/// By their bits, with the names of BOLT 9.
pub(crate) fn features(features: &Features) -> BTreeMap<u32, Feature> {
    let entry = |bit: u16| {
        let name = feature::name(bit);
        let feature = Feature {
            name: name.unwrap_or("unknown").to_owned(),
            is_required: bit.is_multiple_of(2),
            is_known: name.is_some(),
        };
        (u32::from(bit), feature)
    };
    features.bits().map(entry).collect()
}

/// LND's words for networks.
fn network_name(network: Network) -> String {
    if network == Network::Bitcoin { "mainnet".to_owned() } else { network.to_string() }
}

/// A name for a node that has none: the beginning of its id, as with LND.
fn alias(node_id: &PublicKey) -> String {
    node_id.to_string().chars().take(20).collect()
}

/// Some clients take 0 for an error: before the first block of this process the present has to do.
fn header_time(seconds: u32) -> i64 {
    if seconds != 0 {
        return i64::from(seconds);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(1).max(1)
}

pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Clients draw a node in its colour; they expect one.
const COLOR: &str = "#b5651d";
