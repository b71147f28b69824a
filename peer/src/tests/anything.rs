//! Whatever a peer sends and whenever: rules that always hold.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One thing that happens to a connection.
#[derive(Clone, Debug)]
enum Event {
    Bytes(Vec<u8>),
    Ask,
    Acquainted,
    Tick(u64),
    Sleep(u64),
    Answer,
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..60),
        (any::<u16>(), vec(any::<u8>(), 0..200)).prop_map(|(number, rest)| raw(number, &rest)),
        (0..300_u16, vec(any::<u8>(), 0..400)).prop_map(|(number, rest)| raw(number, &rest)),
        any::<u16>().prop_map(|length| ping(length).encoded()),
        (0..70_u16).prop_map(|byteslen| Message::Pong(Pong { byteslen }).encoded()),
        Just(raw(258, &[0; 100])),
        Just(theirs().encoded()),
        vec(0..70_u16, 0..5).prop_map(|bits| serving(Features::from_bits(&bits), 7).encoded()),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => message().prop_map(Event::Bytes),
        1 => Just(Event::Ask),
        1 => Just(Event::Answer),
        1 => Just(Event::Acquainted),
        1 => (0..70_000_u64).prop_map(Event::Tick),
        1 => (0..400_000_u64).prop_map(Event::Sleep),
    ]
}

/// What a run has shown so far.
struct Checker {
    driver: Driver,
    outstanding: Option<Ping>,
    connected: bool,
    asked: usize,
}

impl Checker {
    fn run(&mut self, event: &Event) {
        let now = self.driver.now;
        match event {
            Event::Bytes(bytes) => {
                self.driver.receive_bytes(bytes);
                if let (Ok(Message::Pong(pong)), Some(ping)) =
                    (Message::decode(bytes), &self.outstanding)
                    && pong.byteslen == ping.num_pong_bytes
                {
                    self.outstanding = None;
                }
            }
            Event::Ask => {
                self.asked = self.asked.saturating_add(1);
                self.driver.ask();
            }
            Event::Acquainted => self.driver.connection.acquainted(),
            Event::Tick(millis) => {
                self.driver.now = now.plus(Duration::from_millis(*millis));
                let output = self.driver.connection.tick(self.driver.now);
                self.driver.take(output);
            }
            Event::Sleep(millis) => self.driver.now = now.plus(Duration::from_millis(*millis)),
            Event::Answer => {
                if let Some(ping) = self.outstanding.take() {
                    self.driver.answer(&ping);
                }
            }
        }
        self.check();
    }

    fn check(&mut self) {
        let sent = self.driver.take_sent();
        let delivered = self.driver.take_delivered();
        assert!(sent.len() <= 3 && delivered.len() <= 1);
        for delivery in &delivered {
            match delivery {
                Delivery::Connected { .. } => {
                    assert!(!std::mem::replace(&mut self.connected, true))
                }
                Delivery::Message(message) => {
                    assert!(self.connected);
                    let number = message.type_number();
                    assert!(![16, 18, 19].contains(&number) && message.name() != "unknown");
                }
                Delivery::Alive => self.asked = self.asked.checked_sub(1).unwrap(),
            }
        }
        for message in &sent {
            if let Message::Ping(ping) = message {
                assert!(self.connected && self.outstanding.is_none(), "two pings");
                self.outstanding = Some(ping.clone());
            } else if let Message::Pong(_) = message {
                assert!(self.connected);
            } else {
                assert!(
                    matches!(message, Message::Warning(_)),
                    "{message:?} is the node's to send"
                );
                assert!(self.driver.closed.is_some());
            }
        }
        assert_eq!(self.driver.connection.deadline().is_none(), self.driver.closed.is_some());
    }
}

proptest! {
    #[test]
    fn nothing_breaks_the_rules(first in any::<bool>(), events in vec(event(), 0..80)) {
        let driver = Driver::new();
        let mut checker = Checker { driver, outstanding: None, connected: false, asked: 0 };
        if first {
            checker.run(&Event::Bytes(theirs().encoded()));
        }
        for event in &events {
            checker.run(event);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2_000)) {
        let mut driver = Driver::open();
        driver.receive_bytes(&bytes);
        let mut driver = Driver::new();
        driver.receive_bytes(&bytes);
    }
}
