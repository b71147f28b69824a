//! The connections there are: one for each peer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secp256k1::PublicKey;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::admission::Place;
use super::outbox::{End, Outbox};
use super::traffic::Meter;
use super::{ConnId, locked};

/// A connection after its handshake.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) conn: ConnId,
    pub(super) node_id: PublicKey,
    pub(super) address: SocketAddr,
    /// Where we dialled; `None`: the peer dialled us.
    pub(super) dialled: Option<String>,
    pub(super) outbox: Outbox,
    pub(super) meter: Meter,
    since: Instant,
    /// A stranger's place among the strangers.
    place: Mutex<Option<Place>>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sessions {
    own: PublicKey,
    probe_deadline: Duration,
    table: Mutex<Table>,
    /// Changes with each session that goes.
    gone: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Table {
    by_conn: BTreeMap<ConnId, Arc<Session>>,
    by_node: BTreeMap<PublicKey, ConnId>,
    acquaintances: BTreeSet<PublicKey>,
    closed: bool,
}

/// Why there is no place for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its peer has another one, and that one stays.
    Duplicate,
    /// The process stops.
    Stopping,
}

impl Session {
    pub(super) fn new(
        conn: ConnId,
        node_id: PublicKey,
        address: SocketAddr,
        dialled: Option<String>,
        outbox: Outbox,
        place: Option<Place>,
    ) -> Arc<Self> {
        let (since, place) = (Instant::now(), Mutex::new(place));
        let meter = Meter::default();
        Arc::new(Self { conn, node_id, address, dialled, outbox, meter, since, place })
    }

    pub(super) fn inbound(&self) -> bool {
        self.dialled.is_none()
    }

    /// The key of the end that dialled.
    fn dialler(&self, own: PublicKey) -> PublicKey {
        if self.inbound() { self.node_id } else { own }
    }
}

impl Sessions {
    pub(super) fn new(own: PublicKey, probe_deadline: Duration) -> Self {
        let (table, gone) = (Mutex::default(), watch::Sender::new(()));
        Self { own, probe_deadline, table, gone }
    }

    /// Adds a session, when the peer has no other one, or when that one gives way.
    pub(super) async fn enter(&self, session: &Arc<Session>) -> Result<(), Refused> {
        // [BOLT 1 connection G1] One connection for each peer.
        loop {
            let Some(older) = self.try_enter(session)? else { return Ok(()) };
            if !self.replaces(session, &older).await {
                return Err(Refused::Duplicate);
            }
            debug!(older = %older.conn, newer = %session.conn, "a newer connection takes over");
            older.outbox.end(End::Dropped("replaced by a newer connection".to_owned()));
            let ended = timeout(END_DEADLINE, self.ended(older.conn)).await;
            ended.map_err(|_| Refused::Duplicate)?;
        }
    }

    pub(super) fn leave(&self, session: &Session) {
        let mut table = locked(&self.table);
        table.by_conn.remove(&session.conn);
        if table.by_node.get(&session.node_id) == Some(&session.conn) {
            table.by_node.remove(&session.node_id);
        }
        drop(table);
        self.gone.send_replace(());
    }

    pub(super) fn find(&self, conn: ConnId) -> Option<Arc<Session>> {
        locked(&self.table).by_conn.get(&conn).cloned()
    }

    pub(super) fn of_node(&self, node_id: &PublicKey) -> Option<Arc<Session>> {
        let table = locked(&self.table);
        table.by_conn.get(table.by_node.get(node_id)?).cloned()
    }

    pub(super) fn is_acquaintance(&self, node_id: &PublicKey) -> bool {
        locked(&self.table).acquaintances.contains(node_id)
    }

    /// The peer is no stranger, on this connection and the next.
    pub(super) fn acquaint(&self, node_id: PublicKey) {
        locked(&self.table).acquaintances.insert(node_id);
        if let Some(session) = self.of_node(&node_id) {
            session.outbox.acquainted();
            drop(locked(&session.place).take());
        }
    }

    /// The peer is a stranger from its next connection on.
    pub(super) fn estrange(&self, node_id: &PublicKey) {
        locked(&self.table).acquaintances.remove(node_id);
    }

    /// Ends all sessions, and lets no more in.
    pub(super) fn close(&self, reason: &str) {
        let mut table = locked(&self.table);
        table.closed = true;
        for session in table.by_conn.values() {
            session.outbox.end(End::Drained(reason.to_owned()));
        }
    }

    /// Completes when the session is gone.
    pub(super) async fn ended(&self, conn: ConnId) {
        self.until(|table| !table.by_conn.contains_key(&conn)).await;
    }

    /// Completes when there is no session.
    pub(super) async fn all_ended(&self) {
        self.until(|table| table.by_conn.is_empty()).await;
    }

    async fn until(&self, reached: impl Fn(&Table) -> bool) {
        let mut gone = self.gone.subscribe();
        while !reached(&locked(&self.table)) {
            // The sender is ours and lives as long as we do.
            if gone.changed().await.is_err() {
                return;
            }
        }
    }

    /// The session that stands in the way, or `None` when this one is in.
    fn try_enter(&self, session: &Arc<Session>) -> Result<Option<Arc<Session>>, Refused> {
        let mut table = locked(&self.table);
        if table.closed {
            return Err(Refused::Stopping);
        }
        let older = table.by_node.get(&session.node_id).and_then(|conn| table.by_conn.get(conn));
        if let Some(older) = older {
            return Ok(Some(Arc::clone(older)));
        }
        table.by_node.insert(session.node_id, session.conn);
        table.by_conn.insert(session.conn, Arc::clone(session));
        Ok(None)
    }

    /// Two nodes that dial each other at the same time must choose the same connection of the
    /// two: that of the smaller key, as LND does. Otherwise the older one stays if it lives.
    async fn replaces(&self, newer: &Session, older: &Session) -> bool {
        if newer.inbound() != older.inbound() && older.since.elapsed() < CROSSING {
            return newer.dialler(self.own).serialize() < older.dialler(self.own).serialize();
        }
        let answer = older.outbox.probe();
        !matches!(timeout(self.probe_deadline, answer).await, Ok(Ok(())))
    }
}

/// Connections in both directions that are so close in time have crossed.
const CROSSING: Duration = Duration::from_secs(10);
/// How long a session may take to end once it was dropped.
const END_DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::super::outbox::Request;
    use super::*;
    use crate::entropy;

    /// Whether a connection takes over from one in the other direction that is as young.
    async fn takes_over(own: PublicKey, remote: PublicKey, newer_is_inbound: bool) -> bool {
        let sessions = Arc::new(Sessions::new(own, Duration::from_secs(60)));
        let session = |conn, inbound: bool| {
            let address = SocketAddr::from(([127, 0, 0, 1], 9735));
            let dialled = (!inbound).then(|| address.to_string());
            Session::new(ConnId(conn), remote, address, dialled, Outbox::new(1_000), None)
        };
        let (older, newer) = (session(1, !newer_is_inbound), session(2, newer_is_inbound));
        sessions.enter(&older).await.unwrap();
        let task = {
            let sessions = Arc::clone(&sessions);
            tokio::spawn(async move {
                assert!(matches!(older.outbox.request().await, Request::End(End::Dropped(_))));
                sessions.leave(&older);
            })
        };
        let entered = sessions.enter(&newer).await.is_ok();
        task.abort();
        assert_eq!(sessions.of_node(&remote).unwrap().conn, ConnId(if entered { 2 } else { 1 }));
        entered
    }

    #[tokio::test]
    async fn of_two_that_cross_the_smaller_key_wins() {
        for _ in 0..5 {
            let key = || entropy::secret_key().unwrap().public_key(secp256k1::SECP256K1);
            let mut keys = [key(), key()];
            keys.sort_by_key(PublicKey::serialize);
            let [smaller, larger] = keys;
            // Both ends decide alike, whichever of the two they saw first.
            for (own, remote) in [(smaller, larger), (larger, smaller)] {
                let dialled_by_remote_wins = remote == smaller;
                assert_eq!(takes_over(own, remote, true).await, dialled_by_remote_wins);
                assert_eq!(takes_over(own, remote, false).await, !dialled_by_remote_wins);
            }
        }
    }
}
