//! The daemon's interface: LND's gRPC as far as it is served (docs/rpc.md), and what LND has no words for.
//!
//! Start at `socket.rs` (who is served), `lightning.rs` and `navvy.rs` (which call is in which file).

mod asking;
mod channel_events;
mod channels;
mod client;
mod close_channel;
mod controls;
mod events;
mod fields;
mod host;
mod information;
mod journal;
mod lightning;
mod navvy;
mod open_channel;
mod peers;
mod pending_channels;
pub mod proto;
mod refusal;
mod show_open;
mod socket;
mod standing;
mod updates;
mod wallet;

pub use client::connect;
pub use host::{Answer, Controls, History, Host, Mine, Mined, NodeHandle, Traffic};
pub use socket::{Serving, serve};
pub use tonic;

/// Metadata of `lnrpc.Lightning/OpenChannel`: the caller's name for the open. The same name is the same open, for
/// ever. The response's metadata has it too.
pub const REQUEST_ID: &str = "navvy-request-id";
/// Metadata of `lnrpc.Lightning/OpenChannel`: the most that the funding transaction may cost, in satoshis.
pub const MAX_FEE_SAT: &str = "navvy-max-fee-sat";
/// Metadata of `lnrpc.Lightning/OpenChannel`, `1`: even though an open to that peer is pending, or died while the
/// peer may still believe in it.
pub const FORCE: &str = "navvy-force";
