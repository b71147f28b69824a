//! What is delivered, what is dropped, and what ends the connection.

use wire::{ChannelId, MessageType, RawMessage, Shutdown, Warning};

use super::*;

#[test]
fn messages_about_channels_are_delivered() {
    let mut driver = Driver::open();
    let channel_id = ChannelId([9; 32]);
    let messages = [
        Message::Warning(Warning { channel_id, data: b"slow".to_vec() }),
        Message::Error(wire::Error { channel_id: ChannelId::ALL, data: vec![0, 255] }),
        Message::Shutdown(Shutdown { channel_id, scriptpubkey: Default::default() }),
        Message::Raw(RawMessage { type_number: 134, payload: vec![9; 36] }),
    ];
    for message in &messages {
        driver.receive(message);
    }
    assert_eq!(driver.take_delivered(), messages.map(Delivery::Message));
    assert!(driver.sent.is_empty() && driver.closed.is_none());
}

#[test]
fn known_by_name_is_delivered_as_it_is() {
    let named = [2, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 77, 80, 81, 127];
    for type_number in named.into_iter().chain([128, 130, 131, 132, 133, 134, 135]) {
        let mut driver = Driver::open();
        driver.receive_bytes(&raw(type_number, &[5; 40]));
        let raw = RawMessage { type_number, payload: vec![5; 40] };
        assert_eq!(driver.delivered, [Delivery::Message(Message::Raw(raw))]);
    }
}

#[test]
fn each_type_is_delivered_dropped_or_closes() {
    let mut closing = 0;
    for type_number in 0..=u16::MAX {
        let mut driver = Driver::open();
        driver.receive_bytes(&raw(type_number, &[]));
        match (MessageType::find(type_number), type_number % 2) {
            (Some(_), _) => {}
            (None, 1) => assert!(driver.closed.is_none() && driver.delivered.is_empty()),
            (None, _) => {
                assert_eq!(driver.closed, Some(CloseReason::UnknownEvenType { type_number }));
                assert_eq!(driver.told().as_deref(), Some("a message has an unknown even type"));
                closing += 1;
            }
        }
    }
    assert!(closing > 32_700);
}

#[test]
fn gossip_and_onion_messages_are_dropped_uncounted() {
    let mut driver = Driver::open();
    for type_number in [256, 257, 258, 261, 262, 263, 264, 265, 513] {
        for _ in 0..2 * limits().message_burst {
            driver.receive_bytes(&raw(type_number, &[0; 7]));
        }
    }
    driver.receive(&ping(2));
    assert_eq!(driver.take_sent(), [Message::Pong(Pong { byteslen: 2 })]);
    assert!(driver.delivered.is_empty() && driver.closed.is_none());
}

#[test]
fn what_cannot_be_decoded_closes() {
    let truncated = [1, 17, 18, 19, 32, 33, 34, 35, 36, 38, 39, 40, 41, 136, 259];
    for type_number in truncated {
        let mut driver = Driver::open();
        driver.receive_bytes(&raw(type_number, &[0]));
        let closed = driver.closed.clone().unwrap();
        assert!(
            matches!(closed, CloseReason::Malformed { type_number: t, .. } if t == type_number)
        );
        assert_eq!(driver.told().as_deref(), Some("a message could not be decoded"));
        assert!(driver.delivered.is_empty());
    }
    for short in [&[][..], &[0]] {
        let mut driver = Driver::open();
        driver.receive_bytes(short);
        assert_eq!(driver.closed, Some(CloseReason::TooShort));
        assert!(driver.told().is_some());
    }
}

#[test]
fn a_stranger_is_counted() {
    let burst = usize::try_from(limits().message_burst).unwrap();
    // Ignored or not, every message counts.
    for message in [raw(33_333, &[]), ping(0).encoded(), raw(134, &[0; 36]), raw(19, &[0, 0])] {
        let mut driver = Driver::open();
        for _ in 0..burst - 1 {
            driver.receive_bytes(&message);
        }
        driver.sleep(Duration::from_millis(10));
        driver.receive_bytes(&message);
        assert_eq!(driver.closed, None);
        driver.sent.clear();
        driver.receive_bytes(&message);
        assert_eq!(driver.closed, Some(CloseReason::MessageFlood));
        assert_eq!(driver.told().as_deref(), Some("too many messages"));
    }
}

#[test]
fn the_rate_can_be_kept_up_for_ever() {
    let mut driver = Driver::open();
    let step = Duration::from_millis(10);
    for _ in 0..20_000 {
        driver.sleep(step);
        driver.receive_bytes(&raw(33_333, &[]));
        if let Some(Message::Ping(ping)) = driver.take_sent().pop() {
            driver.answer(&ping);
        }
    }
    assert_eq!(driver.closed, None);
}

#[test]
fn an_acquaintance_is_not_counted() {
    let mut driver = Driver::open();
    driver.connection.acquainted();
    for _ in 0..10 * limits().message_burst {
        driver.receive_bytes(&raw(134, &[0; 36]));
    }
    assert_eq!(driver.closed, None);
}
