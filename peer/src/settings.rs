//! What a connection is told when it is made.

use std::time::Duration;

use wire::Init;

/// What we say of ourselves, and how long and how much we bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Our `init`, sent as it stands. The features in it are those that a peer may require, and
    /// its networks are those of which a peer must serve one.
    pub init: Init,
    /// Deadlines and rates.
    pub limits: Limits,
}

impl Settings {
    /// The default limits with this `init` ([`offered_features`](crate::offered_features),
    /// the chain, and for an inbound connection [`remote_address`](crate::remote_address)).
    pub fn new(init: Init) -> Self {
        // [BOLT 1 init S6] The chains are named in it.
        // [BOLT 1 init S7] So is, to a peer that dialled us, the address that we see.
        Self { init, limits: Limits::default() }
    }
}

/// Deadlines and rates of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the end of the handshake to the peer's `init`.
    pub init_deadline: Duration,
    /// From one of our pings to the next.
    pub ping_interval: Duration,
    /// From our ping to its pong.
    pub pong_deadline: Duration,
    /// The longest silence of a peer, whatever else holds.
    pub idle_deadline: Duration,
    /// Messages a second that a stranger may send on average. Gossip, onion messages and pings
    /// that want no answer are dropped before they are counted.
    pub messages_per_second: u32,
    /// Messages that a stranger may send at once.
    pub message_burst: u32,
    /// Bytes of pongs a second that any peer may ask for on average.
    pub pong_bytes_per_second: u32,
    /// Bytes of pongs that any peer may ask for at once: well below the outgoing queue.
    pub pong_burst: u32,
}

impl Limits {
    /// The deadlines for a peer behind Tor: three times as long.
    pub fn over_tor(self) -> Self {
        let slower = |duration: Duration| duration.saturating_mul(3);
        Self {
            init_deadline: slower(self.init_deadline),
            pong_deadline: slower(self.pong_deadline),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init_deadline: Duration::from_secs(15),
            ping_interval: Duration::from_secs(60),
            pong_deadline: Duration::from_secs(30),
            idle_deadline: Duration::from_secs(5 * 60),
            messages_per_second: 100,
            message_burst: 1_000,
            pong_bytes_per_second: 64 * 1024,
            pong_burst: 512 * 1024,
        }
    }
}
