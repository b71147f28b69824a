//! The core's inbox: lanes that are emptied in a fixed order, so that no flood of one kind hides the others.
//!
//! Chain, commands, peers; of the peers one after the other, at most 4 events each. Every lane is bounded:
//! whoever brings more than fits has to wait, and so, over TCP, does the peer behind it.

use node::{ConnId, Event};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The inbox. Clones are the same one.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    lanes: Mutex<Lanes>,
    /// Something came, or was taken.
    changed: Condvar,
    /// Places for events of peers.
    peers: Arc<Semaphore>,
}

#[derive(Default)]
struct Lanes {
    chain: VecDeque<Event>,
    commands: VecDeque<Event>,
    peers: BTreeMap<ConnId, VecDeque<(Event, OwnedSemaphorePermit)>>,
    /// Whose turn it is.
    next_peer: Option<ConnId>,
    closed: bool,
    killed: bool,
}

impl Default for Inbox {
    fn default() -> Self {
        let peers = Arc::new(Semaphore::new(PEER_EVENTS));
        let shared = Shared { lanes: Mutex::default(), changed: Condvar::new(), peers };
        Self { shared: Arc::new(shared) }
    }
}

impl Inbox {
    /// News of the chain; waits while there is no room. `false`: the core is gone.
    pub fn push_chain(&self, event: Event) -> bool {
        let mut lanes = self.lock();
        while lanes.chain.len() >= CHAIN_EVENTS && !lanes.closed {
            lanes = self.shared.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        if lanes.closed {
            return false;
        }
        lanes.chain.push_back(event);
        self.shared.changed.notify_all();
        true
    }

    /// A command, or what a command of ours led to. `false`: no room, or the core is gone.
    pub fn push_command(&self, event: Event) -> bool {
        let mut lanes = self.lock();
        if lanes.closed || lanes.commands.len() >= COMMAND_EVENTS {
            return false;
        }
        lanes.commands.push_back(event);
        self.shared.changed.notify_all();
        true
    }

    /// An event of a connection; waits while there is no room.
    pub async fn push_peer(&self, conn: ConnId, event: Event) {
        let Ok(permit) = Arc::clone(&self.shared.peers).acquire_owned().await else { return };
        let mut lanes = self.lock();
        if !lanes.closed {
            lanes.peers.entry(conn).or_default().push_back((event, permit));
            self.shared.changed.notify_all();
        }
    }

    /// The next events, at most 64; none when the deadline comes first, or the inbox was closed.
    pub fn next_batch(&self, deadline: Option<Instant>) -> Vec<Event> {
        let mut lanes = self.lock();
        loop {
            let batch = lanes.take();
            if !batch.is_empty() || lanes.closed {
                self.shared.changed.notify_all();
                return batch;
            }
            let wait = match deadline {
                None => LONGEST_WAIT,
                Some(at) => at.saturating_duration_since(Instant::now()).min(LONGEST_WAIT),
            };
            if wait.is_zero() {
                return Vec::new();
            }
            let (guard, _) = self
                .shared
                .changed
                .wait_timeout(lanes, wait)
                .unwrap_or_else(PoisonError::into_inner);
            lanes = guard;
        }
    }

    /// The core must not even finish its turn: what it has not begun, never happens.
    pub fn kill(&self) {
        self.lock().killed = true;
        self.close();
    }

    /// Whether it was killed.
    pub fn is_killed(&self) -> bool {
        self.lock().killed
    }

    /// Nobody will read it any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.changed.notify_all();
        self.shared.peers.close();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn take(&mut self) -> Vec<Event> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(event) = self.chain.pop_front().or_else(|| self.commands.pop_front()) else {
                break;
            };
            batch.push(event);
        }
        while batch.len() < BATCH && !self.peers.is_empty() {
            let conn = self
                .next_peer
                .and_then(|next| self.peers.range(next..).next())
                .or_else(|| self.peers.iter().next())
                .map(|(conn, _)| *conn);
            let Some(conn) = conn else { break };
            let mut is_empty = true;
            if let Some(queue) = self.peers.get_mut(&conn) {
                for _ in 0..PEER_TURN.min(BATCH.saturating_sub(batch.len())) {
                    let Some((event, _permit)) = queue.pop_front() else { break };
                    batch.push(event);
                }
                is_empty = queue.is_empty();
            }
            if is_empty {
                self.peers.remove(&conn);
            }
            self.next_peer = Some(ConnId(conn.0.saturating_add(1)));
        }
        batch
    }
}

/// A turn of the core ends after so many events.
const BATCH: usize = 64;
/// So many of one connection, then the next one.
const PEER_TURN: usize = 4;
const CHAIN_EVENTS: usize = 4;
const COMMAND_EVENTS: usize = 1_024;
const PEER_EVENTS: usize = 4_096;
/// The clock is looked at once in a while even if nothing is due.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn alive(conn: u64) -> Event {
        Event::Alive { conn: ConnId(conn) }
    }

    fn conns(batch: &[Event]) -> Vec<u64> {
        batch
            .iter()
            .map(|event| if let Event::Alive { conn } = event { conn.0 } else { 0 })
            .collect()
    }

    #[tokio::test]
    async fn a_flood_of_one_peer_does_not_hide_the_others() {
        let inbox = Inbox::default();
        for _ in 0..100 {
            inbox.push_peer(ConnId(1), alive(1)).await;
        }
        inbox.push_peer(ConnId(2), alive(2)).await;
        assert!(inbox.push_chain(Event::ChainState { synced: true, problem: None }));
        let batch = inbox.next_batch(None);
        assert_eq!(conns(&batch)[..7], [0, 1, 1, 1, 1, 2, 1]);
        assert_eq!(batch.len(), 64);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let inbox = Inbox::default();
        assert!(inbox.next_batch(Some(Instant::now())).is_empty());
        inbox.close();
        assert!(inbox.next_batch(None).is_empty());
        assert!(!inbox.push_chain(Event::ChainState { synced: true, problem: None }));
    }
}
