//! What went over a connection, for the operator.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What went over a connection since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The other end of the socket.
    pub address: SocketAddr,
    /// Bytes of the messages sent, as they are before the cipher.
    pub bytes_sent: u64,
    /// Bytes of the messages received, as they are behind the cipher.
    pub bytes_received: u64,
    /// From our last ping to its pong; `None`: no ping was answered yet.
    pub ping: Option<Duration>,
}

/// The same, while it happens.
#[derive(Debug, Default)]
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    /// Microseconds; 0: none.
    ping: AtomicU64,
}

impl Meter {
    pub(super) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    pub(super) fn ping(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        self.ping.store(micros, Ordering::Relaxed);
    }

    pub(super) fn read(&self, address: SocketAddr) -> Traffic {
        let ping = self.ping.load(Ordering::Relaxed);
        Traffic {
            address,
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
            ping: (ping > 0).then(|| Duration::from_micros(ping)),
        }
    }
}

fn add(sum: &AtomicU64, bytes: usize) {
    sum.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}
