//! The whole node as one value: events in, steps out. Start at `node.rs` (the loop's entry), `turn.rs` (how a
//! channel is moved, and what is derived from it) and `step.rs` (commit before act).

mod blocks;
mod cancel_request;
mod channel;
mod closing_view;
mod command;
mod commands;
mod dormant;
mod effect;
mod entropy;
mod event;
mod ids;
mod journal;
mod mempool;
mod messages;
mod node;
mod opens;
mod peers;
mod reply;
mod request;
mod restore;
mod room;
mod step;
mod store;
mod stuck_opens;
mod thaw;
mod turn;
mod views;

pub use channel::{Channel, ChannelEvent, ChannelState, ResumedChannel};
pub use closing_view::{AnchorState, ClosingView};
pub use command::{CloseCommand, Command, OpenCommand, OpenName};
pub use dormant::{DormantHead, DormantIndex, Sighting};
pub use effect::Effect;
pub use entropy::Entropy;
pub use event::Event;
pub use ids::{CommandId, ConnId};
pub use journal::{JournalRow, JournalSubject, next_journal_number};
pub use node::{Config, Node, Peer};
pub use reply::{
    BalanceView, ChannelView, CoinView, CommandError, CommitmentsView, HistoryEntry, InfoView,
    LimitsView, Notice, PeerView, Reply, RequestView, Standing, UnconfirmedView,
};
pub use request::{Request, RequestStatus};
pub use restore::RestoreError;
pub use step::{CommitError, Step};
// The words of others that occur in commands and views.
pub use funding::{FundingPosition, Origin, RequestId, Role};
pub use transactions::{
    CommitmentFormat, Depth, FeeratePerKw, Height, KeysId, MilliSatoshi, Timestamp,
};
pub use wire::{ChannelType, Features, ShortChannelId, feature};

pub use store::{Row, Store, StoreError, Table, Write};
