//! What we do to end a channel.

use crate::anchor::Child;
use bitcoin::Transaction;

/// What we do to end the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The transaction that both sides signed is broadcast until a spend is in a block.
    Mutual {
        /// It.
        transaction: Transaction,
    },
    /// Our commitment is broadcast, with a child if that is wanted.
    Force {
        /// It.
        commitment: Transaction,
        /// The child of its anchor.
        child: Option<Child>,
        /// What the peer is told, on every connection.
        text: String,
    },
    /// We have no transaction that may be broadcast: the peer is asked to close.
    Ask {
        /// What the peer is told.
        text: String,
    },
    /// A spend was seen: there is nothing to do but to bring our outputs home.
    Watch,
}
