//! `pendingchannels`: what is on its way in or out, and how far.

use super::node_verbs::standing_text;
use super::output::print_line;
use super::session::Session;
use super::table::{Table, short, thousands};
use crate::exit::Failure;
use rpc::proto::lnrpc::pending_channels_response::PendingChannel;
use rpc::proto::lnrpc::{PendingChannelsRequest, PendingChannelsResponse};
use rpc::proto::navvy::Unconfirmed;

/// Lists them.
///
/// # Errors
/// See [`Session::failure`].
pub async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session.lightning().pending_channels(PendingChannelsRequest::default()).await;
    let pending = answer.map_err(|status| session.failure(&status))?.into_inner();
    if session.format.is_table() && rows(&pending).is_empty() {
        return print_line("nothing is pending");
    }
    let standing = session.standing().await?;
    session.show_with("lnrpc.PendingChannelsResponse", &pending, &standing, |pending, standing| {
        table(pending, &standing.unconfirmed).to_string()
    })
}

fn table(pending: &PendingChannelsResponse, unconfirmed: &[Unconfirmed]) -> Table {
    let mut table = Table::new().words("channel point").words("peer").numbers("capacity");
    table = table.numbers("local").words("what").words("how far");
    for mut row in rows(pending) {
        let [point, .., how_far] = &mut row;
        for one in unconfirmed.iter().filter(|one| one.channel_point == *point) {
            how_far.push_str(&format!("; {} {}", short(&one.txid), standing_text(one)));
        }
        table.row(row);
    }
    table
}

fn rows(pending: &PendingChannelsResponse) -> Vec<[String; 6]> {
    let mut rows = Vec::new();
    for open in &pending.pending_open_channels {
        let how_far = match (open.confirmation_height, open.confirmations_until_active) {
            (0, missing) => {
                format!(
                    "not in a block; {missing} to go; {} left",
                    blocks(open.funding_expiry_blocks)
                )
            }
            (height, 0) => format!("deep enough since block {height}; waits for channel_ready"),
            (height, missing) => format!("in block {height}; {missing} to go"),
        };
        rows.push(row(open.channel.as_ref(), "open", how_far));
    }
    for close in &pending.waiting_close_channels {
        let how_far = match &*close.closing_txid {
            "" => "no closing transaction yet".to_owned(),
            txid if close.close_height == 0 => format!("{txid} is in no block"),
            txid => {
                let left = close.blocks_til_close_confirmed;
                format!("{txid} in block {}; {left} to go", close.close_height)
            }
        };
        rows.push(row(close.channel.as_ref(), "close", how_far));
    }
    for close in &pending.pending_force_closing_channels {
        let ripe = close.blocks_til_maturity;
        let ripe = if ripe > 0 { format!("ripe in {}", blocks(ripe)) } else { "ripe".to_owned() };
        let limbo = thousands(close.limbo_balance);
        let how_far = format!("{}; {limbo} sat {ripe}", close.closing_txid);
        rows.push(row(close.channel.as_ref(), "force close", how_far));
    }
    rows
}

fn blocks(number: i32) -> String {
    if number == 1 { "1 block".to_owned() } else { format!("{number} blocks") }
}

fn row(channel: Option<&PendingChannel>, what: &str, how_far: String) -> [String; 6] {
    let none = PendingChannel::default();
    let channel = channel.unwrap_or(&none);
    [
        channel.channel_point.clone(),
        short(&channel.remote_node_pub),
        thousands(channel.capacity),
        thousands(channel.local_balance),
        what.to_owned(),
        how_far,
    ]
}
