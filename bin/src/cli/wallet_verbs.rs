//! The wallet: `newaddress`, `walletbalance`, `listunspent`, `sendcoins`.

use super::fee_flags::Feerate;
use super::output::print_line;
use super::session::Session;
use super::table::{Table, sheet, thousands};
use crate::exit::{Exit, Failure};
use clap::Args;
use rpc::proto::lnrpc::{
    AddressType, ListUnspentRequest, ListUnspentResponse, NewAddressRequest, SendCoinsRequest,
    WalletBalanceRequest, WalletBalanceResponse,
};
use rpc::proto::navvy::{ListCoinsRequest, ListCoinsResponse};

/// A fresh address.
#[derive(Args, Debug)]
pub struct NewAddress {
    /// Its type; there is one.
    #[arg(value_name = "TYPE", default_value = "p2wkh", value_parser = ["p2wkh"])]
    kind: String,
}

/// Which coins.
#[derive(Args, Debug)]
pub struct ListUnspent {
    /// Least confirmations.
    #[arg(long = "min_confs", alias = "min-confs", value_name = "N", default_value_t = 0)]
    min_confs: i32,
    /// Most confirmations.
    #[arg(long = "max_confs", alias = "max-confs", value_name = "N", default_value_t = i32::MAX, hide_default_value = true)]
    max_confs: i32,
}

/// A payment.
#[derive(Args, Debug)]
#[command(override_usage = "navvy sendcoins [OPTIONS] ADDRESS SAT")]
pub struct SendCoins {
    /// To whom.
    #[arg(long = "addr", value_name = "ADDRESS")]
    addr: Option<String>,
    /// How much, in satoshi.
    #[arg(long = "amt", value_name = "SAT")]
    amt: Option<i64>,
    #[command(flatten)]
    feerate: Feerate,
    /// Both without their flags.
    #[arg(value_name = "ADDRESS SAT", num_args = 0..=2)]
    words: Vec<String>,
}

impl NewAddress {
    /// Makes one.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = NewAddressRequest {
            r#type: AddressType::WitnessPubkeyHash.into(),
            account: String::new(),
        };
        let answer = session.lightning().new_address(request).await;
        let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
        let name = "lnrpc.NewAddressResponse";
        session.show(name, &answer, |answer| format!("{}\n", answer.address))
    }
}

/// What the wallet has.
///
/// # Errors
/// See [`Session::failure`].
pub async fn balance(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().wallet_balance(WalletBalanceRequest::default()).await;
    let balance = answer.map_err(|status| session.failure(&status))?.into_inner();
    session.show("lnrpc.WalletBalanceResponse", &balance, balance_table)
}

fn balance_table(balance: &WalletBalanceResponse) -> String {
    let mut table = Table::new().words("wallet").numbers("sat");
    for (name, amount) in [
        ("confirmed", balance.confirmed_balance),
        ("unconfirmed", balance.unconfirmed_balance),
        ("total", balance.total_balance),
        ("held by opens and closes", balance.locked_balance),
        ("kept for the fees of anchors", balance.reserved_balance_anchor_chan),
    ] {
        table.row([name.to_owned(), thousands(amount)]);
    }
    table.to_string()
}

impl ListUnspent {
    /// Lists the coins.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListUnspentRequest {
            min_confs: self.min_confs,
            max_confs: self.max_confs,
            account: String::new(),
        };
        let answer = session.lightning().list_unspent(request).await;
        let coins = answer.map_err(|status| session.failure(&status))?.into_inner();
        if session.format.is_table() && coins.utxos.is_empty() {
            return print_line("no coin is free");
        }
        session.show("lnrpc.ListUnspentResponse", &coins, coins_table)
    }
}

fn coins_table(answer: &ListUnspentResponse) -> String {
    let mut table = Table::new().words("coin").numbers("sat").numbers("confirmations");
    table = table.words("address");
    for coin in &answer.utxos {
        let outpoint = coin.outpoint.as_ref();
        let outpoint = outpoint.map(|o| format!("{}:{}", o.txid_str, o.output_index));
        table.row([
            outpoint.unwrap_or_default(),
            thousands(coin.amount_sat),
            coin.confirmations.to_string(),
            coin.address.clone(),
        ]);
    }
    table.to_string()
}

/// Lists every coin, with what holds it.
///
/// # Errors
/// See [`Session::failure`].
pub async fn coins(session: &Session) -> Result<(), Failure> {
    let answer = session.navvy().list_coins(ListCoinsRequest {}).await;
    let coins = answer.map_err(|status| session.failure(&status))?.into_inner();
    if session.format.is_table() && coins.coins.is_empty() {
        return print_line("the wallet is empty");
    }
    session.show("navvy.v1.ListCoinsResponse", &coins, all_coins_table)
}

fn all_coins_table(answer: &ListCoinsResponse) -> String {
    let mut table = Table::new().words("coin").numbers("sat").numbers("block").words("held by");
    for coin in &answer.coins {
        let height = if coin.height == 0 { String::new() } else { coin.height.to_string() };
        let sat = thousands(coin.amount_sat);
        table.row([coin.outpoint.clone(), sat, height, coin.leased_by.clone()]);
    }
    table.to_string()
}

impl SendCoins {
    /// Pays.
    ///
    /// # Errors
    /// [`Exit::Usage`], or see [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut words = self.words.into_iter();
        let addr = self.addr.or_else(|| words.next());
        let addr = addr.ok_or_else(|| usage("say to whom: --addr ADDRESS"))?;
        let amount = match self.amt {
            Some(amount) => amount,
            None => {
                let word = words.next().ok_or_else(|| usage("say how much: --amt SAT"))?;
                word.parse().map_err(|_| usage(&format!("{word:?} is no amount in satoshi")))?
            }
        };
        if words.next().is_some() {
            return Err(usage("too many words: write sendcoins ADDRESS SAT"));
        }
        let sat_per_vbyte = self.feerate.sat_per_vbyte;
        let request = SendCoinsRequest { addr, amount, sat_per_vbyte, ..Default::default() };
        let answer = session.lightning().send_coins(request).await;
        let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
        session.show("lnrpc.SendCoinsResponse", &answer, |answer| {
            sheet(&[("txid", answer.txid.clone())])
        })
    }
}

fn usage(text: &str) -> Failure {
    Failure::new(Exit::Usage, text)
}
