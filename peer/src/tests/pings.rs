//! Pings of the peer, and what it owes us for ours.

use super::*;

#[test]
fn a_ping_is_answered_at_once() {
    for num_pong_bytes in [0, 1, 4_096, 65_531] {
        let mut driver = Driver::open();
        driver.receive(&ping(num_pong_bytes));
        assert_eq!(driver.take_sent(), [Message::Pong(Pong { byteslen: num_pong_bytes })]);
        assert!(driver.delivered.is_empty());
    }
}

#[test]
fn a_ping_that_wants_no_answer_gets_none() {
    let mut driver = Driver::open();
    for _ in 0..100_000 {
        for num_pong_bytes in [65_532, 65_535] {
            driver.receive(&ping(num_pong_bytes));
        }
    }
    assert!(driver.sent.is_empty() && driver.closed.is_none());
}

#[test]
fn pongs_are_rationed_for_everyone() {
    let mut driver = Driver::open();
    driver.connection.acquainted();
    while driver.closed.is_none() {
        driver.receive(&ping(65_531));
        assert!(driver.sent.len() < 100);
    }
    assert_eq!(driver.closed, Some(CloseReason::PingFlood));
    assert!(matches!(driver.sent.pop(), Some(Message::Warning(_))));
    assert_eq!(driver.sent.len(), 7, "512 KiB");
    // The pings of LND, at their longest, and of LDK: a year of each.
    for (interval, length) in [(60, 4_096), (10, 0)] {
        let mut driver = Driver::open();
        for _ in 0..500_000 {
            driver.sleep(seconds(interval));
            driver.receive(&ping(length));
            if let Some(Message::Ping(ping)) = driver.take_sent().pop() {
                driver.answer(&ping);
            }
        }
        assert_eq!(driver.closed, None);
    }
}

#[test]
fn we_ping_each_minute() {
    let mut driver = Driver::open();
    let mut lengths = Vec::new();
    for _ in 0..70 {
        driver.pass(seconds(59));
        assert!(driver.sent.is_empty());
        driver.pass(seconds(1));
        let ping = driver.take_ping();
        assert_eq!(ping.byteslen, 0);
        assert!((1..=64).contains(&ping.num_pong_bytes));
        lengths.push(ping.num_pong_bytes);
        driver.answer(&ping);
    }
    assert!(lengths.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(driver.delivered.is_empty(), "nobody asked");
    assert_eq!(driver.closed, None);
}

#[test]
fn without_a_pong_the_connection_closes() {
    let mut driver = Driver::open();
    driver.pass(seconds(60));
    driver.take_ping();
    driver.pass(Duration::from_millis(29_999));
    assert_eq!(driver.closed, None);
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
    assert_eq!(driver.told(), None);
}

#[test]
fn other_messages_are_no_pong() {
    let mut driver = Driver::open();
    driver.pass(seconds(60));
    driver.take_ping();
    for _ in 0..30 {
        driver.pass(seconds(1));
        driver.receive_bytes(&raw(258, &[0; 100]));
    }
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
}

#[test]
fn a_peer_that_talks_without_end_is_judged_all_the_same() {
    let mut driver = Driver::open();
    driver.ask();
    driver.take_ping();
    for _ in 0..300 {
        // Nobody calls tick: there is always something to read.
        driver.sleep(Duration::from_millis(100));
        driver.receive_bytes(&raw(258, &[0; 100]));
    }
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
}

#[test]
fn a_pong_of_the_wrong_length_is_no_sign_of_life() {
    let mut driver = Driver::open();
    driver.ask();
    let ping = driver.take_ping();
    driver.receive(&Message::Pong(Pong { byteslen: ping.num_pong_bytes + 1 }));
    assert!(driver.delivered.is_empty() && driver.closed.is_none());
    driver.pass(seconds(29));
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    // A pong that was not asked for at all is ignored too.
    driver.answer(&ping);
    assert!(driver.delivered.is_empty() && driver.sent.is_empty() && driver.closed.is_none());
}

#[test]
fn a_late_pong_that_comes_before_the_tick_wins() {
    let mut driver = Driver::open();
    driver.ask();
    let ping = driver.take_ping();
    driver.sleep(seconds(31));
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    driver.pass(seconds(1));
    assert_eq!(driver.closed, None);
}

#[test]
fn the_node_asks() {
    let mut driver = Driver::open();
    driver.pass(seconds(20));
    driver.ask();
    let ping = driver.take_ping();
    assert!(driver.delivered.is_empty());
    driver.ask();
    assert!(driver.sent.is_empty(), "never two pings at a time");
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    assert!(driver.sent.is_empty(), "the second question shares the answer");
    // The next ping of our own comes a minute after this one.
    driver.pass(seconds(59));
    assert!(driver.sent.is_empty());
    driver.pass(seconds(1));
    driver.take_ping();
}

#[test]
fn a_question_during_a_ping_of_our_own_gets_a_ping_of_its_own() {
    let mut driver = Driver::open();
    driver.pass(seconds(60));
    let own = driver.take_ping();
    driver.ask();
    driver.ask();
    assert!(driver.sent.is_empty());
    driver.answer(&own);
    assert!(driver.delivered.is_empty(), "this pong may be older than the question");
    let asked = driver.take_ping();
    assert_ne!(asked, own);
    driver.answer(&asked);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    assert!(driver.sent.is_empty());
}

#[test]
fn a_question_before_init_waits_for_it() {
    let mut driver = Driver::new();
    driver.ask();
    driver.ask();
    assert!(driver.sent.is_empty());
    driver.receive(&theirs());
    let ping = driver.take_ping();
    driver.take_delivered();
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
}

#[test]
fn a_question_that_is_not_answered_closes() {
    let mut driver = Driver::open();
    driver.ask();
    driver.take_ping();
    driver.pass(seconds(30));
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
    assert!(driver.delivered.is_empty());
    driver.ask();
    driver.receive(&ping(1));
    assert_eq!(driver.connection.deadline(), None);
}
