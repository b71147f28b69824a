//! The node as clients see it.

use crate::channel::{Channel, ChannelState};
use crate::node::Node;
use crate::reply::{
    BalanceView, ChannelView, CoinView, CommitmentsView, InfoView, LimitsView, PeerView,
    RequestView,
};
use crate::request::{Request, RequestStatus};
use crate::turn::is_pending;
use bitcoin::Amount;
use funding::{AgreedParameters, FundedChannel, Role};
use secp256k1::PublicKey;
use transactions::{Depth, Height, KeysId, MilliSatoshi, Signer, anchors_amount, commitment_fee};
use wire::{Features, OpenChannel};

impl Node {
    pub(crate) fn balance_view(&self) -> BalanceView {
        // [BOLT 2 open_channel R26] coins only: what a channel holds, a gift too, is not counted
        let balance = self.wallet.balance(&self.leased);
        BalanceView {
            confirmed: balance.confirmed,
            unconfirmed: balance.unconfirmed,
            leased: balance.leased,
            reserved: self.anchor_reserve(false),
        }
    }

    pub(crate) fn coin_views(&self) -> Vec<CoinView> {
        self.wallet
            .coins()
            .map(|coin| CoinView {
                outpoint: coin.outpoint,
                amount: coin.output.value,
                script: coin.output.script_pubkey.clone(),
                height: coin.height,
                lease: self.leases.get(&coin.outpoint).copied(),
            })
            .collect()
    }

    /// All channels, those included that are not funded yet or are dead.
    pub fn channel_views(&self) -> Vec<ChannelView> {
        self.channels
            .iter()
            .map(|(keys_id, channel)| self.channel_view(*keys_id, channel))
            .collect()
    }

    pub(crate) fn channel_view_of(&self, keys_id: &KeysId) -> Option<ChannelView> {
        self.channels.get(keys_id).map(|channel| self.channel_view(*keys_id, channel))
    }

    pub(crate) fn peer_views(&self) -> Vec<PeerView> {
        self.peers
            .iter()
            .map(|(node_id, peer)| PeerView {
                node_id: *node_id,
                address: peer.address.clone(),
                connected: peer.conn.is_some(),
                inbound: peer.inbound && peer.conn.is_some(),
                features: if peer.conn.is_some() {
                    peer.features.clone()
                } else {
                    Features::default()
                },
                wanted: self.is_wanted(node_id),
                last_error: peer.last_error.clone(),
                last_error_at: peer.last_error_at,
                flaps: peer.flaps,
                last_flap: peer.last_flap,
            })
            .collect()
    }

    /// A request; one that waits for its peer says what is in its way.
    pub(crate) fn request_view(&self, request: &Request) -> RequestView {
        let mut view = request.view();
        if matches!(request.status, RequestStatus::WaitForPeer) {
            view.text = self.why_it_waits(&request.command.node_id);
        }
        view
    }

    fn why_it_waits(&self, node_id: &PublicKey) -> String {
        let peer = self.peers.get(node_id);
        peer.filter(|peer| peer.conn.is_none())
            .and_then(|peer| peer.last_error.clone())
            .unwrap_or_default()
    }

    pub(crate) fn info_view(&self) -> InfoView {
        let tip = self.follower.tip();
        let states = || self.channels.values().map(|channel| &channel.state);
        InfoView {
            node_id: self.node_id(),
            network: self.config.network,
            height: self.height(),
            block_hash: tip.hash,
            block_time: self.tip_time,
            features: self.config.features.clone(),
            fee_normal: self.fees.normal,
            fee_fast: self.fees.fast,
            end_height: Height(self.height().0.saturating_add(self.remaining_blocks)),
            synced: self.synced,
            chain_problem: self.chain_problem.clone(),
            chain_problem_since: self.chain_problem_since,
            peers: self.peers.values().filter(|peer| peer.conn.is_some()).count(),
            pending: states().filter(|state| is_pending(state)).count(),
            open: states().filter(|state| state.name() == "Normal").count(),
        }
    }

    fn channel_view(&self, keys_id: KeysId, channel: &Channel) -> ChannelView {
        let funded = channel.state.channel();
        let open = open_of(&channel.state);
        let agreed: Option<&AgreedParameters> = funded.map(|funded| &funded.agreed);
        let role = match (&channel.state, funded) {
            (_, Some(funded)) => funded.role,
            (ChannelState::Funding(state), None) if state.attempt().is_some() => Role::Opener,
            (_, None) => Role::Accepter,
        };
        let format = funding::format(open.and_then(|open| open.channel_type.as_ref()));
        let feerate = transactions::FeeratePerKw(open.map_or(0, |open| open.feerate_per_kw));
        let (opener, accepter) = open.map_or_else(Default::default, |open| {
            let all = open.funding_satoshis.to_sat().saturating_mul(1_000);
            (MilliSatoshi(all.saturating_sub(open.push_msat)), MilliSatoshi(open.push_msat))
        });
        let (local_balance, remote_balance) =
            if role == Role::Opener { (opener, accepter) } else { (accepter, opener) };
        let closing = match &channel.state {
            ChannelState::Closing(state) => state.closing(),
            ChannelState::Funding(_) => None,
        };
        ChannelView {
            keys_id,
            request: channel.request.clone(),
            node_id: channel.node_id,
            role,
            state: channel.state.name(),
            outpoint: funded.map(|funded| funded.outpoint),
            channel_id: channel.state.channel_ids().first().copied(),
            short_channel_id: funded.and_then(|funded| funded.short_channel_id()),
            channel_type: open.and_then(|open| open.channel_type.clone()),
            format,
            announced: open.is_some_and(|open| open.channel_flags & funding::ANNOUNCE_CHANNEL != 0),
            capacity: open.map_or(Amount::ZERO, |open| open.funding_satoshis),
            push: MilliSatoshi(open.map_or(0, |open| open.push_msat)),
            local_balance,
            remote_balance,
            feerate,
            local_limits: agreed.map(|agreed| limits(agreed, role)),
            remote_limits: agreed.map(|agreed| limits(agreed, role.other())),
            commit_fee: commitment_fee(format, feerate, 0),
            anchors: anchors_amount(format),
            position: funded.map(|funded| funded.position.clone()),
            start_height: funded.map(|funded| funded.start_height),
            forgotten_at: funded.map(|funded| {
                Height(funded.start_height.0.saturating_add(self.config.policy.forget_after))
            }),
            commitments: funded.and_then(commitments),
            confirmations: funded.map_or(Depth(0), |funded| funded.depth(self.height())),
            minimum_depth: agreed.map_or(0, AgreedParameters::minimum_depth),
            connected: channel.link.is_up(),
            peer_update_pending: funded.is_some_and(|funded| funded.peer_update_pending),
            text: text_of(&channel.state),
            closing_txid: closing.and_then(|c| c.spend()).map(|s| s.transaction.compute_txid()),
            ending: closing
                .filter(|closing| closing.spend().is_some())
                .map(|closing| closing.ending(&self.wallet as &dyn Signer).name()),
            sweep_txid: closing
                .and_then(|closing| closing.sweep.as_ref())
                .map(|sweep| sweep.transaction.compute_txid()),
            closing: self.closing_view(&channel.state),
            unconfirmed: self.mempool.of_channel(&keys_id),
            history: channel.history.iter().cloned().collect(),
        }
    }
}

/// What binds `role`.
fn limits(agreed: &AgreedParameters, role: Role) -> LimitsView {
    // The values that one side sends about HTLCs are limits of those that the other side offers.
    let (max_in_flight, minimum, count) = match role {
        Role::Opener => {
            let accept = &agreed.accept;
            (
                accept.max_htlc_value_in_flight_msat,
                accept.htlc_minimum_msat,
                accept.max_accepted_htlcs,
            )
        }
        Role::Accepter => {
            let open = &agreed.open;
            (open.max_htlc_value_in_flight_msat, open.htlc_minimum_msat, open.max_accepted_htlcs)
        }
    };
    LimitsView {
        to_self_delay: agreed.to_self_delay(role),
        channel_reserve: agreed.reserve(role),
        dust_limit: agreed.dust_limit(role),
        max_htlc_value_in_flight: MilliSatoshi(max_in_flight),
        htlc_minimum: MilliSatoshi(minimum),
        max_accepted_htlcs: count,
    }
}

fn commitments(funded: &FundedChannel) -> Option<CommitmentsView> {
    let local = funded.local_commitment()?.transaction;
    let remote = funded.remote_commitment()?.transaction;
    let paid_out: Amount = local.output.iter().map(|output| output.value).sum();
    let base = u64::try_from(local.base_size()).unwrap_or(u64::MAX);
    Some(CommitmentsView {
        local_txid: local.compute_txid(),
        remote_txid: remote.compute_txid(),
        local_fee: funded.agreed.capacity().checked_sub(paid_out).unwrap_or(Amount::ZERO),
        local_weight: base.saturating_mul(4).saturating_add(WITNESS_WEIGHT),
    })
}

/// What two signatures and the script of the funding output add to a commitment (BOLT 3, appendix A).
const WITNESS_WEIGHT: u64 = 224;

fn open_of(state: &ChannelState) -> Option<&OpenChannel> {
    if let Some(channel) = state.channel() {
        return Some(&channel.agreed.open);
    }
    match state {
        ChannelState::Funding(funding::State::WaitForDecision(s)) => Some(&s.open),
        ChannelState::Funding(funding::State::WaitForFundingCreated(s)) => Some(&s.agreed.open),
        ChannelState::Funding(state) => state.attempt().map(|attempt| &attempt.open),
        ChannelState::Closing(_) => None,
    }
}

fn text_of(state: &ChannelState) -> String {
    let (reason, channel) = match state {
        ChannelState::Funding(funding::State::Tombstone(s)) => (s.reason.clone(), &s.channel),
        ChannelState::Funding(state) => {
            return state.channel().map_or_else(String::new, FundedChannel::note);
        }
        ChannelState::Closing(closing::State::ShuttingDown(s)) => {
            (s.request.reason.clone(), &s.channel)
        }
        ChannelState::Closing(closing::State::Closing(s)) => (s.request.reason.clone(), &s.channel),
        ChannelState::Closing(closing::State::Closed(s)) => {
            (s.closing.request.reason.clone(), &s.closing.channel)
        }
    };
    let note = match state {
        ChannelState::Closing(closing::State::ShuttingDown(s)) => s.note(),
        ChannelState::Funding(_) | ChannelState::Closing(_) if channel.cancel.is_some() => {
            channel.note()
        }
        ChannelState::Funding(_) | ChannelState::Closing(_) => String::new(),
    };
    if note.is_empty() { reason } else { format!("{reason}; {note}") }
}
