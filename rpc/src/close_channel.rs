//! CloseChannel. The close is a wish that the node keeps: this call only looks on.

use crate::fields::{self, FeeFields};
use crate::host::Host;
use crate::proto::lnrpc::close_status_update::Update;
use crate::proto::lnrpc::{
    ChannelCloseUpdate, CloseChannelRequest, CloseStatusUpdate, InstantUpdate, PendingUpdate,
};
use crate::refusal::{Purpose, expect_reply};
use crate::updates::{Updates, ended};
use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use node::{ChannelView, CloseCommand, Command, KeysId, Notice, Reply};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::Status;

/// A close that was asked for.
pub(crate) struct ClosingCall {
    host: Host,
    keys_id: KeysId,
    notices: Receiver<Notice>,
    instant: bool,
}

impl ClosingCall {
    /// Hands the wish to the node.
    pub(crate) async fn begin(host: &Host, request: CloseChannelRequest) -> Result<Self, Status> {
        let outpoint = fields::channel_point("channel_point", request.channel_point.as_ref())?;
        #[expect(deprecated, reason = "old clients set it")]
        let fees = FeeFields {
            sat_per_vbyte: request.sat_per_vbyte,
            sat_per_byte: request.sat_per_byte,
            target_conf: request.target_conf,
        };
        let fees = fees.wish()?;
        let cap = match request.max_fee_per_vbyte {
            0 => None,
            rate => Some(fields::feerate("max_fee_per_vbyte", rate)?),
        };
        let script = match request.delivery_address.as_str() {
            "" => None,
            text => Some(fields::script("delivery_address", text, host.network)?),
        };
        let keys_id = host.channel_at(outpoint).await?.keys_id;
        let notices = host.node.notices();
        let force = request.force;
        let feerate = host.feerate(fees).await?;
        let command = CloseCommand { outpoint, force, feerate, cap, script };
        let reply = host.node.ask(Command::Close(command)).await;
        let done: Result<(), Status> = expect_reply!(reply, Purpose::Close, Reply::Done => ());
        done?;
        Ok(Self { host: host.clone(), keys_id, notices, instant: request.no_wait })
    }

    /// Tells of the close until a block holds it.
    pub(crate) async fn tell(mut self, updates: Updates<CloseStatusUpdate>) {
        // To stop looking on changes nothing.
        let told = tokio::select! {
            told = self.told(&updates) => told,
            () = updates.abandoned() => return,
        };
        updates.finish(told).await;
    }

    async fn told(&mut self, updates: &Updates<CloseStatusUpdate>) -> Result<(), Status> {
        let update = |update| CloseStatusUpdate { update: Some(update) };
        if self.instant {
            updates.send(update(Update::CloseInstant(InstantUpdate::default()))).await?;
        }
        let mut told: Option<Txid> = None;
        loop {
            let Some(channel) = self.host.channel(self.keys_id).await? else {
                return Err(Status::aborted("the channel is gone: see navvy.v1's ShowOpen"));
            };
            let Some(closing) = &channel.closing else {
                return Err(not_closing(&channel));
            };
            let txid = closing.transaction.as_ref().map(bitcoin::Transaction::compute_txid);
            if let Some(txid) = txid.filter(|txid| told != Some(*txid)) {
                let pending = PendingUpdate {
                    txid: txid.to_byte_array().to_vec(),
                    local_close_tx: closing.local,
                    ..PendingUpdate::default()
                };
                updates.send(update(Update::ClosePending(pending))).await?;
                told = Some(txid);
            }
            if let (Some(txid), Some(_)) = (txid, closing.height) {
                let closed = ChannelCloseUpdate {
                    closing_txid: txid.to_byte_array().to_vec(),
                    success: true,
                };
                return updates.send(update(Update::ChanClose(closed))).await;
            }
            self.moved().await?;
        }
    }

    /// Waits until there is news of the channel.
    async fn moved(&mut self) -> Result<(), Status> {
        loop {
            match self.notices.recv().await {
                Ok(Notice::Channel { keys_id, .. }) if keys_id == self.keys_id => return Ok(()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(ended()),
            }
        }
    }
}

fn not_closing(channel: &ChannelView) -> Status {
    Status::aborted(format!(
        "the channel is in {} and not closing: {}",
        channel.state, channel.text
    ))
}
