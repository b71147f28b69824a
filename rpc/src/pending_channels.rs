//! PendingChannels: every channel that is neither open nor closed, in one of LND's lists.

use crate::channels::{
    Balances, anchor_state, commit_weight, commitment_type, hex, opened_by, point,
};
use crate::host::Host;
use crate::proto::lnrpc::pending_channels_response::{
    Commitments, ForceClosedChannel, PendingChannel, PendingOpenChannel, WaitingCloseChannel,
};
use crate::proto::lnrpc::{PendingChannelsRequest, PendingChannelsResponse};
use crate::wallet::satoshis;
use bitcoin::consensus::serialize;
use node::{ChannelView, ClosingView, FundingPosition, Height};
use tonic::Status;

pub(crate) async fn list(
    host: &Host,
    request: PendingChannelsRequest,
) -> Result<PendingChannelsResponse, Status> {
    let tip = host.info().await?.height;
    let channels = host.channels().await?;
    let mut response = PendingChannelsResponse::default();
    for view in &channels {
        match (view.state, &view.closing) {
            ("WaitForChannelReady", _) => {
                response.pending_open_channels.push(pending_open(view, tip));
            }
            ("ShuttingDown" | "Closing", Some(closing)) if closing.forced => {
                response.pending_force_closing_channels.push(force_closed(view, closing, tip));
            }
            ("ShuttingDown" | "Closing", Some(closing)) => {
                let raw = request.include_raw_tx;
                response.waiting_close_channels.push(waiting_close(view, closing, tip, raw));
            }
            // An open without a funding output is seen in navvy.v1's ListRequests.
            _ => {}
        }
    }
    let waiting = response.waiting_close_channels.iter().map(|channel| channel.limbo_balance);
    let forced =
        response.pending_force_closing_channels.iter().map(|channel| channel.limbo_balance);
    response.total_limbo_balance = waiting.chain(forced).fold(0, i64::saturating_add);
    Ok(response)
}

fn pending(view: &ChannelView) -> PendingChannel {
    let balances = Balances::of(view);
    let [local, remote] = [view.local_limits, view.remote_limits].map(Option::unwrap_or_default);
    PendingChannel {
        remote_node_pub: view.node_id.to_string(),
        channel_point: point(view.outpoint),
        capacity: satoshis(view.capacity),
        local_balance: balances.local,
        remote_balance: balances.remote,
        local_chan_reserve_sat: satoshis(local.channel_reserve),
        remote_chan_reserve_sat: satoshis(remote.channel_reserve),
        initiator: opened_by(view.role).into(),
        commitment_type: commitment_type(view.format).into(),
        private: !view.announced,
        ..PendingChannel::default()
    }
}

fn pending_open(view: &ChannelView, tip: Height) -> PendingOpenChannel {
    let missing = view.minimum_depth.saturating_sub(view.confirmations.0);
    let expiry = view.forgotten_at.map_or(0, |height| blocks_until(height.0, tip));
    PendingOpenChannel {
        channel: Some(pending(view)),
        funding_expiry_blocks: expiry,
        commit_fee: satoshis(view.commit_fee),
        commit_weight: commit_weight(view),
        fee_per_kw: i64::from(view.feerate.0),
        confirmations_until_active: missing,
        confirmation_height: match &view.position {
            Some(FundingPosition::Confirmed { height, .. }) => height.0,
            _ => 0,
        },
    }
}

fn waiting_close(
    view: &ChannelView,
    closing: &ClosingView,
    tip: Height,
    raw: bool,
) -> WaitingCloseChannel {
    let mut channel = pending(view);
    channel.chan_status_flags = match (view.state, closing.mutual) {
        ("ShuttingDown", _) => "ChanStatusDefault".to_owned(),
        (_, true) => "ChanStatusCoopBroadcasted".to_owned(),
        (_, false) if closing.transaction.is_some() => "ChanStatusCommitBroadcasted".to_owned(),
        (_, false) => "ChanStatusLocalDataLoss".to_owned(),
    };
    let fee = view.commit_fee.to_sat();
    let commitments = view.commitments.map(|both| Commitments {
        local_txid: both.local_txid.to_string(),
        remote_txid: both.remote_txid.to_string(),
        local_commit_fee_sat: fee,
        remote_commit_fee_sat: fee,
        ..Commitments::default()
    });
    let transaction = closing.transaction.as_ref();
    let txid = transaction.map(|transaction| transaction.compute_txid().to_string());
    let depth = closing.height.map_or(0, |height| tip.0.saturating_add(1).saturating_sub(height.0));
    WaitingCloseChannel {
        limbo_balance: channel.local_balance,
        channel: Some(channel),
        commitments,
        closing_txid: txid.unwrap_or_default(),
        closing_tx_hex: transaction
            .filter(|_| raw)
            .map(|transaction| hex(&serialize(transaction)))
            .unwrap_or_default(),
        blocks_til_close_confirmed: SETTLED.saturating_sub(depth),
        close_height: closing.height.map_or(0, |height| height.0),
    }
}

fn force_closed(view: &ChannelView, closing: &ClosingView, tip: Height) -> ForceClosedChannel {
    let maturity = closing.maturity.map_or(0, |height| height.0);
    ForceClosedChannel {
        channel: Some(pending(view)),
        closing_txid: view.closing_txid.map(|txid| txid.to_string()).unwrap_or_default(),
        limbo_balance: satoshis(closing.limbo),
        maturity_height: maturity,
        // Negative: ripe, and the sweep is on its way.
        blocks_til_maturity: closing.maturity.map_or(0, |height| blocks_until(height.0, tip)),
        recovered_balance: satoshis(closing.recovered),
        pending_htlcs: Vec::new(),
        anchor: anchor_state(closing.anchor).into(),
    }
}

fn blocks_until(height: u32, tip: Height) -> i32 {
    let blocks = i64::from(height).saturating_sub(i64::from(tip.0));
    i32::try_from(blocks).unwrap_or(i32::MAX)
}

/// So deep a close is settled.
const SETTLED: u32 = 6;
