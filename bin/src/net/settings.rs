//! Limits and deadlines of the network.

use std::time::Duration;

use transport::Deadlines;
use wire::Init;

/// What the network is told at the start.
#[derive(Clone, Debug)]
pub struct NetSettings {
    /// What we say of ourselves, and what a connection bears.
    pub peer: peer::Settings,
    /// Deadlines of BOLT 8.
    pub transport: Deadlines,
    /// From the first packet of a dial to an open socket.
    pub connect_deadline: Duration,
    /// Inbound handshakes at once.
    pub handshakes: Places,
    /// Inbound connections of peers that are nobody's acquaintance.
    pub strangers: Places,
    /// Dials at once.
    pub dials: usize,
    /// Bytes that may wait for a peer to read them; with more, it is disconnected.
    pub outgoing_bytes: usize,
    /// How long a connection that we close may take to accept our last messages.
    pub drain_deadline: Duration,
    /// How long an older connection of the same peer may take to show that it lives.
    pub probe_deadline: Duration,
    /// Whether a socket that is dropped is reset rather than closed, as by a power cut.
    pub reset_sockets: bool,
}

/// How many may be there at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// In all.
    pub total: usize,
    /// From one block of addresses: a /24 of IPv4, a /48 of IPv6. Loopback has no such limit,
    /// because everyone who comes through Tor comes from there.
    pub per_block: usize,
}

impl NetSettings {
    /// Handshakes, if nobody says otherwise.
    pub const HANDSHAKES: Places = Places { total: 128, per_block: 8 };
    /// Strangers, if nobody says otherwise.
    pub const STRANGERS: Places = Places { total: 1_000, per_block: 16 };

    /// The default limits, with this `init`.
    pub fn new(init: Init) -> Self {
        Self {
            peer: peer::Settings::new(init),
            transport: Deadlines::DEFAULT,
            connect_deadline: Duration::from_secs(10),
            handshakes: Self::HANDSHAKES,
            strangers: Self::STRANGERS,
            dials: 16,
            outgoing_bytes: 1024 * 1024,
            drain_deadline: Duration::from_secs(5),
            probe_deadline: Duration::from_secs(5),
            reset_sockets: false,
        }
    }
}
