//! BOLT 8: the encrypted and authenticated transport.
//!
//! Two peers exchange three acts of fixed size (`Noise_XK` on secp256k1) and then packets: an
//! encrypted length, an encrypted message, with keys that rotate every 500 messages.
//!
//! - [`connect`] and [`accept`] run the acts on any stream, within [`Deadlines`], and give a
//!   [`Connection`]; [`connect_tcp`] and [`accept_tcp`] do it on a socket.
//! - A [`Connection`] splits into a [`Reader`] and a [`Writer`], one cipher each, no lock between
//!   them. [`receive`] and [`send`] drive them; both are ordinary tokio-util halves.
//! - [`Initiator`] and [`Responder`] are the acts without a stream: values that are consumed by
//!   each step, so that no act can come twice or out of turn.
//!
//! Randomness is an argument (the ephemeral key), time is tokio's. A fault of the peer is a value
//! that names the act and the fault as BOLT 8 does, and after a fault not one byte is sent.

mod cipher;
mod codec;
mod connection;
mod error;
mod exchange;
mod handshake;
mod key;
mod noise;
#[cfg(test)]
mod tests;

pub use codec::{Opener, Sealer};
pub use connection::{Connection, Deadlines, accept, accept_tcp, connect, connect_tcp};
pub use error::{Act, Fault, HandshakeError, OpenError, SealError};
pub use exchange::{Reader, Writer, receive, send};
pub use handshake::{ACT_ONE_LENGTH, ACT_THREE_LENGTH, ACT_TWO_LENGTH, Initiator, Responder};
pub use key::NodeKey;

/// The longest message that a packet carries, in bytes.
pub const MAX_MESSAGE_LENGTH: usize = 65_535;
