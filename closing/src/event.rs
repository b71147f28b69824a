//! What a closing channel can hear, and what it can want of the world.

use crate::{CloseRequest, State};
use bitcoin::{OutPoint, Transaction, Txid};
use transactions::Height;
use wire::Message;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new connection to the peer carries the channel.
    Connected,
    /// The connection was lost.
    Disconnected,
    /// The peer spoke about this channel.
    Message(Message),
    /// News of the funding transaction.
    Funding(funding::Event),
    // [BOLT 5 general G2] blocks, not the mempool
    /// A transaction in a block spends the funding output.
    Spent {
        /// The transaction.
        transaction: Transaction,
        /// The height of its block.
        height: Height,
    },
    /// A transaction in a block spends an output that we may claim.
    ClaimSpent {
        /// The output.
        outpoint: OutPoint,
        /// The transaction.
        txid: Txid,
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
    /// The operator wants it again, with other fees.
    Requested(CloseRequest),
    /// The operator wants it by force.
    Forced(CloseRequest),
}

impl Event {
    /// Its name in the step table; of a message, that of the message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
            Self::Message(Message::Raw(_)) => "raw",
            Self::Message(message) => message.name(),
            Self::Funding(_) => "Funding",
            Self::Spent { .. } => "Spent",
            Self::ClaimSpent { .. } => "ClaimSpent",
            Self::Rewound { .. } => "Rewound",
            Self::Block => "Block",
            Self::Deadline => "Deadline",
            Self::Requested(_) => "Requested",
            Self::Forced(_) => "Forced",
        }
    }
}

/// What the world is asked to do. It leaves only after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// To the channel's peer, over its connection.
    Send(Box<Message>),
    /// To the network: one transaction, or a parent with its child.
    Broadcast(Vec<Transaction>),
    /// The transaction is ours and enters the wallet with this commit.
    Own(Transaction),
    /// It is dead and leaves the wallet.
    Disown(Txid),
    /// End this connection and dial again.
    Reconnect(&'static str),
    /// Something that the operator should read, once.
    Note(String),
}

impl Effect {
    /// A message.
    pub fn send(message: impl Into<Message>) -> Self {
        Self::Send(Box::new(message.into()))
    }
}

/// Where a step leads; `next` is `None` when nothing has to be remembered any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transition {
    /// The next state.
    pub next: Option<State>,
    /// What follows from it.
    pub effects: Vec<Effect>,
    /// Why, for the journal; empty if nothing durable changed.
    pub cause: String,
}

impl Transition {
    /// A state and what follows.
    pub fn to(state: impl Into<State>, cause: impl Into<String>, effects: Vec<Effect>) -> Self {
        Self { next: Some(state.into()), effects, cause: cause.into() }
    }

    /// The same state, nothing to do.
    pub fn stay(state: impl Into<State>) -> Self {
        Self::to(state, "", Vec::new())
    }
}
