//! The node's views as JSON: amounts in satoshi, ids as hex, in the field's words.

use bitcoin::OutPoint;
use funding::{FundingPosition, Role};
use node::{
    BalanceView, ChannelView, CoinView, CommandError, HistoryEntry, InfoView, Notice, PeerView,
    Reply, RequestView, Standing, UnconfirmedView,
};
use serde_json::{Value, json};
use std::fmt::Display;
use transactions::KeysId;

/// A reply.
pub fn reply(reply: &Reply) -> Value {
    match reply {
        Reply::Done => json!({"done": true}),
        Reply::Request(view) => json!({"request": request(view)}),
        Reply::Address(address) => json!({"address": address.to_string()}),
        Reply::Sent { txid, fee } => json!({"txid": txid.to_string(), "fee_sat": fee.to_sat()}),
        Reply::Balance(view) => json!({"balance": balance(view)}),
        Reply::Coins(coins) => json!({"coins": coins.iter().map(coin).collect::<Vec<_>>()}),
        Reply::Channels(views) => {
            json!({"channels": views.iter().map(channel).collect::<Vec<_>>()})
        }
        Reply::Requests(views) => {
            json!({"requests": views.iter().map(request).collect::<Vec<_>>()})
        }
        Reply::Peers(views) => json!({"peers": views.iter().map(peer).collect::<Vec<_>>()}),
        Reply::Info(view) => json!({"info": info(view)}),
        Reply::Failed(error) => json!({"error": failure(error)}),
    }
}

/// Why a command was refused.
pub fn failure(error: &CommandError) -> Value {
    json!({"code": error.code, "text": error.text})
}

/// News.
pub fn notice(notice: &Notice) -> Value {
    match notice {
        Notice::Channel { keys_id, request, node_id, entry } => json!({
            "event": "channel",
            "keys_id": hex(keys_id),
            "request": request.as_ref().map(ToString::to_string),
            "node_id": node_id.to_string(),
            "transition": history(entry),
        }),
        Notice::Request(view) => json!({"event": "request", "request": request(view)}),
        Notice::Peer { node_id, connected, reason } => json!({
            "event": "peer",
            "node_id": node_id.to_string(),
            "connected": connected,
            "reason": reason,
        }),
        Notice::Block { height } => json!({"event": "block", "height": height.0}),
        Notice::Note { node_id, keys_id, text } => json!({
            "event": "note",
            "node_id": node_id.to_string(),
            "keys_id": keys_id.as_ref().map(hex),
            "text": text,
        }),
    }
}

/// A channel.
pub fn channel(view: &ChannelView) -> Value {
    json!({
        "keys_id": hex(&view.keys_id),
        "request": text(view.request.as_ref()),
        "node_id": view.node_id.to_string(),
        "role": role(view.role),
        "state": view.state,
        "channel_point": text(view.outpoint.as_ref()),
        "channel_id": text(view.channel_id.as_ref()),
        "short_channel_id": text(view.short_channel_id.as_ref()),
        "channel_type": text(view.channel_type.as_ref()),
        "announced": view.announced,
        "capacity_sat": view.capacity.to_sat(),
        "local_balance_msat": view.local_balance.0,
        "remote_balance_msat": view.remote_balance.0,
        "commit_fee_sat": view.commit_fee.to_sat(),
        "anchors_sat": view.anchors.to_sat(),
        "funding": view.position.as_ref().map(position),
        "confirmations": format!("{}/{}", view.confirmations.0, view.minimum_depth),
        "connected": view.connected,
        "peer_update_pending": view.peer_update_pending,
        "text": view.text,
        "closing_txid": text(view.closing_txid.as_ref()),
        "ending": view.ending,
        "sweep_txid": text(view.sweep_txid.as_ref()),
        "unconfirmed": view.unconfirmed.iter().map(unconfirmed).collect::<Vec<_>>(),
        "history": view.history.iter().map(history).collect::<Vec<_>>(),
    })
}

fn unconfirmed(view: &UnconfirmedView) -> Value {
    let (standing, refused) = match &view.standing {
        Standing::Unknown => ("unknown", None),
        Standing::Held => ("mempool", None),
        Standing::Missing => ("missing", None),
        Standing::Refused(reason) => ("refused", Some(reason)),
    };
    json!({"txid": view.txid.to_string(), "standing": standing, "refused": refused})
}

fn position(position: &FundingPosition) -> Value {
    match position {
        FundingPosition::Unbroadcast { refused } => {
            json!({"position": "unbroadcast", "refused": refused})
        }
        FundingPosition::Mempool { since } => {
            json!({"position": "mempool", "since_ms": since.0})
        }
        FundingPosition::Confirmed { block, height, tx_index, spent } => json!({
            "position": "confirmed",
            "block": block.to_string(),
            "height": height.0,
            "tx_index": tx_index,
            "spent_at": spent.as_ref().map(|spend| spend.height.0),
        }),
        FundingPosition::Conflicted { by, height } => {
            json!({"position": "conflicted", "by": by.to_string(), "height": height.0})
        }
    }
}

fn request(view: &RequestView) -> Value {
    json!({
        "id": view.id.to_string(),
        "node_id": view.node_id.to_string(),
        "funding_sat": view.funding.to_sat(),
        "status": view.status,
        "text": view.text,
        "origin": text(view.origin.as_ref()),
        "channel_point": text(view.outpoint.as_ref()),
        "attempts": view.attempts,
    })
}

fn balance(view: &BalanceView) -> Value {
    json!({
        "confirmed_sat": view.confirmed.to_sat(),
        "unconfirmed_sat": view.unconfirmed.to_sat(),
        "leased_sat": view.leased.to_sat(),
        "reserved_sat": view.reserved.to_sat(),
    })
}

fn coin(view: &CoinView) -> Value {
    json!({
        "outpoint": outpoint(&view.outpoint),
        "amount_sat": view.amount.to_sat(),
        "height": view.height,
        "leased_by": view.lease.as_ref().map(hex),
    })
}

fn peer(view: &PeerView) -> Value {
    json!({
        "node_id": view.node_id.to_string(),
        "address": view.address,
        "connected": view.connected,
        "wanted": view.wanted,
        "last_error": view.last_error,
    })
}

fn info(view: &InfoView) -> Value {
    json!({
        "node_id": view.node_id.to_string(),
        "network": view.network.to_string(),
        "height": view.height.0,
        "block_hash": view.block_hash.to_string(),
        "end_height": view.end_height.0,
        "synced": view.synced,
        "chain_problem": view.chain_problem,
        "peers": view.peers,
        "pending_channels": view.pending,
        "open_channels": view.open,
    })
}

fn history(entry: &HistoryEntry) -> Value {
    json!({"at_ms": entry.at.0, "from": entry.from, "to": entry.to, "cause": entry.cause})
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Opener => "opener",
        Role::Accepter => "accepter",
    }
}

fn outpoint(outpoint: &OutPoint) -> String {
    outpoint.to_string()
}

fn text<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

/// 16 bytes as hex.
pub fn hex(keys_id: &KeysId) -> String {
    keys_id.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
