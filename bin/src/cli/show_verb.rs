//! `show`: everything that is known of one open; `requests`.

use super::moment::Moment;
use super::node_verbs::standing_text;
use super::output::print_line;
use super::session::Session;
use super::table::{Table, sheet, short, thousands};
use crate::exit::Failure;
use clap::Args;
use rpc::proto::navvy::show_open_request;
use rpc::proto::navvy::{
    FundingPosition, ListRequestsRequest, ListRequestsResponse, Open, Request, ShowOpenRequest,
    ShowOpenResponse, Transition,
};
use rpc::tonic::{Code, Status};

/// An open or a channel.
#[derive(Args, Debug)]
pub struct Show {
    /// A request id, a channel point (TXID:INDEX), or a keys_id (32 hex digits); without it every open that is
    /// not gone, those included that died but that the peer may still believe in.
    #[arg(value_name = "OPEN")]
    open: Option<String>,
}

impl Show {
    /// Shows it.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let answer = match &self.open {
            Some(open) => find(session, open).await,
            None => ask(session, None).await,
        };
        let answer = answer.map_err(|status| session.failure(&status))?;
        let is_one = self.open.is_some();
        if session.format.is_table() && answer.opens.is_empty() && !is_one {
            return print_line("no channel was opened yet");
        }
        let table = if is_one { show_table } else { all_table };
        session.show("navvy.v1.ShowOpenResponse", &answer, table)
    }
}

/// Everything of the open that somebody named in one of its three ways.
///
/// # Errors
/// The daemon's answer.
pub async fn find(session: &Session, name: &str) -> Result<ShowOpenResponse, Status> {
    let is_hex = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let other = if super::channel_point::parse(name).is_ok() {
        Some(show_open_request::Open::ChannelPoint(name.to_owned()))
    } else if is_hex {
        Some(show_open_request::Open::KeysId(name.to_owned()))
    } else {
        None
    };
    if let Some(other) = other {
        match ask(session, Some(other)).await {
            // A request may have any name.
            Err(status) if status.code() == Code::NotFound => {}
            answer => return answer,
        }
    }
    ask(session, Some(show_open_request::Open::RequestId(name.to_owned()))).await
}

/// Everything of an open, or of all that are not gone.
///
/// # Errors
/// The daemon's answer.
pub async fn ask(
    session: &Session,
    open: Option<show_open_request::Open>,
) -> Result<ShowOpenResponse, Status> {
    let request = ShowOpenRequest { open };
    session.navvy().show_open(request).await.map(rpc::tonic::Response::into_inner)
}

fn show_table(answer: &ShowOpenResponse) -> String {
    let mut text = String::new();
    if let Some(request) = &answer.request {
        text.push_str(&request_sheet(request));
    }
    for open in &answer.opens {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&open_sheet(open));
        text.push('\n');
        for transition in &open.transitions {
            text.push_str(&transition_line(transition));
            text.push('\n');
        }
    }
    text
}

fn all_table(answer: &ShowOpenResponse) -> String {
    let mut table = Table::new().words("keys_id").words("request").words("peer");
    table = table.numbers("capacity").words("state").words("channel point").words("because");
    for open in &answer.opens {
        table.row([
            open.keys_id.clone(),
            open.request_id.clone(),
            short(&open.remote_pubkey),
            thousands(open.capacity_sat),
            open.state.clone(),
            open.channel_point.clone(),
            open.text.clone(),
        ]);
    }
    table.to_string()
}

fn request_sheet(request: &Request) -> String {
    sheet(&[
        ("request", request.request_id.clone()),
        ("peer", request.remote_pubkey.clone()),
        ("funding", format!("{} sat", thousands(request.funding_sat))),
        ("status", request.status.clone()),
        ("because", request.text.clone()),
        ("said by", request.origin.clone()),
        ("attempts", request.attempts.to_string()),
    ])
}

fn open_sheet(open: &Open) -> String {
    let state = if open.state.is_empty() { "gone" } else { &open.state };
    let mut rows = vec![
        ("keys_id", open.keys_id.clone()),
        ("state", state.to_owned()),
        ("because", open.text.clone()),
        ("this node", format!("is the {}", open.role)),
        ("peer", open.remote_pubkey.clone()),
        ("peer is", if open.connected { "connected" } else { "away" }.to_owned()),
        ("channel point", open.channel_point.clone()),
        ("channel_id", open.channel_id.clone()),
        ("scid", open.short_channel_id.clone()),
        ("type", open.channel_type.clone()),
        ("announced", if open.announced { "yes" } else { "no" }.to_owned()),
        ("capacity", format!("{} sat", thousands(open.capacity_sat))),
        ("local", msat(open.local_balance_msat)),
        ("remote", msat(open.remote_balance_msat)),
        ("commitment fee", format!("{} sat", thousands(open.commit_fee_sat))),
    ];
    if let Some(position) = &open.position {
        rows.push(("funding", position_text(position)));
        rows.push(("confirmations", format!("{}/{}", open.confirmations, open.minimum_depth)));
    }
    if open.peer_update_pending {
        rows.push((
            "careful",
            "the peer wants another commitment: only closechannel --force works".to_owned(),
        ));
    }
    rows.push(("closing", open.closing_txid.clone()));
    rows.push(("closed by", open.ending.clone()));
    rows.push(("sweep", open.sweep_txid.clone()));
    for one in &open.unconfirmed {
        rows.push(("in no block", format!("{}: {}", one.txid, standing_text(one))));
    }
    sheet(&rows)
}

fn position_text(position: &FundingPosition) -> String {
    match &*position.name {
        "confirmed" if position.spent_by.is_empty() => format!("in block {}", position.height),
        "confirmed" if position.spent_height == 0 => {
            format!("in block {}, spent by {}, in no block", position.height, position.spent_by)
        }
        "confirmed" => format!(
            "in block {}, spent by {} in block {}",
            position.height, position.spent_by, position.spent_height
        ),
        "conflicted" => format!("an input was spent by {}", position.spent_by),
        "unbroadcast" if !position.refused.is_empty() => format!("refused: {}", position.refused),
        name => name.to_owned(),
    }
}

fn msat(amount: u64) -> String {
    format!("{} sat", thousands(amount / 1_000))
}

/// A transition on one line.
pub fn transition_line(transition: &Transition) -> String {
    let Transition { from, to, cause, .. } = transition;
    format!("{}  {}  {cause}", Moment(transition.time_ms), movement(from, to))
}

/// From where to where, or where it stays.
pub fn movement(from: &str, to: &str) -> String {
    match (from, to) {
        (from, to) if from == to => to.to_owned(),
        ("", to) => to.to_owned(),
        (from, "") => format!("{from} -> gone"),
        (from, to) => format!("{from} -> {to}"),
    }
}

/// Which requests.
#[derive(Args, Debug)]
pub struct Requests {
    /// Those that are not decided.
    #[arg(long = "undecided_only", alias = "undecided-only")]
    undecided_only: bool,
}

impl Requests {
    /// Lists them.
    ///
    /// # Errors
    /// See [`Session::failure`].
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListRequestsRequest { undecided_only: self.undecided_only };
        let answer = session.navvy().list_requests(request).await;
        let answer = answer.map_err(|status| session.failure(&status))?.into_inner();
        if session.format.is_table() && answer.requests.is_empty() {
            return print_line("no channel was asked for yet");
        }
        session.show("navvy.v1.ListRequestsResponse", &answer, requests_table)
    }
}

fn requests_table(answer: &ListRequestsResponse) -> String {
    let mut table = Table::new().words("request").words("peer").numbers("funding");
    table = table.words("status").numbers("attempts").words("channel point or reason");
    for request in &answer.requests {
        let outcome = if request.text.is_empty() { &request.channel_point } else { &request.text };
        table.row([
            request.request_id.clone(),
            short(&request.remote_pubkey),
            thousands(request.funding_sat),
            request.status.clone(),
            request.attempts.to_string(),
            outcome.clone(),
        ]);
    }
    table.to_string()
}
