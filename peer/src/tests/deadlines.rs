//! Deadlines, and a process that was stopped.

use super::*;

#[test]
fn init_has_a_deadline() {
    let mut driver = Driver::new();
    driver.pass(Duration::from_millis(14_999));
    assert_eq!(driver.closed, None);
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.closed, Some(CloseReason::InitTimeout));
    assert_eq!(driver.told(), None);
}

#[test]
fn init_at_the_last_moment_is_in_time() {
    let mut driver = Driver::new();
    driver.sleep(seconds(15));
    driver.receive(&theirs());
    driver.pass(seconds(1));
    assert!(driver.closed.is_none() && driver.delivered.len() == 1);
}

#[test]
fn silence_ends_when_pings_are_rarer() {
    let mut settings = settings();
    settings.limits.ping_interval = seconds(3_600);
    let mut driver = Driver::open();
    driver.connection = Connection::new(settings, driver.now).0;
    driver.receive(&theirs());
    driver.pass(seconds(200));
    driver.receive_bytes(&raw(258, &[]));
    driver.pass(seconds(299));
    assert_eq!(driver.closed, None);
    driver.pass(seconds(1));
    assert_eq!(driver.closed, Some(CloseReason::Idle));
    assert_eq!(driver.told(), None);
}

#[test]
fn spurious_ticks_are_harmless() {
    let mut driver = Driver::open();
    for _ in 0..59_000 {
        let output = driver.connection.tick(driver.now);
        driver.take(output);
        driver.sleep(Duration::from_millis(1));
    }
    assert!(driver.sent.is_empty() && driver.closed.is_none());
}

#[test]
fn a_stopped_process_reads_what_has_come_before_it_judges() {
    let mut driver = Driver::open();
    driver.ask();
    let ping = driver.take_ping();
    driver.sleep(seconds(7_200));
    let output = driver.connection.tick(driver.now);
    driver.take(output);
    assert_eq!(driver.closed, None);
    // In the socket lies gossip, and behind it the pong.
    driver.receive_bytes(&raw(258, &[]));
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    assert_eq!(driver.closed, None);
}

#[test]
fn messages_before_the_first_tick_after_a_stop_do_not_close() {
    let mut driver = Driver::open();
    driver.ask();
    let ping = driver.take_ping();
    driver.sleep(seconds(7_200));
    driver.receive_bytes(&raw(258, &[]));
    driver.answer(&ping);
    assert_eq!(driver.take_delivered(), [Delivery::Alive]);
    assert_eq!(driver.closed, None);
}

#[test]
fn a_deadline_fires_soon_after_a_stop() {
    let mut driver = Driver::open();
    driver.ask();
    driver.take_ping();
    driver.sleep(seconds(7_200));
    driver.pass(Duration::from_millis(4_999));
    assert_eq!(driver.closed, None);
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
}

#[test]
fn time_without_listening_is_not_held_against_the_peer() {
    let mut driver = Driver::open();
    driver.ask();
    driver.take_ping();
    driver.pass(seconds(29));
    driver.connection.did_not_listen(seconds(9));
    driver.pass(seconds(9));
    assert_eq!(driver.closed, None);
    driver.pass(seconds(1));
    assert_eq!(driver.closed, Some(CloseReason::PongTimeout));
    driver.connection.did_not_listen(seconds(9));
}

#[test]
fn over_tor_answers_may_take_longer() {
    let tor = limits().over_tor();
    assert_eq!((tor.init_deadline, tor.pong_deadline), (seconds(45), seconds(90)));
    assert_eq!(tor.ping_interval, limits().ping_interval);
}
