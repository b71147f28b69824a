//! What waits for the tasks of one connection.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::{Notify, oneshot};
use wire::Message;

use super::handle::encoded;
use super::locked;

/// Messages for the writer and requests for the reader, put in by anyone at any time.
#[derive(Debug)]
pub(super) struct Outbox {
    /// More bytes than this, and the peer is too slow for us.
    limit: usize,
    state: Mutex<State>,
    writer: Notify,
    reader: Notify,
}

/// What the reader is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// The core wants to know whether the peer lives.
    Ping,
    /// So does somebody else.
    Probe(oneshot::Sender<()>),
    /// The peer is no stranger any more.
    Acquainted,
    /// It is over.
    End(End),
}

/// How a connection ends that we end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After the messages that wait.
    Drained(String),
    /// At once.
    Dropped(String),
    /// At once, because the peer does not read.
    Overflow,
}

#[derive(Debug, Default)]
struct State {
    /// Our own: `init`, pings, pongs, a last warning.
    urgent: VecDeque<Vec<u8>>,
    /// Of the core.
    ordinary: VecDeque<Vec<u8>>,
    /// In both, and with the writer.
    bytes: usize,
    ping: bool,
    probes: Vec<oneshot::Sender<()>>,
    acquainted: bool,
    end: Option<End>,
    end_told: bool,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        let (writer, reader) = (Notify::new(), Notify::new());
        Self { limit, state: Mutex::default(), writer, reader }
    }

    /// A message of the core.
    pub(super) fn send(&self, message: &Message) {
        self.push(message, |state| &mut state.ordinary);
    }

    /// A message that goes ahead of those of the core.
    pub(super) fn send_urgent(&self, message: &Message) {
        self.push(message, |state| &mut state.urgent);
    }

    pub(super) fn ping(&self) {
        locked(&self.state).ping = true;
        self.reader.notify_one();
    }

    /// Completes when the peer has answered a ping, and fails when the connection is over.
    pub(super) fn probe(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        locked(&self.state).probes.push(sender);
        self.reader.notify_one();
        receiver
    }

    pub(super) fn acquainted(&self) {
        locked(&self.state).acquainted = true;
        self.reader.notify_one();
    }

    /// No more messages are taken. The first end that is asked for counts, unless a later one is
    /// in more of a hurry.
    pub(super) fn end(&self, end: End) {
        let mut state = locked(&self.state);
        let drained = matches!(end, End::Drained(_));
        match &state.end {
            None => state.end = Some(end),
            Some(End::Drained(_)) if !drained => state.end = Some(end),
            Some(_) => return,
        }
        state.end_told = false;
        if !drained {
            state.urgent.clear();
            state.ordinary.clear();
        }
        drop(state);
        self.writer.notify_one();
        self.reader.notify_one();
    }

    /// For the writer: the next messages, urgent ones first, about as many bytes as one write
    /// takes. `None`: there will be no more.
    pub(super) async fn batch(&self) -> Option<Vec<Vec<u8>>> {
        loop {
            {
                let mut state = locked(&self.state);
                let batch = state.batch();
                if !batch.is_empty() {
                    return Some(batch);
                }
                if state.end.is_some() {
                    return None;
                }
            }
            self.writer.notified().await;
        }
    }

    /// For the writer: so many bytes of a batch have left.
    pub(super) fn sent(&self, bytes: usize) {
        let mut state = locked(&self.state);
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// For the reader: what it is asked for next.
    pub(super) async fn request(&self) -> Request {
        loop {
            if let Some(request) = locked(&self.state).request() {
                return request;
            }
            self.reader.notified().await;
        }
    }

    fn push(&self, message: &Message, lane: fn(&mut State) -> &mut VecDeque<Vec<u8>>) {
        let bytes = encoded(message);
        let mut state = locked(&self.state);
        if state.end.is_some() {
            return;
        }
        state.bytes = state.bytes.saturating_add(bytes.len());
        if state.bytes > self.limit {
            drop(state);
            return self.end(End::Overflow);
        }
        lane(&mut state).push_back(bytes);
        drop(state);
        self.writer.notify_one();
    }
}

impl State {
    fn batch(&mut self) -> Vec<Vec<u8>> {
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        while bytes < BATCH_BYTES
            && let Some(message) = self.urgent.pop_front().or_else(|| self.ordinary.pop_front())
        {
            bytes = bytes.saturating_add(message.len());
            batch.push(message);
        }
        batch
    }

    fn request(&mut self) -> Option<Request> {
        if let Some(end) = self.end.clone().filter(|_| !self.end_told) {
            self.end_told = true;
            return Some(Request::End(end));
        }
        if std::mem::take(&mut self.acquainted) {
            return Some(Request::Acquainted);
        }
        if std::mem::take(&mut self.ping) {
            return Some(Request::Ping);
        }
        self.probes.pop().map(Request::Probe)
    }
}

const BATCH_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use wire::{Ping, Pong};

    use super::*;

    fn ping(byteslen: u16) -> Message {
        Message::Ping(Ping { num_pong_bytes: 0, byteslen })
    }

    fn pong() -> Message {
        Message::Pong(Pong { byteslen: 0 })
    }

    #[tokio::test]
    async fn pongs_overtake_what_waits() {
        let outbox = Outbox::new(1_000_000);
        for _ in 0..4 {
            outbox.send(&ping(40_000));
        }
        assert_eq!(outbox.batch().await.unwrap().len(), 2, "64 KiB, and what reaches over");
        outbox.send_urgent(&pong());
        let batch = outbox.batch().await.unwrap();
        assert_eq!(batch[0], encoded(&pong()));
        assert_eq!(batch.len(), 3);
    }

    #[tokio::test]
    async fn bytes_count_until_they_have_left() {
        let outbox = Outbox::new(1_000);
        outbox.send(&ping(500));
        let batch = outbox.batch().await.unwrap();
        outbox.sent(batch.iter().map(Vec::len).sum());
        outbox.send(&ping(500));
        outbox.batch().await.unwrap();
        outbox.send(&ping(500));
        assert!(matches!(outbox.request().await, Request::End(End::Overflow)));
        assert_eq!(outbox.batch().await, None);
    }

    #[tokio::test]
    async fn an_end_waits_for_what_came_before_unless_it_hurries() {
        let outbox = Outbox::new(1_000);
        let (calm, hurried) = (End::Drained("calm".to_owned()), End::Dropped("now".to_owned()));
        outbox.send(&pong());
        outbox.end(calm.clone());
        outbox.send(&ping(1));
        outbox.end(End::Drained("again".to_owned()));
        assert!(matches!(outbox.request().await, Request::End(end) if end == calm));
        assert_eq!(outbox.batch().await, Some(vec![encoded(&pong())]));
        assert_eq!(outbox.batch().await, None);
        outbox.end(hurried.clone());
        outbox.end(calm);
        assert!(matches!(outbox.request().await, Request::End(end) if end == hurried));
    }
}
