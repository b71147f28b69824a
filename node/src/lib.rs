//! The whole node as one value: events in, steps out. Start at `node.rs` (the loop's entry), `turn.rs` (how a
//! channel is moved, and what is derived from it) and `step.rs` (commit before act).

mod blocks;
mod channel;
mod command;
mod commands;
mod effect;
mod entropy;
mod event;
mod ids;
mod journal;
mod messages;
mod node;
mod opens;
mod peers;
mod reply;
mod request;
mod restore;
mod step;
mod store;
mod turn;
mod views;

pub use channel::{Channel, ChannelEvent, ChannelState, ResumedChannel};
pub use command::{CloseCommand, Command, OpenCommand};
pub use effect::Effect;
pub use entropy::Entropy;
pub use event::Event;
pub use ids::{CommandId, ConnId};
pub use journal::{journal_row, next_journal_number, read_journal_row};
pub use node::{Config, Node, Peer};
pub use reply::{
    BalanceView, ChannelView, CoinView, CommandError, HistoryEntry, InfoView, Notice, PeerView,
    Reply, RequestView,
};
pub use request::{Request, RequestStatus};
pub use restore::RestoreError;
pub use step::Step;
pub use store::{Row, Store, StoreError, Table, Write};
