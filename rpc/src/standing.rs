//! Standing: how the node stands with its chain and with its own transactions.

use crate::channels::{hex, point};
use crate::host::Host;
use crate::proto::navvy::{StandingResponse, Unconfirmed};
use node::{ChannelView, Standing, UnconfirmedView};
use tonic::Status;

pub(crate) async fn standing(host: &Host) -> Result<StandingResponse, Status> {
    let info = host.info().await?;
    let channels = host.channels().await?;
    Ok(StandingResponse {
        block_height: info.height.0,
        end_height: info.end_height.0,
        synced: info.synced,
        chain_problem: info.chain_problem.unwrap_or_default(),
        chain_problem_since_ms: info.chain_problem_since.map_or(0, |since| since.0),
        unconfirmed: channels.iter().flat_map(unconfirmed).collect(),
    })
}

/// The transactions of an open or a channel that are in no block.
pub(crate) fn unconfirmed(view: &ChannelView) -> Vec<Unconfirmed> {
    let of_this = |transaction: &UnconfirmedView| {
        let (standing, reason) = match &transaction.standing {
            Standing::Unknown => ("unknown", ""),
            Standing::Held => ("held", ""),
            Standing::Missing => ("missing", ""),
            Standing::Refused(reason) => ("refused", reason.as_str()),
        };
        Unconfirmed {
            txid: transaction.txid.to_string(),
            standing: standing.to_owned(),
            reason: reason.to_owned(),
            keys_id: hex(&view.keys_id.0),
            channel_point: point(view.outpoint),
        }
    };
    view.unconfirmed.iter().map(of_this).collect()
}
