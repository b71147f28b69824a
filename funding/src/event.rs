//! What a channel that is being established can hear, and what it can want of the world.

use crate::{CloseCause, Failure, FundedChannel, State};
use bitcoin::{BlockHash, Transaction, TxOut, Txid};
use transactions::Height;
use wire::Message;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "events are made and used one by one")]
pub enum Event {
    /// A new connection to the peer carries the channel.
    Connected,
    /// The connection was lost.
    Disconnected,
    /// The peer spoke about this channel.
    Message(Message),
    /// The operator's policy, or its program, has decided about a peer's open.
    Decided(Result<(), String>),
    /// What the backend's mempool would say to the funding transaction.
    Tested(Verdict),
    /// The peer answered a ping that was sent for this open.
    Alive,
    /// What the backend said to the funding transaction.
    Broadcasted(Result<(), String>),
    /// Whether the backend's mempool holds the funding output.
    Seen(bool),
    /// The funding transaction is in a block.
    Confirmed {
        /// Which block.
        block: BlockHash,
        /// Its height.
        height: Height,
        /// Where in the block.
        tx_index: u32,
        /// The output at the agreed index, if there is one.
        output: Option<TxOut>,
    },
    /// An input of the funding transaction was spent by another one.
    Conflicted {
        /// The other.
        by: Txid,
        /// The height of its block.
        height: Height,
    },
    /// All blocks above this height were taken back.
    Rewound {
        /// The last block that stays.
        fork: Height,
    },
    /// The chain has a new tip.
    Block,
    /// The state's deadline has come.
    Deadline,
    /// The open is to end, before `funding_signed`.
    Cancel(CancelCause),
    /// The operator wants the coins back, by this transaction.
    Reclaim(Transaction),
    /// What the backend said to that transaction.
    CancelBroadcasted(Result<(), String>),
    /// The operator wants this child to pay for the funding transaction.
    Bump(Transaction),
}

impl Event {
    /// Its name in the step table; of a message, that of the message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
            Self::Message(Message::Raw(_)) => "raw",
            Self::Message(message) => message.name(),
            Self::Decided(_) => "Decided",
            Self::Tested(_) => "Tested",
            Self::Alive => "Alive",
            Self::Broadcasted(_) => "Broadcasted",
            Self::Seen(_) => "Seen",
            Self::Confirmed { .. } => "Confirmed",
            Self::Conflicted { .. } => "Conflicted",
            Self::Rewound { .. } => "Rewound",
            Self::Block => "Block",
            Self::Deadline => "Deadline",
            Self::Cancel(_) => "Cancel",
            Self::Reclaim(_) => "Reclaim",
            Self::CancelBroadcasted(_) => "CancelBroadcasted",
            Self::Bump(_) => "Bump",
        }
    }
}

/// Why we end an open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelCause {
    /// The operator wants it.
    Operator,
    /// Its request has had its time.
    TimeIsUp,
    /// The daemon stops.
    Stopping,
}

impl CancelCause {
    /// What the peer is told, and the operator.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Operator => "the open was cancelled",
            Self::TimeIsUp => "the open's time is up",
            Self::Stopping => "the node is stopping",
        }
    }
}

/// What a mempool would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would take the transaction.
    Accepted,
    /// It would not.
    Refused(String),
    /// It cannot be asked: this kind of backend does not test.
    Unknown,
    /// The backend is away just now.
    Unavailable(String),
}

/// What the world is asked to do. It leaves only after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "effects are made and used one by one")]
pub enum Effect {
    /// To the channel's peer, over its connection.
    Send(Message),
    /// To the network: one transaction, or a parent with its child.
    Broadcast(Vec<Transaction>),
    /// Ask the mempool about the funding transaction: [`Event::Tested`].
    TestAccept(Transaction),
    /// Ask the peer for a sign of life: [`Event::Alive`].
    Ping,
    /// Ask the operator's policy about a peer's open: [`Event::Decided`].
    Decide,
    /// The transaction is ours and enters the wallet with this commit.
    Own(Transaction),
    /// It is dead and leaves the wallet.
    Disown(Txid),
    /// Something that the operator should read, once.
    Note(String),
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transition {
    /// The next state.
    pub next: Next,
    /// What follows from it.
    pub effects: Vec<Effect>,
    /// Why, for the journal.
    pub cause: String,
}

/// The next state of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Still being established, or open.
    State(State),
    /// Gone, with nothing to remember.
    Ended(Failure),
    /// The channel begins to end; `closing` takes over.
    Close {
        /// The channel.
        channel: Box<FundedChannel>,
        /// Why.
        why: CloseCause,
    },
}

impl Transition {
    /// The same state, nothing to do, nothing durable changed.
    pub fn stay(state: impl Into<State>) -> Self {
        Self { next: Next::State(state.into()), effects: Vec::new(), cause: String::new() }
    }

    /// Another state.
    pub fn to(state: impl Into<State>, cause: impl Into<String>, effects: Vec<Effect>) -> Self {
        Self { next: Next::State(state.into()), effects, cause: cause.into() }
    }

    /// The end of an attempt.
    pub fn ended(failure: Failure, effects: Vec<Effect>) -> Self {
        let cause = failure.text.clone();
        Self { next: Next::Ended(failure), effects, cause }
    }

    /// On to `closing`.
    pub fn close(channel: FundedChannel, why: CloseCause, effects: Vec<Effect>) -> Self {
        let cause = why.to_string();
        Self { next: Next::Close { channel: Box::new(channel), why }, effects, cause }
    }
}
