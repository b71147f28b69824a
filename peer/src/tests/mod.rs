//! A connection driven by hand, with a time that only the test moves.

mod anything;
mod deadlines;
mod init;
mod logs;
mod messages;
mod pings;

use std::time::Duration;

use wire::{Features, Init, Message, Ping, Pong};

use crate::{CloseReason, Connection, Delivery, Limits, Monotonic, Output, Settings};

/// A connection and everything that came out of it.
struct Driver {
    connection: Connection,
    now: Monotonic,
    sent: Vec<Message>,
    delivered: Vec<Delivery>,
    closed: Option<CloseReason>,
}

impl Driver {
    /// Just after the handshake.
    fn new() -> Self {
        let now = Monotonic::from_millis(1_000_000);
        let (connection, init) = Connection::new(settings(), now);
        assert_eq!(init, settings().init);
        Self { connection, now, sent: Vec::new(), delivered: Vec::new(), closed: None }
    }

    /// After the peer's `init`.
    fn open() -> Self {
        let mut driver = Self::new();
        driver.receive(&theirs());
        assert_eq!(driver.take_delivered(), [Delivery::Connected { features: theirs().features }]);
        assert!(driver.sent.is_empty() && driver.closed.is_none());
        driver
    }

    fn receive(&mut self, message: &impl Encode) {
        self.receive_bytes(&message.encoded());
    }

    fn receive_bytes(&mut self, bytes: &[u8]) {
        let output = self.connection.received(self.now, bytes);
        self.take(output);
    }

    fn ask(&mut self) {
        let output = self.connection.wants_ping(self.now);
        self.take(output);
    }

    /// Time passes, and the connection is woken whenever it wants to be.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        while let Some(deadline) = self.connection.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            let output = self.connection.tick(self.now);
            self.take(output);
        }
        self.now = end;
    }

    /// Time passes while the process is stopped.
    fn sleep(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
    }

    fn take(&mut self, output: Output) {
        if self.closed.is_some() {
            assert_eq!(output, Output::default(), "a closed connection is silent");
        }
        self.sent.extend(output.send);
        self.delivered.extend(output.deliver);
        self.closed = self.closed.take().or(output.close);
    }

    fn take_sent(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.sent)
    }

    fn take_delivered(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.delivered)
    }

    /// The only message sent is a ping.
    fn take_ping(&mut self) -> Ping {
        match self.take_sent().as_slice() {
            [Message::Ping(ping)] => ping.clone(),
            other => panic!("not one ping: {other:?}"),
        }
    }

    fn answer(&mut self, ping: &Ping) {
        self.receive(&Message::Pong(Pong { byteslen: ping.num_pong_bytes }));
    }

    /// The text of the warning that was sent, which must be all that was sent.
    fn told(&mut self) -> Option<String> {
        match self.take_sent().as_slice() {
            [] => None,
            [Message::Warning(warning)] => {
                assert_eq!(warning.channel_id, wire::ChannelId::ALL);
                Some(String::from_utf8(warning.data.clone()).unwrap())
            }
            other => panic!("not one warning: {other:?}"),
        }
    }
}

trait Encode {
    fn encoded(&self) -> Vec<u8>;
}

impl Encode for Message {
    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}

impl Encode for Init {
    fn encoded(&self) -> Vec<u8> {
        Message::Init(self.clone()).encoded()
    }
}

fn settings() -> Settings {
    Settings::new(serving(crate::offered_features(), 7))
}

fn limits() -> Limits {
    Limits::default()
}

/// The `init` of a peer that suits us.
fn theirs() -> Init {
    serving(Features::from_bits(&[0, 8, 12, 14, 23, 27, 44]), 7)
}

/// An `init` with these features, for a chain of 32 equal bytes.
fn serving(features: Features, chain: u8) -> Init {
    let mut payload = vec![0, 0, 0, 0, 1, 32];
    payload.extend([chain; 32]);
    Init { features, ..Init::read_payload(&payload).unwrap() }
}

fn raw(type_number: u16, payload: &[u8]) -> Vec<u8> {
    [&type_number.to_be_bytes(), payload].concat()
}

fn ping(num_pong_bytes: u16) -> Message {
    Message::Ping(Ping { num_pong_bytes, byteslen: 3 })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
