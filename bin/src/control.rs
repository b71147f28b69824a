//! One JSON line for each command, on a unix socket: how the daemon is driven until it has an RPC.
//!
//! `{"command": "open", "request": "my-1", "node_id": "02..", "funding_sat": 100000}` is answered by one
//! line. After `{"command": "watch"}` the news follow, one line each, until the client goes away.

use crate::client::Client;
use crate::json;
use bitcoin::{Address, Amount, Network, OutPoint, ScriptBuf};
use funding::RequestId;
use node::{CloseCommand, Command, CommandError, OpenCommand};
use secp256k1::PublicKey;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::error::RecvError;
use transactions::FeeratePerKw;
use wire::ChannelType;

/// Serves at `path`, which only the owner can reach, until the runtime ends.
///
/// # Errors
/// When the path cannot be had.
pub async fn serve(path: &Path, client: Client, network: Network) -> std::io::Result<()> {
    // The data folder is locked by this process: what is there is left over from an earlier one.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(talk(stream, client.clone(), network));
                }
                // Too many open files, most likely: that passes, and the operator must get in again.
                Err(error) => {
                    tracing::warn!(%error, "the control socket");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    });
    Ok(())
}

async fn talk(stream: UnixStream, client: Client, network: Network) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LONGEST_LINE);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let answer = match parse(&line, network) {
            Ok(Wish::Watch) => {
                watch(&client, &mut writer).await;
                return;
            }
            Ok(Wish::Command(command)) => json::reply(&client.ask(command).await),
            Err(text) => {
                json!({"error": json::failure(&CommandError { code: "bad_command", text })})
            }
        };
        if write_line(&mut writer, &answer).await.is_err() {
            return;
        }
    }
}

async fn watch(client: &Client, writer: &mut (impl AsyncWriteExt + Unpin)) {
    let mut notices = client.notices();
    if write_line(writer, &json!({"done": true})).await.is_err() {
        return;
    }
    loop {
        let line = match notices.recv().await {
            Ok(notice) => json::notice(&notice),
            Err(RecvError::Lagged(missed)) => json!({"event": "gap", "missed": missed}),
            Err(RecvError::Closed) => return,
        };
        if write_line(writer, &line).await.is_err() {
            return;
        }
    }
}

async fn write_line(
    writer: &mut (impl AsyncWriteExt + Unpin),
    value: &Value,
) -> std::io::Result<()> {
    writer.write_all(format!("{value}\n").as_bytes()).await?;
    writer.flush().await
}

enum Wish {
    Command(Command),
    Watch,
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Open {
        request: String,
        node_id: PublicKey,
        address: Option<String>,
        funding_sat: u64,
        #[serde(default)]
        push_sat: u64,
        #[serde(default)]
        announce: bool,
        channel_type: Option<String>,
        sat_per_kw: Option<u32>,
        max_fee_sat: Option<u64>,
        #[serde(default)]
        coins: Vec<OutPoint>,
        #[serde(default)]
        force: bool,
    },
    Close {
        channel_point: OutPoint,
        #[serde(default)]
        force: bool,
        sat_per_kw: Option<u32>,
        max_sat_per_kw: Option<u32>,
        address: Option<String>,
    },
    Connect {
        node_id: PublicKey,
        address: String,
    },
    Disconnect {
        node_id: PublicKey,
    },
    NewAddress,
    Send {
        address: String,
        amount_sat: u64,
        sat_per_kw: Option<u32>,
    },
    Balance,
    Coins,
    Channels,
    Requests,
    Peers,
    Info,
    Watch,
}

fn parse(line: &[u8], network: Network) -> Result<Wish, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok(Wish::Command(match line {
        Line::Open {
            request,
            node_id,
            address,
            funding_sat,
            push_sat,
            announce,
            channel_type,
            sat_per_kw,
            max_fee_sat,
            coins,
            force,
        } => {
            if request.is_empty() || request.len() > LONGEST_REQUEST {
                return Err("request must have 1 to 64 bytes: choose a name for it".to_owned());
            }
            Command::Open(Box::new(OpenCommand {
                request: RequestId(request),
                node_id,
                address,
                funding: Amount::from_sat(funding_sat),
                push: Amount::from_sat(push_sat),
                announce,
                channel_type: parse_type(channel_type.as_deref())?,
                feerate: sat_per_kw.map(FeeratePerKw),
                max_fee: max_fee_sat.map_or(MOST_FEE, Amount::from_sat),
                coins,
                force,
            }))
        }
        Line::Close { channel_point, force, sat_per_kw, max_sat_per_kw, address } => {
            Command::Close(CloseCommand {
                outpoint: channel_point,
                force,
                feerate: sat_per_kw.map(FeeratePerKw),
                cap: max_sat_per_kw.map(FeeratePerKw),
                script: address.map(|address| parse_address(&address, network)).transpose()?,
            })
        }
        Line::Connect { node_id, address } => Command::Connect { node_id, address, keep: false },
        Line::Disconnect { node_id } => Command::Disconnect { node_id },
        Line::NewAddress => Command::NewAddress,
        Line::Send { address, amount_sat, sat_per_kw } => Command::Send {
            script: parse_address(&address, network)?,
            amount: Amount::from_sat(amount_sat),
            feerate: sat_per_kw.map(FeeratePerKw),
        },
        Line::Balance => Command::Balance,
        Line::Coins => Command::Coins,
        Line::Channels => Command::Channels,
        Line::Requests => Command::Requests,
        Line::Peers => Command::Peers,
        Line::Info => Command::Info,
        Line::Watch => return Ok(Wish::Watch),
    }))
}

fn parse_type(name: Option<&str>) -> Result<ChannelType, String> {
    match name {
        None | Some("anchors") => Ok(ChannelType::anchors_zero_fee_htlc_tx()),
        Some("static_remotekey") => Ok(ChannelType::static_remotekey()),
        Some(other) => Err(format!("channel_type {other:?}: choose anchors or static_remotekey")),
    }
}

fn parse_address(text: &str, network: Network) -> Result<ScriptBuf, String> {
    let address: Address<_> = text.parse().map_err(|error| format!("address {text:?}: {error}"))?;
    let address = address
        .require_network(network)
        .map_err(|_| format!("address {text:?} is not of network {network}"))?;
    Ok(address.script_pubkey())
}

const LONGEST_LINE: u64 = 65_536;
const AFTER_ERROR: std::time::Duration = std::time::Duration::from_millis(500);
const LONGEST_REQUEST: usize = 64;
/// What a funding transaction may cost if nobody said.
const MOST_FEE: Amount = Amount::from_sat(100_000);
