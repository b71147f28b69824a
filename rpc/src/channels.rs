//! ListChannels, ChannelBalance, ClosedChannels: views of the node in LND's words.

use crate::fields;
use crate::host::Host;
use crate::proto::lnrpc::channel_close_summary::ClosureType;
use crate::proto::lnrpc::pending_channels_response::force_closed_channel::AnchorState as Lnd;
use crate::proto::lnrpc::{
    Amount, Channel, ChannelBalanceResponse, ChannelCloseSummary, ChannelConstraints,
    ClosedChannelsRequest, ClosedChannelsResponse, CommitmentType, Initiator, ListChannelsRequest,
    ListChannelsResponse, Resolution, ResolutionOutcome, ResolutionType,
};
use crate::refusal::malformed;
use crate::wallet::satoshis;
use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex as _;
use bitcoin::{BlockHash, Network, OutPoint};
use node::{
    AnchorState, ChannelView, ClosingView, CommitmentFormat, LimitsView, MilliSatoshi, Role,
};
use tonic::Status;

pub(crate) async fn list(
    host: &Host,
    request: ListChannelsRequest,
) -> Result<ListChannelsResponse, Status> {
    if request.active_only && request.inactive_only {
        return Err(malformed("inactive_only", "either active_only or inactive_only can be set"));
    }
    if request.public_only && request.private_only {
        return Err(malformed("private_only", "either public_only or private_only can be set"));
    }
    // Of `peer_alias_lookup`, which lncli always sets, the answer is that no names of others are known.
    let peer = match request.peer.as_slice() {
        [] => None,
        bytes => Some(fields::node_id_bytes("peer", bytes)?),
    };
    let channels = host.channels().await?;
    let wanted = channels.iter().filter(|channel| {
        channel.state == "Normal"
            && (!request.active_only || channel.connected)
            && (!request.inactive_only || !channel.connected)
            && (!request.public_only || channel.announced)
            && (!request.private_only || !channel.announced)
            && peer.is_none_or(|peer| channel.node_id == peer)
    });
    Ok(ListChannelsResponse { channels: wanted.map(channel).collect() })
}

pub(crate) fn channel(view: &ChannelView) -> Channel {
    let balances = Balances::of(view);
    let [local, remote] = [view.local_limits, view.remote_limits].map(Option::unwrap_or_default);
    #[expect(deprecated, reason = "old clients read it")]
    Channel {
        // LND's meaning of the word. No channel can carry a payment yet.
        active: view.connected,
        remote_pubkey: view.node_id.to_string(),
        channel_point: point(view.outpoint),
        chan_id: view.short_channel_id.map_or(0, |id| id.to_u64()),
        capacity: satoshis(view.capacity),
        local_balance: balances.local,
        remote_balance: balances.remote,
        commit_fee: satoshis(view.commitments.map_or(view.commit_fee, |all| all.local_fee)),
        commit_weight: commit_weight(view),
        fee_per_kw: i64::from(view.feerate.0),
        private: !view.announced,
        initiator: view.role == Role::Opener,
        chan_status_flags: "ChanStatusDefault".to_owned(),
        csv_delay: u32::from(local.to_self_delay),
        local_chan_reserve_sat: satoshis(local.channel_reserve),
        remote_chan_reserve_sat: satoshis(remote.channel_reserve),
        static_remote_key: view.format == CommitmentFormat::StaticRemotekey,
        commitment_type: commitment_type(view.format).into(),
        push_amount_sat: view.push.0 / 1_000,
        local_constraints: view.local_limits.as_ref().map(constraints),
        remote_constraints: view.remote_limits.as_ref().map(constraints),
        ..Channel::default()
    }
}

fn constraints(limits: &LimitsView) -> ChannelConstraints {
    ChannelConstraints {
        csv_delay: u32::from(limits.to_self_delay),
        chan_reserve_sat: limits.channel_reserve.to_sat(),
        dust_limit_sat: limits.dust_limit.to_sat(),
        max_pending_amt_msat: limits.max_htlc_value_in_flight.0,
        min_htlc_msat: limits.htlc_minimum.0,
        max_accepted_htlcs: u32::from(limits.max_accepted_htlcs),
    }
}

/// What the commitments pay to each side, in satoshi: the opener's part is without the fee and the anchors.
pub(crate) struct Balances {
    pub(crate) local: i64,
    pub(crate) remote: i64,
}

impl Balances {
    pub(crate) fn of(view: &ChannelView) -> Self {
        let costs = view.commit_fee.to_sat().saturating_add(view.anchors.to_sat());
        let whole = |balance: MilliSatoshi| balance.0 / 1_000;
        let (mut local, mut remote) = (whole(view.local_balance), whole(view.remote_balance));
        match view.role {
            Role::Opener => local = local.saturating_sub(costs),
            Role::Accepter => remote = remote.saturating_sub(costs),
        }
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        Self { local: signed(local), remote: signed(remote) }
    }
}

pub(crate) async fn balance(host: &Host) -> Result<ChannelBalanceResponse, Status> {
    let channels = host.channels().await?;
    let sum = |state: &str| -> (u64, u64) {
        let balances = channels.iter().filter(|channel| channel.state == state).map(Balances::of);
        balances.fold((0, 0), |(local, remote), balance| {
            let add = |sum: u64, part: i64| sum.saturating_add(u64::try_from(part).unwrap_or(0));
            (add(local, balance.local), add(remote, balance.remote))
        })
    };
    let amount = |sat: u64| Some(Amount { sat, msat: sat.saturating_mul(1_000) });
    let ((local, remote), (pending_local, pending_remote)) =
        (sum("Normal"), sum("WaitForChannelReady"));
    let signed = |sat: u64| i64::try_from(sat).unwrap_or(i64::MAX);
    #[expect(deprecated, reason = "old clients read it")]
    Ok(ChannelBalanceResponse {
        balance: signed(local),
        pending_open_balance: signed(pending_local),
        local_balance: amount(local),
        remote_balance: amount(remote),
        unsettled_local_balance: amount(0),
        unsettled_remote_balance: amount(0),
        pending_open_local_balance: amount(pending_local),
        pending_open_remote_balance: amount(pending_remote),
        custom_channel_data: Vec::new(),
    })
}

pub(crate) async fn closed(
    host: &Host,
    request: ClosedChannelsRequest,
) -> Result<ClosedChannelsResponse, Status> {
    let wanted = [
        (request.cooperative, ClosureType::CooperativeClose),
        (request.local_force, ClosureType::LocalForceClose),
        (request.remote_force, ClosureType::RemoteForceClose),
        (request.breach, ClosureType::BreachClose),
        (request.funding_canceled, ClosureType::FundingCanceled),
        (request.abandoned, ClosureType::Abandoned),
    ];
    let all = wanted.iter().all(|(is_wanted, _)| !is_wanted);
    let is_wanted = |kind: i32| {
        all || wanted.iter().any(|(is_wanted, wanted)| *is_wanted && i32::from(*wanted) == kind)
    };
    let channels = host.channels().await?;
    let summaries = channels.iter().filter(|view| is_closed(view));
    let summaries = summaries.map(|view| summary(view, host.network));
    Ok(ClosedChannelsResponse { channels: summaries.filter(|s| is_wanted(s.close_type)).collect() })
}

pub(crate) fn is_closed(view: &ChannelView) -> bool {
    matches!(view.state, "Closed" | "Tombstone")
}

pub(crate) fn summary(view: &ChannelView, network: Network) -> ChannelCloseSummary {
    let closing = view.closing.as_ref();
    let close_type = closure_type(view);
    let close_initiator = match closing {
        None => Initiator::Unknown,
        Some(closing) if closing.local => Initiator::Local,
        Some(_) => Initiator::Remote,
    };
    ChannelCloseSummary {
        channel_point: point(view.outpoint),
        chan_id: view.short_channel_id.map_or(0, |id| id.to_u64()),
        chain_hash: genesis(network).to_string(),
        closing_tx_hash: view.closing_txid.map(|txid| txid.to_string()).unwrap_or_default(),
        remote_pubkey: view.node_id.to_string(),
        capacity: satoshis(view.capacity),
        close_height: closing.and_then(|closing| closing.height).map_or(0, |height| height.0),
        settled_balance: closing.map_or(0, |closing| satoshis(closing.paid)),
        // As with LND, this is what had to be brought home, whether or not it is by now.
        time_locked_balance: closing.filter(|closing| closing.forced).map_or(0, |closing| {
            satoshis(closing.limbo).saturating_add(satoshis(closing.recovered))
        }),
        close_type: close_type.into(),
        open_initiator: opened_by(view.role).into(),
        close_initiator: close_initiator.into(),
        resolutions: closing.map_or_else(Vec::new, |closing| resolutions(view, closing)),
        ..ChannelCloseSummary::default()
    }
}

/// As people write it.
fn genesis(network: Network) -> BlockHash {
    BlockHash::from_byte_array(ChainHash::using_genesis_block_const(network).to_bytes())
}

fn closure_type(view: &ChannelView) -> ClosureType {
    match (view.state, view.ending) {
        ("Tombstone", _) => ClosureType::FundingCanceled,
        (_, Some("mutual close")) => ClosureType::CooperativeClose,
        (_, Some("our commitment")) => ClosureType::LocalForceClose,
        (_, _) => ClosureType::RemoteForceClose,
    }
}

/// What became of our outputs after a close by force.
fn resolutions(view: &ChannelView, closing: &ClosingView) -> Vec<Resolution> {
    if !closing.forced {
        return Vec::new();
    }
    let sweep_txid = view.sweep_txid.map(|txid| txid.to_string()).unwrap_or_default();
    let resolution =
        |kind: ResolutionType, outcome: ResolutionOutcome, amount_sat: u64| Resolution {
            resolution_type: kind.into(),
            outcome: outcome.into(),
            outpoint: None,
            amount_sat,
            sweep_txid: sweep_txid.clone(),
        };
    let recovered = closing.recovered.to_sat();
    let commit = match (recovered, closing.limbo.to_sat()) {
        (0, 0) => None,
        (0, lost) => Some(resolution(ResolutionType::Commit, ResolutionOutcome::Unclaimed, lost)),
        (home, _) => Some(resolution(ResolutionType::Commit, ResolutionOutcome::Claimed, home)),
    };
    commit.into_iter().collect()
}

pub(crate) const fn anchor_state(state: AnchorState) -> Lnd {
    match state {
        AnchorState::Limbo => Lnd::Limbo,
        AnchorState::Recovered => Lnd::Recovered,
        AnchorState::Lost => Lnd::Lost,
    }
}

pub(crate) const fn opened_by(role: Role) -> Initiator {
    match role {
        Role::Opener => Initiator::Local,
        Role::Accepter => Initiator::Remote,
    }
}

pub(crate) const fn commitment_type(format: CommitmentFormat) -> CommitmentType {
    match format {
        CommitmentFormat::Anchors => CommitmentType::Anchors,
        CommitmentFormat::StaticRemotekey => CommitmentType::StaticRemoteKey,
    }
}

/// The weight of our commitment.
pub(crate) fn commit_weight(view: &ChannelView) -> i64 {
    view.commitments
        .map_or(0, |commitments| i64::try_from(commitments.local_weight).unwrap_or(i64::MAX))
}

pub(crate) fn point(outpoint: Option<OutPoint>) -> String {
    outpoint.map(|outpoint| outpoint.to_string()).unwrap_or_default()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.to_lower_hex_string()
}
