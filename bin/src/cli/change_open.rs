//! `cancel` and `bump`: an open that does not get on.

use super::session::Session;
use super::table::{sheet, thousands};
use crate::exit::Failure;
use clap::Args;
use rpc::proto::navvy::change_open_request::Open;
use rpc::proto::navvy::{ChangeOpenRequest, ChangeOpenResponse};
use rpc::tonic::{Code, Response, Status};

/// An open, and what to spend on it.
#[derive(Args, Debug)]
pub struct ChangeOpen {
    /// A request id, a channel point (TXID:INDEX), or a keys_id (32 hex digits).
    #[arg(value_name = "OPEN")]
    open: String,
    /// The feerate of the new transaction, of a bump with its parent; without it the estimate for 2 blocks.
    #[arg(
        long = "sat_per_vbyte",
        alias = "sat-per-vbyte",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    sat_per_vbyte: u64,
    /// The most that it may cost, in satoshi; without it a tenth of the channel, but at least 10,000.
    #[arg(
        long = "max_fee",
        alias = "max-fee",
        value_name = "SAT",
        default_value_t = 0,
        hide_default_value = true
    )]
    max_fee: u64,
}

/// What to do with an open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Take its coins back.
    Cancel,
    /// Pay for its funding transaction with a child.
    Bump,
}

impl ChangeOpen {
    /// Does it.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, change: Change, session: &Session) -> Result<(), Failure> {
        let answer = match self.other_name() {
            None => self.ask(change, self.request_id(), session).await,
            Some(name) => match self.ask(change, name, session).await {
                // A request may have any name.
                Err(status) if status.code() == Code::NotFound => {
                    self.ask(change, self.request_id(), session).await
                }
                answer => answer,
            },
        };
        let answer = answer.map_err(|status| session.failure(&status))?;
        session.show("navvy.v1.ChangeOpenResponse", &answer, table)
    }

    async fn ask(
        &self,
        change: Change,
        open: Open,
        session: &Session,
    ) -> Result<ChangeOpenResponse, Status> {
        let request = ChangeOpenRequest {
            open: Some(open),
            sat_per_vbyte: self.sat_per_vbyte,
            max_fee_sat: self.max_fee,
        };
        let answer = match change {
            Change::Cancel => session.navvy().cancel_open(request).await,
            Change::Bump => session.navvy().bump_open(request).await,
        };
        answer.map(Response::into_inner)
    }

    fn request_id(&self) -> Open {
        Open::RequestId(self.open.clone())
    }

    fn other_name(&self) -> Option<Open> {
        let name = &self.open;
        if super::channel_point::parse(name).is_ok() {
            return Some(Open::ChannelPoint(name.clone()));
        }
        let is_hex = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| Open::KeysId(name.clone()))
    }
}

fn table(answer: &ChangeOpenResponse) -> String {
    if answer.txid.is_empty() {
        return "done, without a transaction\n".to_owned();
    }
    let fee = format!("{} sat", thousands(answer.fee_sat));
    sheet(&[("txid", answer.txid.clone()), ("fee", fee)])
}
