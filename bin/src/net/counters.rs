//! Numbers for the operator.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What has happened since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct NetCounts {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same, while it happens.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> NetCounts {
                NetCounts { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Sockets accepted.
    accepted,
    /// Sockets closed at once, because there were too many handshakes.
    handshakes_refused,
    /// Handshakes that failed, inbound and outbound.
    handshakes_failed,
    /// Peers sent away after the handshake, because there were too many strangers.
    strangers_refused,
    /// Connections closed because their peer had another one that lives.
    duplicates_refused,
    /// Dials begun.
    dialled,
    /// Dials that led to nothing.
    dials_failed,
    /// Connections on which the peer's `init` came and suited us.
    connected,
    /// Those of them that are gone.
    lost,
    /// Messages received, dropped ones included.
    messages_received,
    /// Messages sent.
    messages_sent,
    /// Connections closed because their peer did not read.
    outboxes_overflowed,
}

/// Only ever grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }
}
