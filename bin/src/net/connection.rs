//! The task of one connection: it owns the socket, both ciphers and the BOLT 1 state.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use peer::Monotonic;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info};
use transport::{Deadlines, OpenError, Reader, SealError, Writer};
use wire::Message;

use super::NetEvent;
use super::deliveries::Deliveries;
use super::handle::{Shared, encoded};
use super::outbox::{End, Request};
use super::sessions::Session;

/// Runs a connection from the end of its handshake until nothing of it is left.
///
/// `greeted`: our `init` went out with the handshake.
pub(super) async fn run(
    shared: Arc<Shared>,
    session: Arc<Session>,
    secured: transport::Connection<TcpStream>,
    greeted: bool,
) {
    let (reader, writer) = secured.into_split();
    let (bolt1, init) = shared.bolt1(&session);
    let init = Message::Init(init);
    if greeted {
        session.meter.sent(encoded(&init).len());
    } else {
        session.outbox.send_urgent(&init);
    }
    let writing = write_all(Arc::clone(&shared), Arc::clone(&session), writer);
    let mut task = Task {
        bolt1,
        reader,
        writer: Some(tokio::spawn(writing)),
        deliveries: Deliveries::new(Arc::clone(&shared.events)),
        probes: Vec::new(),
        node_asked: false,
        connected: false,
        deaf_since: None,
        pinged: None,
        shared,
        session,
    };
    let ending = task.serve().await;
    task.finish(ending).await;
}

struct Task {
    shared: Arc<Shared>,
    session: Arc<Session>,
    bolt1: peer::Connection,
    reader: Reader<OwnedReadHalf>,
    /// `None` once it has ended.
    writer: Option<JoinHandle<Result<(), SealError>>>,
    deliveries: Deliveries,
    probes: Vec<oneshot::Sender<()>>,
    node_asked: bool,
    connected: bool,
    /// Since when too much waits for the core to read on.
    deaf_since: Option<Monotonic>,
    /// When the ping went out that is not answered yet.
    pinged: Option<Instant>,
}

/// How the time of serving ended.
enum Ending {
    /// What waits is still to be sent.
    Drain(String),
    /// Nothing can be sent any more, and what was received is still to be read.
    Read(String),
    /// Neither.
    Drop(String),
}

/// What happened next.
enum Next {
    Delivered,
    Asked(Request),
    Written(Result<(), String>),
    Received(Result<Option<bytes::Bytes>, OpenError>),
    Deadline,
}

impl Task {
    /// Until something ends it.
    async fn serve(&mut self) -> Ending {
        loop {
            let ending = match self.next().await {
                Next::Delivered => None,
                Next::Asked(request) => self.on_request(request),
                Next::Written(result) => {
                    let error = result.err().unwrap_or_else(|| "the writer stopped".to_owned());
                    Some(Ending::Read(error))
                }
                Next::Received(Ok(Some(message))) => self.on_received(&message),
                Next::Received(Ok(None)) => {
                    Some(Ending::Drop("the peer closed the connection".to_owned()))
                }
                Next::Received(Err(error)) => Some(Ending::Drop(error.to_string())),
                Next::Deadline => {
                    let output = self.bolt1.tick(self.shared.clock.now());
                    self.on_output(output, 0)
                }
            };
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// While too much waits for the core nothing is read, and so no silence is judged.
    async fn next(&mut self) -> Next {
        let listening = self.listens();
        let deadline =
            self.bolt1.deadline().and_then(|deadline| self.shared.clock.instant(deadline));
        tokio::select! {
            biased;
            () = self.deliveries.progress() => Next::Delivered,
            request = self.session.outbox.request() => Next::Asked(request),
            result = joined(&mut self.writer) => Next::Written(result),
            received = transport::receive(&mut self.reader, &self.shared.settings.transport),
                if listening => Next::Received(received),
            () = at(deadline), if listening => Next::Deadline,
        }
    }

    fn listens(&mut self) -> bool {
        let now = self.shared.clock.now();
        if !self.deliveries.has_room() {
            self.deaf_since.get_or_insert(now);
            return false;
        }
        if let Some(since) = self.deaf_since.take() {
            self.bolt1.did_not_listen(now.since(since));
        }
        true
    }

    fn on_request(&mut self, request: Request) -> Option<Ending> {
        match request {
            Request::Ping => self.node_asked = true,
            Request::Probe(probe) => self.probes.push(probe),
            Request::Acquainted => {
                self.bolt1.acquainted();
                return None;
            }
            Request::End(End::Drained(reason)) => return Some(Ending::Drain(reason)),
            Request::End(End::Dropped(reason)) => return Some(Ending::Drop(reason)),
            Request::End(End::Overflow) => {
                self.shared.counters.outboxes_overflowed.one();
                let reason = "the peer does not read: too many bytes wait for it";
                return Some(Ending::Read(reason.to_owned()));
            }
        }
        let output = self.bolt1.wants_ping(self.shared.clock.now());
        self.on_output(output, 0)
    }

    fn on_received(&mut self, message: &[u8]) -> Option<Ending> {
        self.shared.counters.messages_received.one();
        self.session.meter.received(message.len());
        let output = self.bolt1.received(self.shared.clock.now(), message);
        self.on_output(output, message.len())
    }

    fn on_output(&mut self, output: peer::Output, received: usize) -> Option<Ending> {
        if output.answered
            && let Some(pinged) = self.pinged.take()
        {
            self.session.meter.ping(pinged.elapsed());
        }
        for message in &output.send {
            if matches!(message, Message::Ping(_)) {
                self.pinged = Some(Instant::now());
            }
            self.session.outbox.send_urgent(message);
        }
        for delivery in output.deliver {
            self.on_delivery(delivery, received);
        }
        output.close.map(|reason| Ending::Drain(reason.to_string()))
    }

    fn on_delivery(&mut self, delivery: peer::Delivery, bytes: usize) {
        let Session { conn, node_id, address, ref dialled, .. } = *self.session;
        let event = match delivery {
            peer::Delivery::Connected { features } => {
                info!(%address, inbound = dialled.is_none(), "connected");
                self.connected = true;
                self.shared.counters.connected.one();
                let dialled = dialled.clone();
                NetEvent::Connected { conn, node_id, features, dialled, address }
            }
            peer::Delivery::Message(message) => NetEvent::Message { conn, message },
            peer::Delivery::Alive => {
                for probe in self.probes.drain(..) {
                    // Whoever asked may have gone.
                    let _ = probe.send(());
                }
                if !std::mem::take(&mut self.node_asked) {
                    return;
                }
                NetEvent::Alive { conn }
            }
        };
        self.deliveries.push(event, bytes);
    }

    async fn finish(mut self, ending: Ending) {
        let linger = matches!(ending, Ending::Drain(_));
        let reason = match ending {
            Ending::Drain(reason) => {
                self.drain(&reason).await;
                reason
            }
            Ending::Read(reason) => {
                self.read_the_rest().await;
                reason
            }
            Ending::Drop(reason) => reason,
        };
        self.session.outbox.end(End::Dropped(reason.clone()));
        if let Some(writer) = self.writer.take() {
            writer.abort();
        }
        self.say_lost(reason);
        self.deliveries.finish().await;
        self.shared.sessions.leave(&self.session);
        if linger {
            self.linger().await;
        }
    }

    /// Lets the writer send what waits.
    async fn drain(&mut self, reason: &str) {
        self.session.outbox.end(End::Drained(reason.to_owned()));
        let written = timeout(self.shared.settings.drain_deadline, joined(&mut self.writer)).await;
        if !matches!(written, Ok(Ok(()))) {
            debug!("the peer did not take our last messages");
        }
    }

    /// Reads what the peer sent before it became deaf.
    async fn read_the_rest(&mut self) {
        let mut left = READ_AT_END;
        while left > 0 {
            if !self.deliveries.has_room() {
                self.deliveries.progress().await;
                continue;
            }
            let reading = transport::receive(&mut self.reader, &self.shared.settings.transport);
            let Ok(Ok(Some(message))) = timeout(QUIET, reading).await else { return };
            left = left.saturating_sub(message.len().max(1));
            // It has ended already.
            let _ = self.on_received(&message);
        }
    }

    fn say_lost(&mut self, reason: String) {
        let Session { conn, node_id, ref dialled, .. } = *self.session;
        let event = if self.connected {
            info!(%reason, "connection lost");
            self.shared.counters.lost.one();
            NetEvent::Lost { conn, reason }
        } else {
            debug!(%reason, address = %self.session.address, "no connection");
            let Some(address) = dialled.clone() else { return };
            self.shared.counters.dials_failed.one();
            NetEvent::DialFailed { node_id, address, error: reason }
        };
        self.deliveries.push(event, 0);
    }

    /// A socket that is closed while bytes of the peer lie in it is reset, and the peer may lose
    /// our last words. So they are read and dropped, until the peer closes too.
    async fn linger(&mut self) {
        let deadlines = &self.shared.settings.transport;
        let reading = async {
            while let Ok(Some(_)) = transport::receive(&mut self.reader, deadlines).await {}
        };
        let _ = timeout(LINGER, reading).await;
    }
}

/// The other half: writes what the outbox has, in batches, until it has no more.
async fn write_all(
    shared: Arc<Shared>,
    session: Arc<Session>,
    mut writer: Writer<OwnedWriteHalf>,
) -> Result<(), SealError> {
    let deadlines: &Deadlines = &shared.settings.transport;
    while let Some(batch) = session.outbox.batch().await {
        transport::send(&mut writer, &batch, deadlines).await?;
        let bytes = batch.iter().map(Vec::len).sum();
        session.outbox.sent(bytes);
        session.meter.sent(bytes);
        shared.counters.messages_sent.add(batch.len());
    }
    Ok(())
}

/// How the writer ended; never, when it has ended before.
async fn joined(writer: &mut Option<JoinHandle<Result<(), SealError>>>) -> Result<(), String> {
    let Some(handle) = writer else { return pending().await };
    let result = handle.await;
    *writer = None;
    match result {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// What was received before the end is read until there is nothing more for so long, and a peer
/// that goes on sending is not read for ever.
const QUIET: Duration = Duration::from_millis(100);
const READ_AT_END: usize = 8 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);
