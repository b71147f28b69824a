//! One connection for each peer.

use super::*;

#[tokio::test]
async fn the_older_connection_stays_if_it_lives() {
    let mut settings = settings();
    settings.probe_deadline = PATIENCE;
    let mut end = End::with(settings).await;
    let key = key();
    let mut older = Played::dial(&end, &key).await;
    older.read_init().await;
    end.connected().await;
    let mut newer = Played::dial(&end, &key).await;
    let Some(Message::Ping(ping)) = older.read().await else { panic!() };
    older.send(&Message::Pong(wire::Pong { byteslen: ping.num_pong_bytes })).await;
    assert_eq!(newer.read().await, None);
    assert_eq!(end.net.counts().duplicates_refused, 1);
    older.send(&numbered(1)).await;
    assert_eq!(end.message().await, numbered(1));
    end.quiet(1).await;
}

#[tokio::test]
async fn the_newer_connection_takes_over_from_a_dead_one() {
    let mut settings = settings();
    settings.probe_deadline = Duration::from_millis(200);
    let mut end = End::with(settings).await;
    let key = key();
    let mut older = Played::dial(&end, &key).await;
    older.read_init().await;
    let (dead, _) = end.connected().await;
    let mut newer = Played::dial(&end, &key).await;
    assert_eq!(
        end.event().await,
        NetEvent::Lost { conn: dead, reason: "replaced by a newer connection".to_owned() }
    );
    newer.read_init().await;
    let (conn, node_id) = end.connected().await;
    assert!(conn > dead && node_id == key.public_key());
}

#[tokio::test]
async fn a_peer_that_came_back_is_let_in() {
    let mut end = End::new().await;
    let key = key();
    for _ in 0..10 {
        let mut played = Played::dial(&end, &key).await;
        played.read_init().await;
        end.connected().await;
        drop(played);
        end.lost().await;
    }
}

#[tokio::test]
async fn no_second_dial_while_there_is_a_connection() {
    let (mut one, _, two, _) = pair().await;
    one.net.dial(two.node_id, two.address.to_string());
    assert_eq!(one.dial_failed().await, "there is a connection with this peer already");
    assert_eq!(two.net.counts().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dials_that_cross_leave_one_connection() {
    for _ in 0..8 {
        let (mut one, mut two) = (End::new().await, End::new().await);
        one.net.dial(two.node_id, two.address.to_string());
        two.net.dial(one.node_id, one.address.to_string());
        tokio::time::sleep(Duration::from_millis(100)).await;
        // Whatever happened in between, one connection is left, and it is the same.
        let at_one = left(&mut one).await;
        let at_two = left(&mut two).await;
        one.send(at_one, numbered(1));
        two.send(at_two, numbered(2));
        assert_eq!(two.message().await, numbered(1));
        assert_eq!(one.message().await, numbered(2));
    }
}

/// The connection that is left after all that happened.
async fn left(end: &mut End) -> ConnId {
    let mut up = Vec::new();
    while let Ok(event) = timeout(Duration::from_millis(300), end.events.recv()).await {
        let event = event.unwrap();
        if let NetEvent::Connected { conn, .. } = event {
            up.push(conn);
        } else if let NetEvent::Lost { conn, .. } = event {
            up.retain(|other| *other != conn);
        } else {
            assert!(matches!(event, NetEvent::DialFailed { .. }), "{event:?}");
        }
    }
    assert_eq!(up.len(), 1);
    up[0]
}
