//! OpenChannel and OpenChannelSync. The open belongs to the node: these calls begin it, or find it, and look
//! on. Whatever becomes of a call, the open goes on.

use crate::fields::{self, FeeFields, FeeWish};
use crate::host::Host;
use crate::proto::lnrpc::channel_point::FundingTxid;
use crate::proto::lnrpc::open_status_update::Update;
use crate::proto::lnrpc::{
    ChannelOpenUpdate, ChannelPoint, CommitmentType, OpenChannelRequest, OpenStatusUpdate,
    PendingUpdate,
};
use crate::refusal::{Purpose, expect_reply, malformed, not_honoured};
use crate::updates::{Updates, ended};
use crate::{FORCE, MAX_FEE_SAT, REQUEST_ID};
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint};
use node::{ChannelType, Command, KeysId, Notice, OpenCommand, Reply, RequestId, RequestView};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status};

/// An open that was asked for.
pub(crate) struct Opening {
    host: Host,
    id: RequestId,
    notices: Receiver<Notice>,
    view: RequestView,
}

impl Opening {
    /// Hands the request to the node. From here on the open is the node's.
    pub(crate) async fn begin(
        host: &Host,
        request: Request<OpenChannelRequest>,
    ) -> Result<Self, Status> {
        let (metadata, _, request) = request.into_parts();
        let id = request_id(host, &metadata)?;
        let (mut command, fees) = command(&request, id.clone())?;
        command.max_fee = max_fee(&metadata)?;
        command.force = is_forced(&metadata)?;
        command.feerate = host.feerate(fees).await?;
        let notices = host.node.notices();
        let reply = host.node.ask(Command::Open(Box::new(command))).await;
        let view: Result<RequestView, Status> =
            expect_reply!(reply, Purpose::Open, Reply::Request(view) => view);
        Ok(Self { host: host.clone(), id, notices, view: view? })
    }

    /// A response that names the request.
    pub(crate) fn named<T>(&self, message: T) -> Response<T> {
        let mut response = Response::new(message);
        if let Ok(value) = MetadataValue::try_from(self.id.0.as_str()) {
            response.metadata_mut().insert(REQUEST_ID, value);
        }
        response
    }

    /// Waits until the funding transaction may be broadcast.
    pub(crate) async fn funded(&mut self) -> Result<OutPoint, Status> {
        loop {
            match self.view.status {
                "funded" => {
                    let outpoint = self.view.outpoint;
                    return outpoint.ok_or_else(|| Status::internal("a channel without an output"));
                }
                "failed" => return Err(failed(&self.view)),
                _ => {}
            }
            match self.notices.recv().await {
                Ok(Notice::Request(view)) if view.id == self.id => self.view = view,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    if let Some(view) = self.host.request(&self.id).await? {
                        self.view = view;
                    }
                }
                Err(RecvError::Closed) => return Err(ended()),
            }
        }
    }

    /// Tells of the open until it is open, or has failed.
    pub(crate) async fn tell(mut self, updates: Updates<OpenStatusUpdate>) {
        // To stop looking on changes nothing.
        let told = tokio::select! {
            told = self.told(&updates) => told,
            () = updates.abandoned() => return,
        };
        updates.finish(told).await;
    }

    async fn told(&mut self, updates: &Updates<OpenStatusUpdate>) -> Result<(), Status> {
        let outpoint = self.funded().await?;
        let keys_id = self.keys_id(outpoint).await?;
        let pending = Update::ChanPending(PendingUpdate {
            txid: outpoint.txid.to_byte_array().to_vec(),
            output_index: outpoint.vout,
            ..PendingUpdate::default()
        });
        updates.send(update(keys_id, pending)).await?;
        self.opened(keys_id).await?;
        let open = Update::ChanOpen(ChannelOpenUpdate { channel_point: Some(point(outpoint)) });
        updates.send(update(keys_id, open)).await
    }

    async fn keys_id(&self, outpoint: OutPoint) -> Result<KeysId, Status> {
        self.host.channel_at(outpoint).await.map(|channel| channel.keys_id)
    }

    async fn opened(&mut self, keys_id: KeysId) -> Result<(), Status> {
        loop {
            let Some(channel) = self.host.channel(keys_id).await? else {
                return Err(Status::aborted("the open ended: see navvy.v1's ShowOpen"));
            };
            match channel.state {
                "Normal" => return Ok(()),
                "Tombstone" | "ShuttingDown" | "Closing" | "Closed" => {
                    let text = format!("the channel did not open: {}", channel.text);
                    return Err(Status::aborted(text));
                }
                _ => {}
            }
            self.moved(keys_id).await?;
        }
    }

    /// Waits until there is news of the channel.
    async fn moved(&mut self, wanted: KeysId) -> Result<(), Status> {
        loop {
            match self.notices.recv().await {
                Ok(Notice::Channel { keys_id, .. }) if keys_id == wanted => return Ok(()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(ended()),
            }
        }
    }
}

/// Why a request has no channel: with whose fault it was, and with the peer's own words.
fn failed(view: &RequestView) -> Status {
    let text = format!("the open {:?} failed: {}", view.id.0, view.text);
    match view.origin {
        Some(node::Origin::Timeout) => Status::deadline_exceeded(text),
        Some(node::Origin::Chain) => Status::unavailable(text),
        Some(node::Origin::Peer | node::Origin::Local) | None => Status::failed_precondition(text),
    }
}

fn update(keys_id: KeysId, update: Update) -> OpenStatusUpdate {
    OpenStatusUpdate { update: Some(update), pending_chan_id: keys_id.0.to_vec() }
}

pub(crate) fn point(outpoint: OutPoint) -> ChannelPoint {
    let txid = outpoint.txid.to_byte_array().to_vec();
    ChannelPoint {
        funding_txid: Some(FundingTxid::FundingTxidBytes(txid)),
        output_index: outpoint.vout,
    }
}

/// The caller's name for the open, or a drawn one.
fn request_id(host: &Host, metadata: &MetadataMap) -> Result<RequestId, Status> {
    let Some(value) = metadata.get(REQUEST_ID) else {
        let drawn = host.controls.draw().map_err(Status::unavailable)?;
        return Ok(RequestId(crate::channels::hex(&drawn)));
    };
    let text = value.to_str().map_err(|_| malformed(REQUEST_ID, "it is not plain text"))?;
    if text.is_empty() || text.len() > LONGEST_ID {
        return Err(malformed(REQUEST_ID, format!("a name has 1 to {LONGEST_ID} bytes")));
    }
    Ok(RequestId(text.to_owned()))
}

fn max_fee(metadata: &MetadataMap) -> Result<Amount, Status> {
    let Some(value) = metadata.get(MAX_FEE_SAT) else { return Ok(MOST_FEE) };
    let satoshis = value.to_str().ok().and_then(|text| text.parse().ok());
    let satoshis = satoshis.ok_or_else(|| malformed(MAX_FEE_SAT, "it is no number of satoshis"))?;
    fields::amount(MAX_FEE_SAT, satoshis)
}

fn is_forced(metadata: &MetadataMap) -> Result<bool, Status> {
    match metadata.get(FORCE).map(|value| value.to_str()) {
        None | Some(Ok("0")) => Ok(false),
        Some(Ok("1")) => Ok(true),
        Some(_) => Err(malformed(FORCE, "choose 1 or 0")),
    }
}

fn command(request: &OpenChannelRequest, id: RequestId) -> Result<(OpenCommand, FeeWish), Status> {
    refuse_what_is_not_served(request)?;
    #[expect(deprecated, reason = "old clients set it")]
    let (node_pubkey_string, sat_per_byte) = (&request.node_pubkey_string, request.sat_per_byte);
    let node_id = match (request.node_pubkey.as_slice(), node_pubkey_string.as_str()) {
        ([], "") => return Err(malformed("node_pubkey", "the peer's node id is missing")),
        (bytes, "") => fields::node_id_bytes("node_pubkey", bytes)?,
        ([], text) => fields::node_id("node_pubkey_string", text)?,
        (bytes, text) => {
            let node_id = fields::node_id_bytes("node_pubkey", bytes)?;
            if node_id != fields::node_id("node_pubkey_string", text)? {
                let what = "it is the old form of node_pubkey, and names another peer";
                return Err(malformed("node_pubkey_string", what));
            }
            node_id
        }
    };
    if request.local_funding_amount == 0 {
        return Err(malformed("local_funding_amount", "a channel of 0 sat cannot be opened"));
    }
    let fees = FeeFields {
        sat_per_vbyte: request.sat_per_vbyte,
        sat_per_byte,
        target_conf: request.target_conf,
    };
    let coins = request.outpoints.iter().map(|outpoint| fields::coin("outpoints", outpoint));
    let command = OpenCommand {
        request: id,
        node_id,
        address: None,
        funding: fields::amount("local_funding_amount", request.local_funding_amount)?,
        push: fields::amount("push_sat", request.push_sat)?,
        announce: !request.private,
        channel_type: channel_type(request.commitment_type)?,
        feerate: None,
        max_fee: MOST_FEE,
        coins: coins.collect::<Result<_, _>>()?,
        force: false,
    };
    if command.push > command.funding {
        let what = "amount pushed to remote peer for initial state must be below the local \
                    funding amount";
        return Err(malformed("push_sat", what));
    }
    Ok((command, fees.wish()?))
}

fn channel_type(commitment_type: i32) -> Result<ChannelType, Status> {
    match CommitmentType::try_from(commitment_type) {
        Ok(CommitmentType::UnknownCommitmentType | CommitmentType::Anchors) => {
            Ok(ChannelType::anchors_zero_fee_htlc_tx())
        }
        Ok(CommitmentType::StaticRemoteKey) => Ok(ChannelType::static_remotekey()),
        Ok(other) => {
            let field = format!("commitment_type {}", other.as_str_name());
            Err(not_honoured(&field, "choose ANCHORS or STATIC_REMOTE_KEY"))
        }
        Err(_) => Err(malformed("commitment_type", "there is no such type")),
    }
}

/// A field that would be ignored is refused: whoever sets it counts on it.
fn refuse_what_is_not_served(request: &OpenChannelRequest) -> Result<(), Status> {
    let own_terms = "leave it away, navvy has its own terms for channels without payments";
    let no_payments = "leave it away, channels carry no payments yet";
    let refused = [
        (request.funding_shim.is_some(), "funding_shim", "let the wallet fund the channel"),
        (request.fund_max, "fund_max", "say local_funding_amount"),
        (!request.close_address.is_empty(), "close_address", "give it to closechannel"),
        (request.min_htlc_msat != 0, "min_htlc_msat", own_terms),
        (request.remote_csv_delay != 0, "remote_csv_delay", own_terms),
        (
            request.remote_max_value_in_flight_msat != 0,
            "remote_max_value_in_flight_msat",
            own_terms,
        ),
        (request.remote_max_htlcs != 0, "remote_max_htlcs", own_terms),
        (request.max_local_csv != 0, "max_local_csv", own_terms),
        (request.remote_chan_reserve_sat != 0, "remote_chan_reserve_sat", own_terms),
        (request.zero_conf, "zero_conf", "leave it away, every channel waits for confirmations"),
        (request.scid_alias, "scid_alias", "leave it away, channels have no aliases"),
        (request.base_fee != 0 || request.use_base_fee, "base_fee", no_payments),
        (request.fee_rate != 0 || request.use_fee_rate, "fee_rate", no_payments),
        (!request.memo.is_empty(), "memo", "name the open by the metadata navvy-request-id"),
        (
            request.spend_unconfirmed,
            "spend_unconfirmed",
            "leave it away, only confirmed coins fund channels",
        ),
    ];
    if let Some((_, field, instead)) = refused.iter().find(|(is_set, ..)| *is_set) {
        return Err(not_honoured(field, instead));
    }
    match request.min_confs {
        ..0 => Err(malformed("min_confs", "it is negative")),
        0 | 1 => Ok(()),
        _ => Err(not_honoured("min_confs above 1", "name old enough coins in outpoints")),
    }
}

const LONGEST_ID: usize = 64;
/// What a funding transaction may cost if nobody said.
const MOST_FEE: Amount = Amount::from_sat(100_000);
