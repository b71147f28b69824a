//! BOLT 1: how one connection behaves, from the end of the handshake to its close.
//!
//! Everything here is a value: bytes that were decrypted and the time go in, messages to send and
//! deliveries for the node come out. The task that owns the socket drives it, and so does the
//! simulator.
//!
//! [`Connection`] answers pings by itself, keeps its own deadlines, and passes on only what the
//! node must decide about. What a peer sends can close its connection; it can do nothing else.

mod backoff;
mod close_reason;
mod connection;
mod init;
mod keepalive;
mod message_class;
mod monotonic;
mod peer_text;
mod remote_address;
mod settings;
#[cfg(test)]
mod tests;
mod token_bucket;

pub use backoff::Backoff;
pub use close_reason::CloseReason;
pub use connection::{Connection, Delivery, Output};
pub use init::offered_features;
pub use monotonic::Monotonic;
pub use peer_text::PeerText;
pub use remote_address::remote_address;
pub use settings::{Limits, Settings};
