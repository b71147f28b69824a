//! An open that must not become a channel, though it still might.
//!
//! Enters when  an open of ours dies after `funding_created`; when the opener gives a channel up; when the
//!              funding output cannot be ours.
//! On disk      the channel as far as it got, the reason, whether the peer knows.
//! Waits for    its time to pass, or its funding transaction in the chain.
//! Leaves to    nothing; or to `closing`, when the transaction confirms after all.
//! On a crash   resumed.

use crate::error::error_message;
use crate::funded;
use crate::{
    CloseCause, Context, Effect, Event, Failure, FundedChannel, FundingPosition, Origin, Role,
    Transition,
};
use bitcoin::Transaction;
use transactions::Height;

/// See the file's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The channel as far as it got.
    pub channel: FundedChannel,
    /// Why it died.
    pub reason: String,
    /// Whether the peer has said itself that it is dead; else it is told on every connection.
    pub peer_knows: bool,
}

impl Tombstone {
    /// Buries a channel.
    pub fn new(channel: FundedChannel, reason: &str, peer_knows: bool) -> Self {
        Self { channel, reason: reason.to_owned(), peer_knows }
    }

    /// Why it died, and what a peer that cannot know it yet will do; accepters forget after so many blocks.
    pub fn outlook(&self, forget_after: u32) -> String {
        let reason = &self.reason;
        if self.peer_knows {
            return reason.clone();
        }
        let until = self.kept_until(forget_after).0;
        format!(
            "{reason}; its coins are free, and the peer is told, but may keep its place until block {until}"
        )
    }

    /// Where an accepter that never saw the channel in a block forgets it.
    pub fn kept_until(&self, forget_after: u32) -> Height {
        Height(self.channel.start_height.0.saturating_add(forget_after))
    }

    /// A new connection: the peer is told.
    pub fn on_connected(self) -> Transition {
        if self.peer_knows {
            return Transition::stay(self);
        }
        // [BOLT 2 channel_reestablish G7] the error again, and nothing else
        let effects = vec![self.error()];
        Transition { effects, ..Transition::stay(self) }
    }

    /// The peer speaks of the channel as if it lived.
    pub fn on_message(self) -> Transition {
        let effects = vec![self.error()];
        Transition { effects, ..Transition::stay(self) }
    }

    /// The peer says that it is dead.
    pub fn on_error(self) -> Transition {
        if self.peer_knows {
            return Transition::stay(self);
        }
        Transition::to(Self { peer_knows: true, ..self }, "the peer let it go", Vec::new())
    }

    /// The operator wants to be sure: what spends its coins kills it for good.
    pub fn on_reclaim(mut self, transaction: Transaction) -> Transition {
        if self.channel.check_cancel().is_err() {
            return Transition::stay(self);
        }
        let cause = format!("{} takes the coins back", transaction.compute_txid());
        let effects = self.channel.reclaim(transaction);
        Transition::to(self, cause, effects)
    }

    /// News of the chain: a transaction that confirms after all needs a way out.
    pub fn on_chain(mut self, event: &Event, cx: &Context<'_>) -> Transition {
        let cause = self.channel.on_chain(event, cx.now.timestamp).unwrap_or_default();
        if self.channel.position.is_confirmed() {
            return Transition::close(self.channel, CloseCause::OrphanFunded, Vec::new());
        }
        if self.is_over(cx) {
            let failure = Failure {
                origin: Origin::Timeout,
                stage: "Tombstone",
                text: format!("its time has passed ({})", self.reason),
                retry: false,
            };
            return Transition::ended(failure, Vec::new());
        }
        Transition::to(self, cause, Vec::new())
    }

    /// After its blocks have passed, and once a spend of its inputs elsewhere is beyond any reorganisation.
    fn is_over(&self, cx: &Context<'_>) -> bool {
        let age = cx.tip.0.saturating_sub(self.channel.start_height.0);
        let blocks = match self.channel.role {
            Role::Opener => cx.policy.tombstone_blocks,
            Role::Accepter => cx.policy.forget_after,
        };
        let settled = match self.channel.position {
            FundingPosition::Conflicted { height, .. } => {
                crate::position::depth(height, cx.tip).0 >= 100
            }
            FundingPosition::Unbroadcast { .. }
            | FundingPosition::Mempool { .. }
            | FundingPosition::Confirmed { .. } => true,
        };
        cx.synced && age >= blocks && settled
    }

    fn error(&self) -> Effect {
        Effect::Send(error_message(self.channel.channel_id(), ERROR_TEXT))
    }
}

/// Whether a peer's message about a dead channel deserves the answer that it is dead: never an `error` to an
/// `error`. Whoever sends an update believes that it lives.
pub fn deserves_an_error(message: &wire::Message) -> bool {
    use wire::Message as M;
    match message {
        M::ChannelReestablish(_) | M::ChannelReady(_) | M::FundingSigned(_) | M::Shutdown(_) => {
            true
        }
        M::Raw(raw) => funded::is_update(raw),
        M::Warning(_)
        | M::Init(_)
        | M::Error(_)
        | M::Ping(_)
        | M::Pong(_)
        | M::OpenChannel(_)
        | M::AcceptChannel(_)
        | M::FundingCreated(_)
        | M::ClosingSigned(_)
        | M::ClosingComplete(_)
        | M::ClosingSig(_)
        | M::AnnouncementSignatures(_) => false,
    }
}

const ERROR_TEXT: &str = "this channel was given up before it was funded";
