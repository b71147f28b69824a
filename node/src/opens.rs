//! Requests and their attempts.

use crate::Table;
use crate::channel::{Channel, ChannelEffect, ChannelEvent, ChannelState};
use crate::command::OpenCommand;
use crate::entropy::random;
use crate::node::{Node, Timer};
use crate::reply::{CommandError, Notice, RequestView};
use crate::request::{LIFETIME, LIFETIME_BLOCKS, Request, RequestStatus, retry_after};
use crate::turn::{Turn, is_pending};
use bitcoin::{Amount, OutPoint};
use funding::{
    CancelCause, Failure, FundingPosition, Link, OpenError, OpenWish, Origin, RequestId, Role,
    WaitForAcceptChannel,
};
use secp256k1::PublicKey;
use transactions::{CommitmentFormat, FundsError, KeysId};
use wire::{ChannelId, ChannelType, feature};

impl Node {
    /// A new request, or the answer to one that was made before under the same name.
    pub(crate) fn open(
        &mut self,
        command: OpenCommand,
        turn: &mut Turn<'_>,
    ) -> Result<RequestView, CommandError> {
        if let Some(request) = self.requests.get(&command.request) {
            return Ok(self.request_view(request));
        }
        self.check_open(&command)?;
        self.check_terms(&command, turn)?;
        let (id, node_id) = (command.request.clone(), command.node_id);
        let peer = self.peers.entry(node_id).or_default();
        if command.address.is_some() {
            peer.address.clone_from(&command.address);
        }
        let request = Request {
            start_height: self.height(),
            deadline: turn.now.monotonic.after_seconds(LIFETIME),
            attempts: 0,
            status: RequestStatus::WaitForPeer,
            command,
        };
        self.deadlines.set(Timer::Request(id.clone()), Some(request.deadline));
        self.requests.insert(id.clone(), request);
        self.try_request(&id, turn);
        self.save_request(&id, turn);
        self.save_peer(&node_id, turn);
        self.dial(node_id, turn);
        let request = self.requests.get(&id).map(Request::view);
        request.ok_or_else(|| CommandError { code: "internal", text: "no request".to_owned() })
    }

    fn check_open(&self, command: &OpenCommand) -> Result<(), CommandError> {
        let fail = |code, text: String| Err(CommandError { code, text });
        let node_id = &command.node_id;
        if self.stopping {
            return fail("stopping", "the node is stopping: open after its next start".to_owned());
        }
        if let Some(problem) = &self.chain_problem {
            let text = format!("no open without a block chain ({problem}): repair the backend");
            return fail("chain_unavailable", text);
        }
        if !self.synced {
            let text = "the node is still following the block chain: try again later".to_owned();
            return fail("chain_syncing", text);
        }
        if *node_id == self.node_id() {
            return fail("own_node", "that is this node itself: choose another peer".to_owned());
        }
        let peer = self.peers.get(node_id);
        let is_known = peer.is_some_and(|peer| peer.conn.is_some() || peer.address.is_some());
        if command.address.is_none() && !is_known {
            let text = format!("{node_id} is not connected: connect first, or give its address");
            return fail("unknown_peer", text);
        }
        self.check_type(node_id, &command.channel_type)
            .map_err(|text| CommandError { code: "channel_type", text })?;
        if !command.force {
            self.check_peer_is_free(node_id)?;
        }
        Ok(())
    }

    /// Whether a connected peer offers every feature of the type, of those that BOLT 9 does not take for
    /// granted.
    fn check_type(&self, node_id: &PublicKey, channel_type: &ChannelType) -> Result<(), String> {
        let Some(peer) = self.peers.get(node_id).filter(|peer| peer.conn.is_some()) else {
            return Ok(());
        };
        // [BOLT 2 open_channel S16] what was not negotiated is not asked for
        let is_missing =
            |bit: &u16| *bit != feature::OPTION_STATIC_REMOTEKEY && !peer.features.supports(*bit);
        match channel_type.0.bits().find(is_missing) {
            None => Ok(()),
            Some(bit) => {
                let name = feature::name(bit).unwrap_or("a feature without a name");
                Err(format!("the peer does not offer {name} ({bit}): choose another channel type"))
            }
        }
    }

    /// Whether the terms and the wallet allow an attempt, before anything is promised to the caller. What
    /// only has to be waited for is no reason to refuse.
    fn check_terms(&mut self, command: &OpenCommand, turn: &Turn<'_>) -> Result<(), CommandError> {
        let wish = self.wish(command);
        let mut link = Link::default();
        let begun = self.with_context(&mut link, turn, |cx| {
            WaitForAcceptChannel::begin(&wish, KeysId([0; 16]), ChannelId([0; 32]), cx)
        });
        match begun {
            Ok(_) | Err(OpenError::Funds(FundsError::Busy { .. })) => Ok(()),
            Err(OpenError::Terms(text)) => Err(CommandError { code: "terms", text }),
            Err(OpenError::Funds(error)) => {
                Err(CommandError { code: "funds", text: funds_text(&error) })
            }
        }
    }

    /// No open of ours may be pending or dead at that peer: many peers take one at a time.
    fn check_peer_is_free(&self, node_id: &PublicKey) -> Result<(), CommandError> {
        for keys_id in self.keys_of(node_id) {
            let Some(channel) = self.channels.get(&keys_id) else { continue };
            match &channel.state {
                ChannelState::Funding(funding::State::Tombstone(s))
                    if !s.peer_knows && s.channel.role == Role::Opener =>
                {
                    let until = s.kept_until(self.config.policy.forget_after);
                    if self.height() >= until {
                        continue;
                    }
                    return Err(CommandError {
                        code: "dead_open_at_peer",
                        text: format!(
                            "an open at this peer died ({}), and the peer may keep its place until \
                             block {}: force the open if you know that it does not",
                            s.reason, until.0
                        ),
                    });
                }
                ChannelState::Funding(state) if is_pending(&channel.state) => {
                    let ours = match (state.attempt(), state.channel()) {
                        (Some(_), _) => true,
                        (None, Some(channel)) => channel.role == Role::Opener,
                        (None, None) => false,
                    };
                    if ours {
                        return Err(CommandError {
                            code: "pending_open_at_peer",
                            text: "an open of ours is pending at this peer: wait for it, or force"
                                .to_owned(),
                        });
                    }
                }
                ChannelState::Funding(_) | ChannelState::Closing(_) => {}
            }
        }
        Ok(())
    }

    /// Begins an attempt, if the peer is there.
    pub(crate) fn try_request(&mut self, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(request) = self.requests.get(id) else { return };
        match request.status {
            RequestStatus::WaitForPeer
            | RequestStatus::WaitForChain { .. }
            | RequestStatus::WaitForCoin { .. }
            | RequestStatus::WaitForRetry { .. } => {}
            RequestStatus::Trying { .. }
            | RequestStatus::Funded { .. }
            | RequestStatus::Failed { .. } => return,
        }
        if self.deadlines.has(&Timer::Retry(id.clone())) {
            return;
        }
        let node_id = request.command.node_id;
        let conn = self.peers.get(&node_id).and_then(|peer| peer.conn);
        if let Some(text) = self.lack_of_chain() {
            self.set_status(id, RequestStatus::WaitForChain { text }, turn);
            return;
        }
        if self.stopping || conn.is_none() {
            self.set_status(id, RequestStatus::WaitForPeer, turn);
            return;
        }
        if let Err(text) = self.check_type(&node_id, &request.command.channel_type) {
            self.set_status(id, RequestStatus::Failed { origin: Origin::Peer, text }, turn);
            self.save_request(id, turn);
            return;
        }
        let wish = self.wish(&request.command.clone());
        let keys_id = KeysId(random(turn.entropy));
        // [BOLT 2 open_channel S2] 32 random bytes
        let temporary_channel_id = ChannelId(random(turn.entropy));
        let mut link = self.fresh_link(&node_id);
        let begun = self.with_context(&mut link, turn, |cx| {
            WaitForAcceptChannel::begin(&wish, keys_id, temporary_channel_id, cx)
        });
        match begun {
            Ok((state, effects)) => {
                if let Some(request) = self.requests.get_mut(id) {
                    request.attempts = request.attempts.saturating_add(1);
                }
                let effects: Vec<ChannelEffect> = effects.into_iter().map(Into::into).collect();
                let mut channel = Channel::new(node_id, ChannelState::Funding(state.into()), link);
                channel.request = Some(id.clone());
                self.insert(keys_id, channel, &effects, "a request found its peer", turn);
                self.set_status(id, RequestStatus::Trying { keys_id }, turn);
                self.save_request(id, turn);
            }
            Err(error) => self.on_cannot_begin(id, error, turn),
        }
    }

    /// Why no open can begin before the block chain is there.
    fn lack_of_chain(&self) -> Option<String> {
        match (&self.chain_problem, self.synced) {
            (Some(problem), _) => Some(format!("no open without a block chain: {problem}")),
            (None, false) => Some("the node is still following the block chain".to_owned()),
            (None, true) => None,
        }
    }

    fn on_cannot_begin(&mut self, id: &RequestId, error: OpenError, turn: &mut Turn<'_>) {
        let status = match error {
            OpenError::Funds(FundsError::Busy { have, need }) => RequestStatus::WaitForCoin {
                text: format!(
                    "{need} is needed and only {have} is free and confirmed: the rest is waited for"
                ),
            },
            OpenError::Funds(error) => {
                RequestStatus::Failed { origin: Origin::Local, text: funds_text(&error) }
            }
            OpenError::Terms(text) => RequestStatus::Failed { origin: Origin::Local, text },
        };
        self.set_status(id, status, turn);
        self.save_request(id, turn);
    }

    fn wish(&self, command: &OpenCommand) -> OpenWish {
        let format = funding::format(Some(&command.channel_type));
        OpenWish {
            request: command.request.clone(),
            node_id: command.node_id,
            funding: command.funding,
            push: command.push,
            announce: command.announce,
            channel_type: command.channel_type.clone(),
            feerate: command.feerate.unwrap_or(self.fees.normal),
            max_fee: command.max_fee,
            coins: command.coins.clone(),
            prefer: self.orphan_coins(&command.node_id),
            reserve: self.anchor_reserve(format == CommitmentFormat::Anchors),
        }
    }

    /// The coins of dead opens at a peer: spending them kills the orphan for good.
    fn orphan_coins(&self, node_id: &PublicKey) -> Vec<OutPoint> {
        self.keys_of(node_id)
            .iter()
            .filter_map(|keys_id| self.channels.get(keys_id))
            .filter_map(|channel| match &channel.state {
                ChannelState::Funding(funding::State::Tombstone(s)) => Some(s.channel.coins()),
                ChannelState::Funding(_) | ChannelState::Closing(_) => None,
            })
            .flatten()
            .collect()
    }

    /// What has to stay in the wallet for the fees of anchors, counting one more channel or not.
    pub(crate) fn anchor_reserve(&self, one_more: bool) -> Amount {
        let anchored = self
            .channels
            .values()
            .filter(|channel| match &channel.state {
                ChannelState::Funding(
                    funding::State::WaitForChannelReady(_) | funding::State::Normal(_),
                ) => channel.state.channel().is_some_and(|c| {
                    let is_worth_it = c.role == Role::Opener
                        || c.position.is_confirmed() && c.agreed.balance(c.role).0 > 0;
                    is_worth_it && c.agreed.format() == CommitmentFormat::Anchors
                }),
                ChannelState::Funding(_) | ChannelState::Closing(_) => false,
            })
            .count()
            .saturating_add(usize::from(one_more));
        let policy = &self.config.policy;
        let count = u64::try_from(anchored).unwrap_or(u64::MAX);
        policy
            .anchor_reserve
            .checked_mul(count)
            .map_or(policy.max_anchor_reserve, |reserve| reserve.min(policy.max_anchor_reserve))
    }

    /// An attempt ended without a channel.
    pub(crate) fn on_attempt_failed(
        &mut self,
        keys_id: KeysId,
        failure: &Failure,
        turn: &mut Turn<'_>,
    ) {
        let Some(id) = self.request_of(keys_id) else { return };
        let Some(request) = self.requests.get(&id) else { return };
        let attempts = request.attempts;
        let alive = turn.now.monotonic < request.deadline;
        if failure.retry && alive && self.stopping {
            self.set_status(&id, RequestStatus::WaitForPeer, turn);
        } else if failure.retry && alive {
            let at = turn.now.monotonic.after_seconds(retry_after(attempts));
            let status = RequestStatus::WaitForRetry { at, text: failure.text.clone() };
            self.set_status(&id, status, turn);
            self.deadlines.set(Timer::Retry(id), Some(at));
        } else {
            self.set_status(&id, RequestStatus::failed(failure), turn);
            self.save_request(&id, turn);
        }
        // Its coins are free: somebody may wait for them.
        self.try_requests(turn);
    }

    /// `funding_signed` is durable with this step, or the open is dead after `funding_created`.
    pub(crate) fn on_funded(&mut self, keys_id: KeysId, turn: &mut Turn<'_>) {
        let Some(id) = self.request_of(keys_id) else { return };
        let Some(channel) = self.channels.get(&keys_id) else { return };
        let status = match &channel.state {
            ChannelState::Funding(funding::State::Tombstone(s)) => {
                let origin = match (&s.channel.position, &s.channel.cancel) {
                    (FundingPosition::Conflicted { .. }, Some(_)) => Origin::Local,
                    (FundingPosition::Conflicted { .. }, None) => Origin::Chain,
                    _ => Origin::Peer,
                };
                let text = s.outlook(self.config.policy.forget_after);
                RequestStatus::Failed { origin, text }
            }
            state @ (ChannelState::Funding(_) | ChannelState::Closing(_)) => {
                match state.channel() {
                    Some(channel) => RequestStatus::Funded { keys_id, outpoint: channel.outpoint },
                    None => return,
                }
            }
        };
        self.set_status(&id, status, turn);
        self.save_request(&id, turn);
    }

    /// A channel is gone from the map.
    pub(crate) fn on_ended(
        &mut self,
        node_id: &PublicKey,
        from: &str,
        cause: &str,
        turn: &mut Turn<'_>,
    ) {
        tracing::debug!(%node_id, from, cause, "an open ended");
        self.save_peer(node_id, turn);
    }

    /// Every request that waits is tried again: a peer came, coins became free, the chain is back.
    pub(crate) fn try_requests(&mut self, turn: &mut Turn<'_>) {
        let waiting: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, request)| match request.status {
                RequestStatus::WaitForPeer
                | RequestStatus::WaitForChain { .. }
                | RequestStatus::WaitForCoin { .. } => true,
                RequestStatus::Trying { .. }
                | RequestStatus::WaitForRetry { .. }
                | RequestStatus::Funded { .. }
                | RequestStatus::Failed { .. } => false,
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in waiting {
            self.try_request(&id, turn);
        }
    }

    /// A request's time is up. An attempt that runs is ended politely, unless the peer may hold it already.
    pub(crate) fn on_request_deadline(&mut self, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(request) = self.requests.get(id) else { return };
        if request.status.is_final() {
            return;
        }
        let trying = match request.status {
            RequestStatus::Trying { keys_id } => Some(keys_id),
            RequestStatus::WaitForPeer
            | RequestStatus::WaitForChain { .. }
            | RequestStatus::WaitForCoin { .. }
            | RequestStatus::WaitForRetry { .. }
            | RequestStatus::Funded { .. }
            | RequestStatus::Failed { .. } => None,
        };
        let waited_for = self.request_view(request).text;
        if let Some(keys_id) = trying {
            let is_early = self
                .channels
                .get(&keys_id)
                .is_some_and(|channel| channel.state.name() != "WaitForFundingSigned");
            if is_early {
                self.drive(keys_id, ChannelEvent::Cancel(CancelCause::TimeIsUp), turn);
            }
            return;
        }
        let text = format!("the request's time is up; last: {waited_for:?}");
        self.end_request(id, Origin::Timeout, text, turn);
    }

    /// There will be no channel.
    pub(crate) fn end_request(
        &mut self,
        id: &RequestId,
        origin: Origin,
        text: String,
        turn: &mut Turn<'_>,
    ) {
        self.set_status(id, RequestStatus::Failed { origin, text }, turn);
        self.save_request(id, turn);
    }

    pub(crate) fn expire_requests(&mut self, turn: &mut Turn<'_>) {
        let tip = self.height().0;
        let old: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, request)| {
                !request.status.is_final()
                    && tip >= request.start_height.0.saturating_add(LIFETIME_BLOCKS)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in old {
            self.on_request_deadline(&id, turn);
        }
    }

    fn request_of(&self, keys_id: KeysId) -> Option<RequestId> {
        if let Some(channel) = self.channels.get(&keys_id) {
            return channel.request.clone();
        }
        self.requests
            .iter()
            .find(|(_, request)| request.status == RequestStatus::Trying { keys_id })
            .map(|(id, _)| id.clone())
    }

    /// Takes a request from its attempt, which is about to end: it waits for its peer again.
    pub(crate) fn park(&mut self, keys_id: KeysId, turn: &mut Turn<'_>) {
        if let Some(id) = self.request_of(keys_id) {
            self.set_status(&id, RequestStatus::WaitForPeer, turn);
        }
    }

    pub(crate) fn set_status(
        &mut self,
        id: &RequestId,
        status: RequestStatus,
        turn: &mut Turn<'_>,
    ) {
        let Some(request) = self.requests.get_mut(id) else { return };
        if request.status == status {
            return;
        }
        request.status = status;
        if request.status.is_final() {
            self.deadlines.set(Timer::Request(id.clone()), None);
            self.deadlines.set(Timer::Retry(id.clone()), None);
        }
        let (node_id, is_final) = (request.command.node_id, request.status.is_final());
        turn.notify(Notice::Request(request.view()));
        if is_final {
            self.save_peer(&node_id, turn);
        }
    }

    pub(crate) fn save_request(&self, id: &RequestId, turn: &mut Turn<'_>) {
        let row = self.requests.get(id).map(Request::row);
        turn.step.write(Table::Requests, id.0.as_bytes().to_vec(), row);
    }
}

/// What the wallet's refusal means, and what to do.
pub(crate) fn funds_text(error: &FundsError) -> String {
    match error {
        FundsError::Insufficient { have, need } => {
            format!("the wallet has {have} and needs {need} with fee and reserve: fund it")
        }
        FundsError::Busy { have, need } => {
            format!("{need} is needed and only {have} is free and confirmed: wait")
        }
        FundsError::FeeExceedsLimit { fee, limit } => {
            format!("the fee would be {fee}, above the limit of {limit}: raise it or wait")
        }
        FundsError::CoinNotAvailable(outpoint) => {
            format!("the coin {outpoint} is not there or not free: choose another one")
        }
    }
}
