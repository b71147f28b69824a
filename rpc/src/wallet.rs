//! NewAddress, WalletBalance, ListUnspent, SendCoins.

use crate::fields::{self, FeeFields};
use crate::host::Host;
use crate::proto::lnrpc::{
    AddressType, CoinSelectionStrategy, ListUnspentRequest, ListUnspentResponse, NewAddressRequest,
    NewAddressResponse, OutPoint, SendCoinsRequest, SendCoinsResponse, Utxo, WalletAccountBalance,
    WalletBalanceRequest, WalletBalanceResponse,
};
use crate::refusal::{Purpose, expect_reply, malformed, not_honoured};
use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Amount, Network};
use node::{BalanceView, CoinView, Command, Height, Reply};
use std::collections::BTreeMap;
use tonic::Status;

pub(crate) async fn new_address(
    host: &Host,
    request: NewAddressRequest,
) -> Result<NewAddressResponse, Status> {
    fields::account(&request.account)?;
    match AddressType::try_from(request.r#type) {
        Ok(AddressType::WitnessPubkeyHash) => {}
        Ok(AddressType::UnusedWitnessPubkeyHash) => {
            let instead = "every address is a fresh one, so ask for p2wkh (WITNESS_PUBKEY_HASH)";
            return Err(not_honoured("type UNUSED_WITNESS_PUBKEY_HASH", instead));
        }
        Ok(other) => {
            let field = format!("type {}", other.as_str_name());
            let instead = "the wallet has p2wkh (WITNESS_PUBKEY_HASH) addresses only";
            return Err(not_honoured(&field, instead));
        }
        Err(_) => return Err(malformed("type", "there is no such type of address")),
    }
    let reply = host.node.ask(Command::NewAddress).await;
    expect_reply!(reply, Purpose::Other, Reply::Address(address) => NewAddressResponse {
        address: address.to_string()
    })
}

pub(crate) async fn balance(
    host: &Host,
    request: WalletBalanceRequest,
) -> Result<WalletBalanceResponse, Status> {
    fields::account(&request.account)?;
    let reply = host.node.ask(Command::Balance).await;
    let balance: Result<BalanceView, Status> =
        expect_reply!(reply, Purpose::Other, Reply::Balance(balance) => balance);
    let balance = balance?;
    let mut confirmed = balance.confirmed;
    match request.min_confs {
        ..0 => return Err(malformed("min_confs", "it is negative")),
        0 | 1 => {}
        least => confirmed = deep(host, least).await?,
    }
    let (confirmed, unconfirmed) = (satoshis(confirmed), satoshis(balance.unconfirmed));
    let account =
        WalletAccountBalance { confirmed_balance: confirmed, unconfirmed_balance: unconfirmed };
    Ok(WalletBalanceResponse {
        total_balance: confirmed.saturating_add(unconfirmed),
        confirmed_balance: confirmed,
        unconfirmed_balance: unconfirmed,
        account_balance: BTreeMap::from([("default".to_owned(), account)]),
        locked_balance: satoshis(balance.leased),
        reserved_balance_anchor_chan: satoshis(balance.reserved),
    })
}

/// What is free and so deep.
async fn deep(host: &Host, least: i32) -> Result<Amount, Status> {
    let tip = host.info().await?.height;
    let coins = host.coins().await?;
    let deep = coins
        .iter()
        .filter(|coin| coin.lease.is_none() && confirmations(coin, tip) >= i64::from(least));
    Ok(deep.map(|coin| coin.amount).sum())
}

pub(crate) async fn unspent(
    host: &Host,
    request: ListUnspentRequest,
) -> Result<ListUnspentResponse, Status> {
    fields::account(&request.account)?;
    let (min, max) = (request.min_confs, request.max_confs);
    if min < 0 {
        return Err(malformed("min_confs", "min confirmations must be >= 0"));
    }
    if min > max {
        return Err(malformed("max_confs", "max confirmations must be >= min confirmations"));
    }
    let tip = host.info().await?.height;
    let coins = host.coins().await?;
    let range = i64::from(min)..=i64::from(max);
    let wanted = coins
        .iter()
        .filter(|coin| coin.lease.is_none() && range.contains(&confirmations(coin, tip)));
    Ok(ListUnspentResponse { utxos: wanted.map(|coin| utxo(coin, tip, host.network)).collect() })
}

fn utxo(coin: &CoinView, tip: Height, network: Network) -> Utxo {
    let address = Address::from_script(&coin.script, network);
    Utxo {
        address_type: AddressType::WitnessPubkeyHash.into(),
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        amount_sat: satoshis(coin.amount),
        pk_script: coin.script.to_hex_string(),
        outpoint: Some(OutPoint {
            txid_bytes: coin.outpoint.txid.to_byte_array().to_vec(),
            txid_str: coin.outpoint.txid.to_string(),
            output_index: coin.outpoint.vout,
        }),
        confirmations: confirmations(coin, tip),
    }
}

fn confirmations(coin: &CoinView, tip: Height) -> i64 {
    let Some(height) = coin.height else { return 0 };
    i64::from(tip.0.saturating_add(1).saturating_sub(height))
}

pub(crate) async fn send(
    host: &Host,
    request: SendCoinsRequest,
) -> Result<SendCoinsResponse, Status> {
    #[expect(deprecated, reason = "old clients set it")]
    let fees = FeeFields {
        sat_per_vbyte: request.sat_per_vbyte,
        sat_per_byte: request.sat_per_byte,
        target_conf: request.target_conf,
    };
    let fees = fees.wish()?;
    let script = fields::script("addr", &request.addr, host.network)?;
    if request.send_all {
        return Err(not_honoured("send_all", "say the amount, and leave some for the fee"));
    }
    if !request.label.is_empty() {
        return Err(not_honoured("label", "leave it away, transactions have no labels"));
    }
    if !request.outpoints.is_empty() {
        return Err(not_honoured("outpoints", "leave them away, the wallet chooses its coins"));
    }
    if request.spend_unconfirmed || !matches!(request.min_confs, 0 | 1) {
        let instead = "leave it away, the wallet spends coins from 1 confirmation on";
        return Err(not_honoured("min_confs or spend_unconfirmed", instead));
    }
    if request.coin_selection_strategy != i32::from(CoinSelectionStrategy::StrategyUseGlobalConfig)
    {
        let instead = "leave it away, the wallet has its own strategy";
        return Err(not_honoured("coin_selection_strategy", instead));
    }
    if request.amount == 0 {
        return Err(malformed("amount", "there is nothing to send"));
    }
    let amount = fields::amount("amount", request.amount)?;
    let feerate = host.feerate(fees).await?;
    let reply = host.node.ask(Command::Send { script, amount, feerate }).await;
    expect_reply!(reply, Purpose::Other, Reply::Sent { txid, .. } => SendCoinsResponse {
        txid: txid.to_string()
    })
}

/// All the bitcoin there will be fit in.
pub(crate) fn satoshis(amount: Amount) -> i64 {
    i64::try_from(amount.to_sat()).unwrap_or(i64::MAX)
}
