//! Two ends that behave.

use super::*;

#[tokio::test]
async fn both_ends_learn_of_each_other() {
    let (mut one, mut two) = (End::new().await, End::new().await);
    one.net.dial(two.node_id, two.address.to_string());
    let event = one.event().await;
    let NetEvent::Connected { node_id, features, dialled, address, .. } = event else { panic!() };
    assert_eq!((node_id, address), (two.node_id, two.address));
    assert_eq!((features, dialled), (peer::offered_features(), Some(two.address.to_string())));
    let event = two.event().await;
    let NetEvent::Connected { node_id, dialled, address, .. } = event else { panic!() };
    assert_eq!((node_id, dialled), (one.node_id, None));
    assert_eq!(address.ip(), one.address.ip());
    assert_eq!((one.net.counts().dialled, one.net.counts().connected), (1, 1));
    assert_eq!((two.net.counts().accepted, two.net.counts().connected), (1, 1));
}

#[tokio::test]
async fn messages_arrive_in_order_both_ways() {
    let (mut one, at_one, mut two, at_two) = pair().await;
    for number in 0..500 {
        one.send(at_one, numbered(number));
        two.send(at_two, numbered(number));
    }
    for number in 0..500 {
        assert_eq!(one.message().await, numbered(number));
        assert_eq!(two.message().await, numbered(number));
    }
}

#[tokio::test]
async fn a_ping_shows_that_the_peer_lives() {
    let (mut one, at_one, mut two, _) = pair().await;
    for _ in 0..3 {
        one.net.command(at_one, ConnCommand::Ping);
        assert_eq!(one.event().await, NetEvent::Alive { conn: at_one });
    }
    two.quiet(50).await;
    one.quiet(1).await;
}

#[tokio::test]
async fn what_was_sent_before_a_disconnect_arrives() {
    for _ in 0..5 {
        let (mut one, at_one, mut two, at_two) = pair().await;
        for number in 0..100 {
            one.send(at_one, sized(number, 2_000));
            // The bytes of the other side that lie unread must not reset the connection.
            two.send(at_two, sized(number, 2_000));
        }
        one.disconnect(at_one);
        one.send(at_one, numbered(9_999));
        for number in 0..100 {
            assert_eq!(number_of(&two.message().await), number);
        }
        two.lost().await;
        let mut expected = 0..100;
        let reason = loop {
            let event = one.event().await;
            if let NetEvent::Lost { reason, .. } = event {
                break reason;
            }
            let NetEvent::Message { message, .. } = event else { panic!("{event:?}") };
            assert_eq!(Some(number_of(&message)), expected.next());
        };
        assert_eq!(reason, "enough");
        one.quiet(1).await;
        two.quiet(1).await;
        one.net.command(at_one, ConnCommand::Ping);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_sockets_on_both_sides_do_not_block() {
    let mut settings = settings();
    settings.outgoing_bytes = 64 * 1024 * 1024;
    let mut one = End::with_inbox(settings.clone(), 1).await;
    let mut two = End::with_inbox(settings, 1).await;
    one.net.dial(two.node_id, two.address.to_string());
    let (at_one, at_two) = (one.connected().await.0, two.connected().await.0);
    // More than two sockets hold, before either end reads anything.
    for number in 0..MANY {
        one.send(at_one, sized(number, 60_000));
        two.send(at_two, sized(number, 60_000));
    }
    while one.net.counts().messages_sent == 0 || two.net.counts().messages_sent == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let read = |mut end: End| async move {
        for number in 0..MANY {
            assert_eq!(number_of(&end.message().await), number);
        }
        end
    };
    let (one, two) = tokio::join!(read(one), read(two));
    assert_eq!((one.net.counts().lost, two.net.counts().lost), (0, 0));
}

#[tokio::test]
async fn pings_are_answered_while_the_core_is_busy() {
    let mut end = End::with_inbox(settings(), 1).await;
    let mut played = Played::dial(&end, &key()).await;
    played.read_init().await;
    // Connected fills the inbox; five messages wait behind it.
    for number in 0..5 {
        played.send(&numbered(number)).await;
    }
    played.send(&Message::Ping(wire::Ping { num_pong_bytes: 7, byteslen: 0 })).await;
    assert_eq!(played.read().await, Some(Message::Pong(wire::Pong { byteslen: 7 })));
    end.connected().await;
    for number in 0..5 {
        assert_eq!(end.message().await, numbered(number));
    }
}

#[tokio::test]
async fn init_is_first_in_both_directions() {
    let mut end = End::new().await;
    let mut played = Played::dial(&end, &key()).await;
    let theirs = played.read_init().await;
    assert_eq!(theirs, init(), "loopback is nobody's address");
    end.connected().await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let key = key();
    end.net.dial(key.public_key(), listener.local_addr().unwrap().to_string());
    let mut played = Played::accept(&listener, &key).await;
    assert_eq!(played.read_init().await, init());
    end.quiet(50).await;
    played.send(&Message::Init(init())).await;
    end.connected().await;
}

#[tokio::test]
async fn stopping_ends_all_connections() {
    let (mut one, at_one, mut two, _) = pair().await;
    one.send(at_one, numbered(1));
    one.net.stop("the node stops", PATIENCE).await;
    assert_eq!(one.lost().await, "the node stops");
    assert_eq!(two.message().await, numbered(1));
    assert_eq!(two.lost().await, "the peer closed the connection");
    two.net.dial(one.node_id, one.address.to_string());
    two.dial_failed().await;
    one.net.dial(two.node_id, two.address.to_string());
    assert_eq!(one.dial_failed().await, "the node is stopping");
}

const MANY: u32 = 90;
