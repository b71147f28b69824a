//! What the node can want of the world. Effects leave only after the commit of the step that they belong to.

use crate::{CommandId, ConnId, Notice, Reply};
use bitcoin::{Amount, OutPoint, Transaction, Txid};
use secp256k1::PublicKey;
use transactions::KeysId;
use wire::Message;

/// Something to do outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// To a peer.
    Send {
        /// The connection.
        conn: ConnId,
        /// The message.
        message: Box<Message>,
    },
    /// A sign of life is wanted: `Event::Alive` follows, or the connection is lost.
    Ping {
        /// The connection.
        conn: ConnId,
    },
    /// To the network: one transaction, or a parent with its child. `Event::Broadcasted` follows.
    Broadcast(Vec<Transaction>),
    /// Would the mempool take it? `Event::Tested` follows.
    TestAccept(Transaction),
    /// What does the mempool hold of these? `Event::Looked` follows, unless the backend is away.
    LookFor {
        /// Transactions of ours.
        transactions: Vec<Txid>,
        /// Funding outputs that peers have promised.
        outputs: Vec<OutPoint>,
    },
    /// May this peer open a channel to us? `Event::Decided` follows.
    Decide {
        /// The open.
        keys_id: KeysId,
        /// The peer.
        node_id: PublicKey,
        /// The whole channel.
        funding: Amount,
    },
    /// Read the row of a channel at rest: `Event::Thawed` follows.
    Thaw {
        /// Its key in [`crate::Table::Dormant`].
        keys_id: KeysId,
    },
    /// Connect to a peer. `Event::Connected` or `Event::DialFailed` follows.
    Dial {
        /// The peer.
        node_id: PublicKey,
        /// Host and port.
        address: String,
    },
    /// The peer is no stranger any more: a channel with it is in a block.
    Acquaint {
        /// The peer.
        node_id: PublicKey,
    },
    /// End a connection, after what was sent before. `Event::Lost` follows.
    Disconnect {
        /// The connection.
        conn: ConnId,
        /// Why, for a person.
        reason: String,
    },
    /// The answer to a command: it speaks only of what is durable.
    Reply {
        /// The command.
        id: CommandId,
        /// The answer.
        reply: Box<Reply>,
    },
    /// For whoever watches.
    Notify(Box<Notice>),
}
