//! The states of a channel from `open_channel` to the second `channel_ready`, and the step table: the whole
//! of channel establishment on one page. What a state does not wait for is in the last arms.

use crate::accepter::{WaitForDecision, WaitForFundingCreated};
use crate::error::warning_message;
use crate::opener::{WaitForAcceptChannel, WaitForFundingSigned, WaitForTests};
use crate::tombstone::deserves_an_error;
use crate::{
    Attempt, Context, Effect, Event, Failure, FundedChannel, FundingError, Monotonic, Normal,
    Tombstone, Transition, WaitForChannelReady, Watches,
};
use bitcoin::OutPoint;
use transactions::KeysId;
use wire::{ChannelId, Message};

/// A channel that is being established, or is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has a file of its own that says it all")]
pub enum State {
    WaitForAcceptChannel(Box<WaitForAcceptChannel>),
    WaitForTests(Box<WaitForTests>),
    WaitForFundingSigned(Box<WaitForFundingSigned>),
    WaitForDecision(Box<WaitForDecision>),
    WaitForFundingCreated(Box<WaitForFundingCreated>),
    WaitForChannelReady(Box<WaitForChannelReady>),
    Normal(Box<Normal>),
    Tombstone(Box<Tombstone>),
}

impl State {
    /// One event, one transition. Total: what a state does not wait for leaves it as it is.
    #[expect(clippy::too_many_lines, reason = "the step table belongs on one page")]
    pub fn step(self, event: Event, cx: &mut Context<'_>) -> Transition {
        use Event as E;
        use Message as M;
        use State as S;
        tracing::trace!(target: "step", state = self.name(), event = event.name());
        match (self, event) {
            // Opener.
            (S::WaitForAcceptChannel(s), E::Message(M::AcceptChannel(m))) => {
                s.on_accept_channel(*m, cx)
            }
            (S::WaitForAcceptChannel(s), E::Message(M::Error(m))) => s.on_error(&m.data),
            (S::WaitForAcceptChannel(s), E::Disconnected) => s.on_disconnected(),
            (S::WaitForAcceptChannel(s), E::Deadline) => s.on_deadline(),
            (S::WaitForAcceptChannel(s), E::Cancel(cause)) => s.on_cancel(cause),
            (S::WaitForAcceptChannel(s), E::Conflicted { .. }) => s.on_conflicted(),

            (S::WaitForTests(s), E::Tested(verdict)) => s.on_tested(verdict, cx),
            (S::WaitForTests(s), E::Alive) => s.on_alive(cx),
            (S::WaitForTests(s), E::Message(M::Error(m))) => s.on_error(&m.data),
            (S::WaitForTests(s), E::Disconnected) => s.on_disconnected(),
            (S::WaitForTests(s), E::Deadline) => s.on_deadline(),
            (S::WaitForTests(s), E::Cancel(cause)) => s.on_cancel(cause),
            (S::WaitForTests(s), E::Conflicted { .. }) => s.on_conflicted(),

            (S::WaitForFundingSigned(s), E::Message(M::FundingSigned(m))) => {
                s.on_funding_signed(&m, cx)
            }
            (S::WaitForFundingSigned(s), E::Message(M::Error(m))) => s.on_error(&m.data),
            (S::WaitForFundingSigned(s), E::Message(M::Shutdown(_))) => s.on_shutdown(),
            (S::WaitForFundingSigned(s), E::Disconnected) => s.on_disconnected(),
            (S::WaitForFundingSigned(s), E::Deadline) => s.on_deadline(),
            (S::WaitForFundingSigned(s), E::Cancel(cause)) => s.on_cancel(cause),
            (S::WaitForFundingSigned(s), E::Conflicted { by, height }) => {
                s.on_conflicted(by, height)
            }

            // Accepter.
            (S::WaitForDecision(s), E::Decided(decision)) => s.on_decided(decision, cx),
            (S::WaitForDecision(s), E::Message(M::Error(m))) => s.on_error(&m.data),
            (S::WaitForDecision(s), E::Disconnected) => s.on_disconnected(),
            (S::WaitForDecision(s), E::Deadline) => s.on_deadline(),
            (S::WaitForDecision(s), E::Cancel(cause)) => s.on_cancel(cause),

            (S::WaitForFundingCreated(s), E::Message(M::FundingCreated(m))) => {
                s.on_funding_created(&m, cx)
            }
            (S::WaitForFundingCreated(s), E::Message(M::Error(m))) => s.on_error(&m.data),
            (S::WaitForFundingCreated(s), E::Disconnected) => s.on_disconnected(),
            (S::WaitForFundingCreated(s), E::Deadline) => s.on_deadline(),
            (S::WaitForFundingCreated(s), E::Cancel(cause)) => s.on_cancel(cause),

            // [BOLT 2 shutdown R1] before the signatures there is no channel to close
            (state, E::Message(M::Shutdown(_))) if state.channel().is_none() => {
                state.on_early_shutdown()
            }

            // Both.
            (S::WaitForChannelReady(s), E::Connected) => s.on_connected(cx),
            (S::WaitForChannelReady(s), E::Message(M::ChannelReestablish(_))) => {
                s.on_reestablish(cx)
            }
            (S::WaitForChannelReady(s), E::Message(M::ChannelReady(m))) => {
                s.on_channel_ready(&m, cx)
            }
            (S::WaitForChannelReady(s), E::Message(M::Error(m))) => s.on_error(&m.data, cx),
            (S::WaitForChannelReady(s), E::Message(M::Shutdown(m))) => s.on_shutdown(m),
            (S::WaitForChannelReady(s), E::Message(M::AnnouncementSignatures(m))) => {
                s.on_announcement_signatures(m, cx)
            }
            (S::WaitForChannelReady(s), E::Message(M::Raw(m))) => s.on_update(&m, cx),
            (S::WaitForChannelReady(s), E::Reclaim(transaction)) => s.on_reclaim(transaction),
            (S::WaitForChannelReady(s), E::Bump(child)) => s.on_bump(child),
            (S::WaitForChannelReady(s), event) if is_of_chain(&event) => s.on_chain(&event, cx),

            (S::Normal(s), E::Connected) => s.on_connected(cx),
            (S::Normal(s), E::Message(M::ChannelReestablish(_))) => s.on_reestablish(cx),
            (S::Normal(s), E::Message(M::Error(m))) => s.on_error(&m.data, cx),
            (S::Normal(s), E::Message(M::Shutdown(m))) => s.on_shutdown(m),
            (S::Normal(s), E::Message(M::AnnouncementSignatures(m))) => {
                s.on_announcement_signatures(m, cx)
            }
            (S::Normal(s), E::Message(M::Raw(m))) => s.on_update(&m, cx),
            (S::Normal(s), event) if is_of_chain(&event) => s.on_chain(&event, cx),

            (S::Tombstone(s), E::Connected) => s.on_connected(),
            (S::Tombstone(s), E::Message(M::Error(_))) => s.on_error(),
            (S::Tombstone(s), E::Message(m)) if deserves_an_error(&m) => s.on_message(),
            (S::Tombstone(s), E::Reclaim(transaction)) => s.on_reclaim(transaction),
            (S::Tombstone(s), event) if is_of_chain(&event) => s.on_chain(&event, cx),

            // Unexpected: a message at the wrong moment costs nobody a channel.
            (state, E::Message(m)) => state.on_unexpected(&m, cx),
            (state, _) => Transition::stay(state),
        }
    }

    /// The peer closes what it has not signed for: the open fails.
    fn on_early_shutdown(self) -> Transition {
        let error = FundingError::Unexpected { state: self.name(), got: "shutdown" };
        let failure = Failure {
            origin: error.origin(),
            stage: self.name(),
            text: error.to_string(),
            retry: false,
        };
        let replies = self.channel_ids().into_iter().map(|id| Effect::Send(error.reply(id)));
        Transition::ended(failure, replies.collect())
    }

    /// A message that the state does not wait for: a warning, unless it is one that may come twice.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other message is unexpected")]
    fn on_unexpected(self, message: &Message, cx: &mut Context<'_>) -> Transition {
        let Some(channel_id) = message.channel_id() else { return Transition::stay(self) };
        match message {
            Message::Warning(_)
            | Message::Error(_)
            // [BOLT 2 channel_reestablish G13] a second channel_ready is nothing new
            | Message::ChannelReady(_)
            | Message::AnnouncementSignatures(_)
            | Message::Raw(_) => Transition::stay(self),
            other => {
                let text = format!("unexpected {} in {}", other.name(), self.name());
                let mut effects = vec![Effect::Send(warning_message(channel_id, &text))];
                effects.extend(cx.link.note(text).map(Effect::Note));
                Transition { effects, ..Transition::stay(self) }
            }
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WaitForAcceptChannel(_) => "WaitForAcceptChannel",
            Self::WaitForTests(_) => "WaitForTests",
            Self::WaitForFundingSigned(_) => "WaitForFundingSigned",
            Self::WaitForDecision(_) => "WaitForDecision",
            Self::WaitForFundingCreated(_) => "WaitForFundingCreated",
            Self::WaitForChannelReady(_) => "WaitForChannelReady",
            Self::Normal(_) => "Normal",
            Self::Tombstone(_) => "Tombstone",
        }
    }

    /// The name of its keys.
    pub fn keys_id(&self) -> KeysId {
        match self {
            Self::WaitForDecision(s) => s.keys_id,
            Self::WaitForFundingCreated(s) => s.keys_id,
            Self::WaitForAcceptChannel(_)
            | Self::WaitForTests(_)
            | Self::WaitForFundingSigned(_)
            | Self::WaitForChannelReady(_)
            | Self::Normal(_)
            | Self::Tombstone(_) => match (self.attempt(), self.channel()) {
                (Some(attempt), _) => attempt.keys_id,
                (None, Some(channel)) => channel.keys_id,
                (None, None) => KeysId([0; 16]),
            },
        }
    }

    /// The attempt, before `funding_signed`, if we are the opener.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::WaitForAcceptChannel(s) => Some(&s.attempt),
            Self::WaitForTests(s) => Some(&s.attempt),
            Self::WaitForFundingSigned(s) => Some(&s.attempt),
            Self::WaitForDecision(_)
            | Self::WaitForFundingCreated(_)
            | Self::WaitForChannelReady(_)
            | Self::Normal(_)
            | Self::Tombstone(_) => None,
        }
    }

    /// The funding output of an open of ours that is no channel yet.
    pub fn attempted_outpoint(&self) -> Option<OutPoint> {
        match self {
            Self::WaitForTests(s) => Some(s.outpoint),
            Self::WaitForFundingSigned(s) => Some(s.outpoint),
            Self::WaitForAcceptChannel(_)
            | Self::WaitForDecision(_)
            | Self::WaitForFundingCreated(_)
            | Self::WaitForChannelReady(_)
            | Self::Normal(_)
            | Self::Tombstone(_) => None,
        }
    }

    /// The channel, from `funding_signed` on and in a tombstone.
    pub fn channel(&self) -> Option<&FundedChannel> {
        match self {
            Self::WaitForChannelReady(s) => Some(&s.channel),
            Self::Normal(s) => Some(&s.channel),
            Self::Tombstone(s) => Some(&s.channel),
            Self::WaitForAcceptChannel(_)
            | Self::WaitForTests(_)
            | Self::WaitForFundingSigned(_)
            | Self::WaitForDecision(_)
            | Self::WaitForFundingCreated(_) => None,
        }
    }

    /// The channel, if it can be closed.
    pub fn into_closable(self) -> Result<FundedChannel, Self> {
        match self {
            // [BOLT 2 shutdown S1] no shutdown before the signatures
            // [BOLT 2 shutdown S2] but before channel_ready
            Self::WaitForChannelReady(s) => Ok(s.channel),
            Self::Normal(s) => Ok(s.channel),
            Self::WaitForAcceptChannel(_)
            | Self::WaitForTests(_)
            | Self::WaitForFundingSigned(_)
            | Self::WaitForDecision(_)
            | Self::WaitForFundingCreated(_)
            | Self::Tombstone(_) => Err(self),
        }
    }

    /// The ids under which the peer may speak of it.
    pub fn channel_ids(&self) -> Vec<ChannelId> {
        match self {
            Self::WaitForDecision(s) => vec![s.open.temporary_channel_id],
            Self::WaitForFundingCreated(s) => vec![s.agreed.open.temporary_channel_id],
            Self::WaitForFundingSigned(s) => {
                vec![s.attempt.temporary_channel_id(), ChannelId::from_funding(s.outpoint)]
            }
            Self::WaitForAcceptChannel(_)
            | Self::WaitForTests(_)
            | Self::WaitForChannelReady(_)
            | Self::Normal(_)
            | Self::Tombstone(_) => match (self.attempt(), self.channel()) {
                (Some(attempt), _) => vec![attempt.temporary_channel_id()],
                (None, Some(channel)) => {
                    vec![channel.channel_id(), channel.temporary_channel_id()]
                }
                (None, None) => Vec::new(),
            },
        }
    }

    /// What of the chain concerns it.
    pub fn watches(&self) -> Watches {
        if let Some(attempt) = self.attempt() {
            return Watches { outpoints: attempt.coins.clone(), txids: Vec::new() };
        }
        self.channel().map_or_else(Watches::default, FundedChannel::watches)
    }

    /// When [`Event::Deadline`] is due.
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::WaitForAcceptChannel(s) => Some(s.deadline),
            Self::WaitForTests(s) => Some(s.deadline),
            Self::WaitForFundingSigned(s) => Some(s.deadline),
            Self::WaitForDecision(s) => Some(s.deadline),
            Self::WaitForFundingCreated(s) => Some(s.deadline),
            Self::WaitForChannelReady(_) | Self::Normal(_) | Self::Tombstone(_) => None,
        }
    }

    /// The coins that nothing else may spend.
    pub fn coins(&self) -> Vec<OutPoint> {
        match self {
            Self::WaitForAcceptChannel(_)
            | Self::WaitForTests(_)
            | Self::WaitForFundingSigned(_) => {
                self.attempt().map_or_else(Vec::new, |attempt| attempt.coins.clone())
            }
            Self::WaitForChannelReady(s) if !s.channel.position.is_confirmed() => s.channel.coins(),
            Self::Normal(s) if !s.channel.position.is_confirmed() => s.channel.coins(),
            Self::WaitForDecision(_)
            | Self::WaitForFundingCreated(_)
            | Self::WaitForChannelReady(_)
            | Self::Normal(_)
            | Self::Tombstone(_) => Vec::new(),
        }
    }
}

fn is_of_chain(event: &Event) -> bool {
    match event {
        Event::Broadcasted(_)
        | Event::CancelBroadcasted(_)
        | Event::Seen(_)
        | Event::Confirmed { .. }
        | Event::Conflicted { .. }
        | Event::Rewound { .. }
        | Event::Block => true,
        Event::Connected
        | Event::Disconnected
        | Event::Message(_)
        | Event::Decided(_)
        | Event::Tested(_)
        | Event::Alive
        | Event::Deadline
        | Event::Cancel(_)
        | Event::Reclaim(_)
        | Event::Bump(_) => false,
    }
}

macro_rules! into_state {
    ($($name:ident),*) => {$(
        impl From<$name> for State {
            fn from(state: $name) -> Self {
                Self::$name(Box::new(state))
            }
        }
    )*};
}
into_state!(
    WaitForAcceptChannel,
    WaitForTests,
    WaitForFundingSigned,
    WaitForDecision,
    WaitForFundingCreated,
    WaitForChannelReady,
    Normal,
    Tombstone
);
