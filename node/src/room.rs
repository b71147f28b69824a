//! Room for peers' opens: how many there may be of one peer, and what goes when there are too many of all.

use crate::channel::{Channel, ChannelEvent, ChannelState};
use crate::node::Node;
use crate::turn::{Gone, Turn, is_pending};
use funding::{FundingPosition, Refusal, Role};
use secp256k1::PublicKey;
use transactions::KeysId;

impl Node {
    /// Whether we can take one more open of this peer's: each refusal is true.
    pub(crate) fn check_capacity(&self, node_id: &PublicKey) -> Result<(), Refusal> {
        if self.stopping {
            return Err(Refusal::Declined("the node is stopping".to_owned()));
        }
        if !self.synced || self.chain_problem.is_some() {
            let text = "the node is still synchronising with the block chain";
            return Err(Refusal::Declined(text.to_owned()));
        }
        let of_peer = self
            .keys_of(node_id)
            .iter()
            .filter_map(|keys_id| self.channels.get(keys_id))
            .filter(|channel| is_unseen(channel))
            .count();
        let resting = self.dormant.of_peer(node_id).len();
        if of_peer.saturating_add(resting) >= self.config.policy.max_pending_per_peer
            || self.dormant.len() >= self.config.policy.max_dormant
        {
            return Err(Refusal::TooManyPending);
        }
        // What an opener gave up stays watched for two weeks: it must not be able to leave any number.
        let of_peer = self
            .keys_of(node_id)
            .iter()
            .filter_map(|keys_id| self.channels.get(keys_id))
            .filter(|channel| is_given_up(channel))
            .count();
        if of_peer >= GIVEN_UP_PER_PEER {
            return Err(Refusal::TooManyPending);
        }
        Ok(())
    }

    /// Who has many names must not be able to fill the places of all: beyond the limits the oldest go, first
    /// those without money of ours. Their openers have lost nothing that was not theirs to give up.
    pub(crate) fn make_room(&mut self, turn: &mut Turn<'_>) {
        let talks = self.channels.iter().filter(|(_, channel)| is_talk(channel));
        if talks.clone().count() >= self.config.policy.max_talks {
            let oldest =
                talks.min_by_key(|(_, channel)| channel.touched).map(|(keys_id, _)| *keys_id);
            if let Some(keys_id) = oldest {
                self.drive(keys_id, ChannelEvent::Deadline, turn);
            }
        }
        let dead = self.channels.iter().filter(|(_, channel)| is_given_up(channel));
        if dead.clone().count() >= self.config.policy.max_given_up {
            let worth = |channel: &Channel| {
                let funded = channel.state.channel();
                (funded.is_some_and(|c| c.agreed.balance(c.role).0 > 0), channel.touched)
            };
            let oldest =
                dead.min_by_key(|(_, channel)| worth(channel)).map(|(keys_id, _)| *keys_id);
            if let Some(keys_id) = oldest {
                self.forget(keys_id, "it made room for others", turn);
            }
        }
    }

    /// Takes a channel out, and its row.
    fn forget(&mut self, keys_id: KeysId, cause: &str, turn: &mut Turn<'_>) {
        let Some(channel) = self.channels.remove(&keys_id) else { return };
        self.unlist(keys_id, &channel);
        let (from, subject) = (channel.state.name(), channel.subject());
        self.on_ended(&channel.node_id, from, cause, turn);
        let gone = Gone { node_id: channel.node_id, request: channel.request, subject, from };
        self.erase(keys_id, gone, cause, turn);
    }
}

/// A peer's open that neither a block nor the mempool holds.
fn is_unseen(channel: &Channel) -> bool {
    let state = &channel.state;
    let is_accepter = state.channel().is_none_or(|channel| channel.role == Role::Accepter);
    let is_attempt = match state {
        ChannelState::Funding(state) => state.attempt().is_some(),
        ChannelState::Closing(_) => false,
    };
    let is_seen = state.channel().is_some_and(|channel| {
        matches!(
            channel.position,
            FundingPosition::Confirmed { .. } | FundingPosition::Mempool { .. }
        )
    });
    is_pending(state) && is_accepter && !is_attempt && !is_seen
}

/// One that has no funding transaction yet: it is in memory only.
fn is_talk(channel: &Channel) -> bool {
    is_unseen(channel) && channel.state.channel().is_none()
}

/// One that its opener gave up before it was funded.
fn is_given_up(channel: &Channel) -> bool {
    match &channel.state {
        ChannelState::Funding(funding::State::Tombstone(s)) => s.channel.role == Role::Accepter,
        ChannelState::Funding(_) | ChannelState::Closing(_) => false,
    }
}

/// Channels that one peer gave up before it funded them.
const GIVEN_UP_PER_PEER: usize = 16;
