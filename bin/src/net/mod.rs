//! Peers on TCP: who may connect, who is dialled, and a task for each connection.
//!
//! The task of a connection owns its socket, both ciphers and a [`peer::Connection`], and talks
//! with the core by [`NetEvent`] and [`ConnCommand`]. Everything is bounded: handshakes,
//! strangers, the bytes that wait for a peer, and the messages that wait for the core.

mod admission;
mod clock;
mod connection;
mod counters;
mod deliveries;
mod dialer;
mod events;
mod handle;
mod listener;
mod outbox;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;
mod traffic;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use clock::Clock;
pub use counters::NetCounts;
pub use events::{ConnCommand, ConnId, Events, NetEvent};
pub use handle::Net;
pub use settings::{NetSettings, Places};
pub use traffic::Traffic;

/// No value behind our locks is left half-changed by a panic: each holds for a few lines only.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
