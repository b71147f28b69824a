//! What the node can hear.

use crate::{Command, CommandId, ConnId};
use bitcoin::Txid;
use chain::{ChainUpdate, Look};
use funding::{Fees, Verdict};
use secp256k1::PublicKey;
use transactions::KeysId;
use wire::{Features, Message};

/// Something that happened outside.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection is past `init`.
    Connected {
        /// Its name.
        conn: ConnId,
        /// The peer.
        node_id: PublicKey,
        /// The peer's features.
        features: Features,
        /// Where we dialled it; `None` if it dialled us.
        address: Option<String>,
    },
    /// A peer spoke.
    Message {
        /// The connection.
        conn: ConnId,
        /// What it said.
        message: Message,
    },
    /// A peer answered a ping.
    Alive {
        /// The connection.
        conn: ConnId,
    },
    /// A connection is gone. Everything that was received on it came before.
    Lost {
        /// The connection.
        conn: ConnId,
        /// Why, for a person.
        reason: String,
    },
    /// A dial failed.
    DialFailed {
        /// The peer.
        node_id: PublicKey,
        /// Why, for a person.
        reason: String,
    },
    /// Blocks, with a reorganisation or without.
    Chain(ChainUpdate),
    /// How the backend is.
    ChainState {
        /// Whether there is nothing more to follow.
        synced: bool,
        /// What is wrong with it, if something is.
        problem: Option<String>,
    },
    /// New estimates.
    Fees(Fees),
    /// The mempool's verdict about a transaction.
    Tested {
        /// Which.
        txid: Txid,
        /// The verdict.
        verdict: Verdict,
    },
    /// What became of a broadcast.
    Broadcasted {
        /// The first transaction of the package.
        txid: Txid,
        /// Why it was refused, if it was.
        result: Result<(), String>,
    },
    /// What a look into the mempool has found.
    Looked(Look),
    /// A channel at rest was read.
    Thawed {
        /// Which.
        keys_id: KeysId,
        /// Its row in [`crate::Table::Dormant`], if it is there.
        row: Option<Vec<u8>>,
    },
    /// The operator's policy has decided about a peer's open.
    Decided {
        /// Which.
        keys_id: KeysId,
        /// Yes, or the reason why not.
        decision: Result<(), String>,
    },
    /// A client wants something.
    Command {
        /// For the reply.
        id: CommandId,
        /// What.
        command: Command,
    },
}
