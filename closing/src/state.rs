//! The states of a channel that ends, and their step table. What a state does not wait for is in the last arms.

use crate::closing::Closing;
use crate::plan::Plan;
use crate::shutting_down::ShuttingDown;
use crate::{Closed, Event, Transition};
use bitcoin::OutPoint;
use funding::{Context, FundedChannel, Monotonic, Watches};
use transactions::Signer;
use wire::Message;

/// A channel that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has a file of its own that says it all")]
pub enum State {
    ShuttingDown(Box<ShuttingDown>),
    Closing(Box<Closing>),
    Closed(Box<Closed>),
}

impl State {
    /// One event, one transition. Total: what a state does not wait for leaves it as it is.
    pub fn step(self, event: Event, cx: &mut Context<'_>) -> Transition {
        use Event as E;
        use Message as M;
        use State as S;
        tracing::trace!(target: "step", state = self.name(), event = event.name());
        match (self, event) {
            (S::ShuttingDown(s), E::Connected) => s.on_connected(cx),
            (S::ShuttingDown(s), E::Disconnected) => s.on_disconnected(),
            (S::ShuttingDown(s), E::Message(M::ChannelReestablish(_))) => s.on_reestablish(cx),
            (S::ShuttingDown(s), E::Message(M::Shutdown(m))) => s.on_shutdown(m, cx),
            (S::ShuttingDown(s), E::Message(M::ClosingSigned(m))) => s.on_closing_signed(&m, cx),
            (S::ShuttingDown(s), E::Message(M::ClosingComplete(m))) => {
                s.on_closing_complete(&m, cx)
            }
            (S::ShuttingDown(s), E::Message(M::ClosingSig(m))) => s.on_closing_sig(&m, cx),
            (S::ShuttingDown(s), E::Message(M::Error(m))) => s.on_error(&m.data, cx),
            (S::ShuttingDown(s), E::Message(M::Warning(_))) => s.on_warning(),
            (S::ShuttingDown(s), E::Deadline) => s.on_deadline(cx),
            (S::ShuttingDown(s), E::Requested(request)) => s.on_requested(request, cx),
            (S::ShuttingDown(s), E::Forced(request)) => s.on_forced(request, cx),
            (S::ShuttingDown(s), E::Funding(event)) => s.on_funding(&event, cx),
            (S::ShuttingDown(s), E::Rewound { fork }) => {
                s.on_funding(&funding::Event::Rewound { fork }, cx)
            }
            (S::ShuttingDown(s), E::Block) => s.on_block(cx),
            (S::ShuttingDown(s), event @ E::Spent { .. }) => s.on_spent(event, cx),

            (S::Closing(s), E::Connected) => s.on_connected(cx),
            (S::Closing(s), E::Message(M::ChannelReestablish(_))) => s.on_reestablish(cx),
            (S::Closing(s), E::Message(M::Shutdown(m))) => s.on_shutdown(&m, cx),
            (S::Closing(s), E::Message(M::ClosingSigned(m))) => s.on_closing_signed(&m, cx),
            (S::Closing(s), E::Message(M::ClosingComplete(m))) => s.on_closing_complete(&m, cx),
            (S::Closing(s), E::Message(M::ClosingSig(m))) => s.on_closing_sig(&m, cx),
            (S::Closing(s), E::Requested(request)) => s.on_requested(request, cx),
            (S::Closing(s), E::Message(M::Error(m))) => s.on_error(&m.data, cx),
            (S::Closing(s), E::Forced(request)) => s.on_forced(request, cx),
            (S::Closing(s), E::Funding(event)) => s.on_funding(&event, cx),
            (S::Closing(s), E::Spent { transaction, height }) => {
                s.on_spent(transaction, height, cx)
            }
            (S::Closing(s), E::ClaimSpent { outpoint, txid, height }) => {
                s.on_claim_spent(outpoint, txid, height, cx)
            }
            (S::Closing(s), E::Rewound { fork }) => s.on_rewound(fork, cx),
            (S::Closing(s), E::Block) => s.on_block(cx),

            (S::Closed(s), E::Message(M::ChannelReestablish(_))) => s.on_reestablish(cx),
            (S::Closed(s), E::Rewound { fork }) => s.on_rewound(fork, cx),
            (S::Closed(s), E::Block) => s.on_block(cx),

            (state, _) => Transition::stay(state),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ShuttingDown(_) => "ShuttingDown",
            Self::Closing(_) => "Closing",
            Self::Closed(_) => "Closed",
        }
    }

    /// The channel.
    pub fn channel(&self) -> &FundedChannel {
        match self {
            Self::ShuttingDown(s) => &s.channel,
            Self::Closing(s) => &s.channel,
            Self::Closed(s) => &s.closing.channel,
        }
    }

    /// The part that knows of the chain.
    pub fn closing(&self) -> Option<&Closing> {
        match self {
            Self::ShuttingDown(_) => None,
            Self::Closing(s) => Some(s),
            Self::Closed(s) => Some(&s.closing),
        }
    }

    /// When [`Event::Deadline`] is due.
    pub fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::ShuttingDown(s) => s.deadline(),
            Self::Closing(_) | Self::Closed(_) => None,
        }
    }

    /// The coins that nothing else may spend.
    pub fn coins(&self) -> Vec<OutPoint> {
        let mut coins = Vec::new();
        if !self.channel().position.is_confirmed() {
            coins.extend(self.channel().coins());
        }
        if let Self::Closing(s) = self
            && let Plan::Force { child: Some(child), .. } = &s.plan
            && child.confirmed.is_none()
        {
            coins.extend(child.coins());
        }
        coins
    }

    /// What of the chain concerns it: the funding output, and our outputs of what spent it.
    pub fn watches(&self, signer: &dyn Signer) -> Watches {
        let mut watches = self.channel().watches();
        if let Some(closing) = self.closing() {
            let ending = closing.ending(signer);
            // [BOLT 5 nomenclature G1] and what is ours of that transaction
            watches.outpoints.extend(ending.claims().iter().map(|claim| claim.outpoint));
        }
        watches
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
into_state!(ShuttingDown, Closing, Closed);
