//! What can be asked.

use crate::Peer;
use ldk_node::bitcoin::secp256k1::PublicKey;
use ldk_node::lightning::ln::msgs::SocketAddress;
use ldk_node::{ChannelDetails, LightningBalance, Node, PendingSweepBalance, UserChannelId};
use serde_json::{Value, json};

/// Answers one command. Amounts are satoshi; a channel is named by its `channel_id`.
pub fn run(peer: &Peer, command: &Value) -> Result<Value, String> {
    let node = &peer.node;
    match text(command, "command")? {
        "info" => Ok(info(node)),
        "new_address" => {
            node.onchain_payment().new_address().map(|a| json!(a.to_string())).map_err(told)
        }
        "balance" => Ok(balance(node)),
        "channels" => Ok(node.list_channels().iter().map(channel).collect()),
        "graph" => Ok(node.network_graph().list_channels().into()),
        "events" => Ok(Value::Array(peer.events.all())),
        "connect" => connect(node, command),
        "disconnect" => done(node.disconnect(node_id(command)?)),
        "open" => open(node, command),
        "close" => {
            let (id, remote) = named(node, command)?;
            done(node.close_channel(&id, remote))
        }
        "force_close" => {
            let (id, remote) = named(node, command)?;
            let reason = command["reason"].as_str().map(str::to_owned);
            done(node.force_close_channel(&id, remote, reason))
        }
        "sync" => done(node.sync_wallets()),
        "send" => send(node, command),
        "stop" => done(node.stop()),
        other => Err(format!("unknown command {other}")),
    }
}

fn told(error: ldk_node::NodeError) -> String {
    error.to_string()
}

fn done(result: Result<(), ldk_node::NodeError>) -> Result<Value, String> {
    result.map(|()| Value::Bool(true)).map_err(told)
}

fn text<'a>(command: &'a Value, field: &str) -> Result<&'a str, String> {
    command[field].as_str().ok_or_else(|| format!("{field} is missing"))
}

fn sat(command: &Value, field: &str) -> Result<u64, String> {
    command[field].as_u64().ok_or_else(|| format!("{field} is missing"))
}

fn node_id(command: &Value) -> Result<PublicKey, String> {
    text(command, "node_id")?.parse().map_err(|_| "node_id is no key".to_owned())
}

fn address(command: &Value) -> Result<SocketAddress, String> {
    text(command, "address")?.parse().map_err(|_| "address is none".to_owned())
}

fn info(node: &Node) -> Value {
    let status = node.status();
    json!({
        "node_id": node.node_id().to_string(),
        "height": status.current_best_block.height,
        "block": status.current_best_block.block_hash.to_string(),
        "fees_known_since": status.latest_fee_rate_cache_update_timestamp,
        "peers": node.list_peers().iter().filter(|peer| peer.is_connected)
            .map(|peer| peer.node_id.to_string()).collect::<Vec<_>>(),
    })
}

fn connect(node: &Node, command: &Value) -> Result<Value, String> {
    done(node.connect(node_id(command)?, address(command)?, true))
}

fn open(node: &Node, command: &Value) -> Result<Value, String> {
    let (remote, address) = (node_id(command)?, address(command)?);
    let funding = sat(command, "funding_sat")?;
    let push = command["push_sat"].as_u64().map(|push| push * 1000);
    let opened = if command["announce"] == true {
        node.open_announced_channel(remote, address, funding, push, None)
    } else {
        node.open_channel(remote, address, funding, push, None)
    };
    opened.map(|id| json!(id.0.to_string())).map_err(told)
}

fn send(node: &Node, command: &Value) -> Result<Value, String> {
    let to = text(command, "address")?.parse::<ldk_node::bitcoin::Address<_>>();
    let to = to.map_err(|error| error.to_string())?.assume_checked();
    let sent = node.onchain_payment().send_to_address(&to, sat(command, "amount_sat")?, None);
    sent.map(|txid| json!(txid.to_string())).map_err(told)
}

fn named(node: &Node, command: &Value) -> Result<(UserChannelId, PublicKey), String> {
    let wanted = text(command, "channel_id")?;
    let channels = node.list_channels();
    let channel = channels.iter().find(|channel| channel.channel_id.to_string() == wanted);
    let channel = channel.ok_or_else(|| format!("there is no channel {wanted}"))?;
    Ok((channel.user_channel_id, channel.counterparty_node_id))
}

fn channel(channel: &ChannelDetails) -> Value {
    json!({
        "channel_id": channel.channel_id.to_string(),
        "node_id": channel.counterparty_node_id.to_string(),
        "channel_point": channel.funding_txo.map(|outpoint| outpoint.to_string()),
        "short_channel_id": channel.short_channel_id,
        "funding_sat": channel.channel_value_sats,
        "outbound_msat": channel.outbound_capacity_msat,
        "inbound_msat": channel.inbound_capacity_msat,
        "reserve_sat": channel.unspendable_punishment_reserve,
        "remote_reserve_sat": channel.counterparty_unspendable_punishment_reserve,
        "sat_per_kw": channel.feerate_sat_per_1000_weight,
        "minimum_depth": channel.confirmations_required,
        "depth": channel.confirmations,
        "opener": channel.is_outbound,
        "ready": channel.is_channel_ready,
        "usable": channel.is_usable,
        "announced": channel.is_announced,
        "to_self_delay": channel.force_close_spend_delay,
    })
}

fn balance(node: &Node) -> Value {
    let balance = node.list_balances();
    json!({
        "onchain_sat": balance.total_onchain_balance_sats,
        "spendable_sat": balance.spendable_onchain_balance_sats,
        "lightning_sat": balance.total_lightning_balance_sats,
        "lightning": balance.lightning_balances.iter().map(lightning).collect::<Vec<_>>(),
        "sweeps": balance.pending_balances_from_channel_closures.iter().map(sweep).collect::<Vec<_>>(),
    })
}

fn lightning(balance: &LightningBalance) -> Value {
    match balance {
        LightningBalance::ClaimableOnChannelClose {
            channel_id,
            amount_satoshis,
            transaction_fee_satoshis,
            ..
        } => json!({
            "kind": "on_close",
            "channel_id": channel_id.to_string(),
            "amount_sat": amount_satoshis,
            "fee_sat": transaction_fee_satoshis,
        }),
        LightningBalance::ClaimableAwaitingConfirmations {
            channel_id,
            amount_satoshis,
            confirmation_height,
            source,
            ..
        } => json!({
            "kind": "confirming",
            "channel_id": channel_id.to_string(),
            "amount_sat": amount_satoshis,
            "height": confirmation_height,
            "source": format!("{source:?}"),
        }),
        other => json!({ "kind": "other", "text": format!("{other:?}") }),
    }
}

fn sweep(balance: &PendingSweepBalance) -> Value {
    match balance {
        PendingSweepBalance::PendingBroadcast { channel_id, amount_satoshis } => json!({
            "kind": "waiting",
            "channel_id": channel_id.map(|id| id.to_string()),
            "amount_sat": amount_satoshis,
        }),
        PendingSweepBalance::BroadcastAwaitingConfirmation {
            channel_id,
            latest_spending_txid,
            amount_satoshis,
            ..
        } => json!({
            "kind": "broadcast",
            "channel_id": channel_id.map(|id| id.to_string()),
            "amount_sat": amount_satoshis,
            "txid": latest_spending_txid.to_string(),
        }),
        PendingSweepBalance::AwaitingThresholdConfirmations {
            channel_id,
            latest_spending_txid,
            confirmation_height,
            amount_satoshis,
            ..
        } => json!({
            "kind": "confirmed",
            "channel_id": channel_id.map(|id| id.to_string()),
            "amount_sat": amount_satoshis,
            "txid": latest_spending_txid.to_string(),
            "height": confirmation_height,
        }),
    }
}
