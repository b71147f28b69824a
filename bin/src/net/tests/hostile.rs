//! Peers that do not behave, and dials that lead nowhere.

use wire::{Features, Ping, Pong};

use super::*;

#[tokio::test]
async fn dials_that_fail_say_why() {
    let (mut one, two) = (End::new().await, End::new().await);
    one.net.dial(one.node_id, one.address.to_string());
    assert_eq!(one.dial_failed().await, "this is our own node id");
    one.net.dial(key().public_key(), two.address.to_string());
    assert_eq!(
        one.dial_failed().await,
        "the handshake failed: ACT2_READ_FAILED (unexpected end of file)"
    );
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    one.net.dial(two.node_id, address.to_string());
    assert!(one.dial_failed().await.contains("refused"));
    for nowhere in ["", "127.0.0.1", "no port:", "127.0.0.1:70000"] {
        one.net.dial(two.node_id, nowhere.to_owned());
        one.dial_failed().await;
    }
    one.net.dial(two.node_id, "abcdefghij.ONION:9735".to_owned());
    assert_eq!(one.dial_failed().await, "onion addresses cannot be dialled");
    let by_name = format!("localhost:{}", two.address.port());
    one.net.dial(two.node_id, by_name.clone());
    let event = one.event().await;
    let NetEvent::Connected { dialled, .. } = event else { panic!("{event:?}") };
    assert_eq!(dialled, Some(by_name));
    assert_eq!((one.net.counts().dialled, one.net.counts().dials_failed), (9, 8));
}

#[tokio::test]
async fn a_peer_of_another_chain_is_told_so() {
    let mut other = settings();
    other.peer.init.networks = Some(vec![ChainHash::BITCOIN]);
    let (mut one, mut two) = (End::new().await, End::with(other).await);
    one.net.dial(two.node_id, two.address.to_string());
    assert_eq!(one.dial_failed().await, "the peer serves no chain of ours");
    two.quiet(50).await;
    assert_eq!(two.net.counts().connected, 0);
    // The words that it hears.
    let mut played = Played::dial(&two, &key()).await;
    played.read_init().await;
    let Some(Message::Warning(warning)) = played.read().await else { panic!() };
    assert_eq!(warning.data, b"no common network");
    assert_eq!(played.read().await, None);
}

#[tokio::test]
async fn a_peer_that_sends_no_init_is_dropped() {
    let mut settings = settings();
    settings.peer.limits.init_deadline = Duration::from_millis(200);
    let mut end = End::with(settings).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let key = key();
    end.net.dial(key.public_key(), listener.local_addr().unwrap().to_string());
    let mut played = Played::accept(&listener, &key).await;
    played.read_init().await;
    assert_eq!(played.read().await, None);
    assert_eq!(end.dial_failed().await, "the peer sent no init in time");
}

#[tokio::test]
async fn features_that_we_lack_close_the_connection() {
    let end = End::new().await;
    let socket = TcpStream::connect(end.address).await.unwrap();
    let required = Init { features: Features::from_bits(&[28]), ..init() };
    let first = encoded(&Message::Init(required));
    let (key, ephemeral) = (key(), entropy::secret_key().unwrap());
    let secured =
        transport::connect_tcp(socket, &key, ephemeral, end.node_id, &first, &Deadlines::DEFAULT);
    let mut played = Played::from(secured.await.unwrap());
    played.read_init().await;
    assert!(matches!(played.read().await, Some(Message::Warning(_))));
    assert_eq!(played.read().await, None);
}

#[tokio::test]
async fn what_was_received_comes_before_lost() {
    let mut end = End::with_inbox(settings(), 1).await;
    for _ in 0..20 {
        let mut played = Played::dial(&end, &key()).await;
        played.read_init().await;
        let messages: Vec<_> = (0..300).map(|number| encoded(&numbered(number))).collect();
        played.send_all(&messages).await;
        // With a ping whose pong nobody reads, the socket is closed by a reset.
        played.send(&Message::Ping(Ping { num_pong_bytes: 60_000, byteslen: 0 })).await;
        drop(played);
        let (conn, _) = end.connected().await;
        for number in 0..300 {
            // Our own writes fail by now.
            end.send(conn, sized(0, 1_000));
            assert_eq!(end.message().await, numbered(number));
        }
        end.lost().await;
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped() {
    let mut end = End::new().await;
    let mut played = Played::dial(&end, &key()).await;
    played.read_init().await;
    let (conn, _) = end.connected().await;
    played.send(&numbered(7)).await;
    for number in 0..10_000 {
        end.send(conn, sized(number, 1_000));
    }
    assert_eq!(end.message().await, numbered(7));
    assert_eq!(end.lost().await, "the peer does not read: too many bytes wait for it");
    assert_eq!(end.net.counts().outboxes_overflowed, 1);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_pings_is_dropped() {
    let mut settings = settings();
    settings.peer.limits.ping_interval = Duration::from_millis(100);
    settings.peer.limits.pong_deadline = Duration::from_secs(2);
    let mut end = End::with(settings).await;
    let mut played = Played::dial(&end, &key()).await;
    played.read_init().await;
    end.connected().await;
    for _ in 0..3 {
        let Some(Message::Ping(ping)) = played.read().await else { panic!() };
        played.send(&Message::Pong(Pong { byteslen: ping.num_pong_bytes })).await;
    }
    assert!(matches!(played.read().await, Some(Message::Ping(_))));
    assert_eq!(end.lost().await, "the peer did not answer a ping in time");
    assert_eq!(played.read().await, None);
}

#[tokio::test]
async fn a_core_that_is_busy_for_long_does_not_blame_the_peer() {
    let mut settings = settings();
    settings.peer.limits.ping_interval = Duration::from_millis(200);
    settings.peer.limits.pong_deadline = Duration::from_secs(3);
    let mut end = End::with_inbox(settings, 1).await;
    let mut played = Played::dial(&end, &key()).await;
    played.read_init().await;
    let Some(Message::Ping(ping)) = played.read().await else { panic!() };
    // So much that the connection stops reading, and does not see the pong behind it.
    let messages: Vec<_> = (0..100).map(|number| encoded(&sized(number, 5_000))).collect();
    played.send_all(&messages).await;
    played.send(&Message::Pong(Pong { byteslen: ping.num_pong_bytes })).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (conn, _) = end.connected().await;
    for number in 0..100 {
        assert_eq!(number_of(&end.message().await), number);
    }
    end.send(conn, numbered(1));
    loop {
        match played.read().await {
            Some(Message::Ping(ping)) => {
                played.send(&Message::Pong(Pong { byteslen: ping.num_pong_bytes })).await;
            }
            other => break assert_eq!(other, Some(numbered(1))),
        }
    }
}

#[tokio::test]
async fn a_stranger_that_floods_is_told_and_dropped() {
    let mut end = End::new().await;
    let (stranger, friend) = (key(), key());
    end.net.acquaint(friend.public_key());
    let unknown = vec![[0x81, 0x01, 7].to_vec(); 1_500];
    let mut played = Played::dial(&end, &friend).await;
    played.read_init().await;
    end.connected().await;
    played.send_all(&unknown).await;
    played.send(&numbered(3)).await;
    assert_eq!(end.message().await, numbered(3));

    let mut played = Played::dial(&end, &stranger).await;
    played.read_init().await;
    end.connected().await;
    played.send_all(&unknown).await;
    assert_eq!(end.lost().await, "the peer sent too many messages");
    let Some(Message::Warning(warning)) = played.read().await else { panic!() };
    assert_eq!(warning.data, b"too many messages");
}

#[tokio::test]
async fn strangers_have_only_so_many_places() {
    let mut settings = settings();
    settings.strangers.total = 2;
    let mut end = End::with(settings).await;
    let friend = key();
    end.net.acquaint(friend.public_key());
    let mut strangers = Vec::new();
    for _ in 0..2 {
        strangers.push(Played::dial(&end, &key()).await);
        end.connected().await;
    }
    let mut third = Played::dial(&end, &key()).await;
    assert_eq!(third.read().await, None);
    assert_eq!(end.net.counts().strangers_refused, 1);
    let _friend = Played::dial(&end, &friend).await;
    let (_, node_id) = end.connected().await;
    assert_eq!(node_id, friend.public_key());
    strangers.pop();
    end.lost().await;
    // An acquaintance gives its place back.
    let known = key();
    let _fourth = Played::dial(&end, &known).await;
    end.connected().await;
    end.net.acquaint(known.public_key());
    let _fifth = Played::dial(&end, &key()).await;
    end.connected().await;
}

#[tokio::test]
async fn handshakes_have_only_so_many_places() {
    let mut settings = settings();
    settings.handshakes.total = 3;
    settings.transport.act = Duration::from_millis(300);
    let mut end = End::with(settings).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(end.address).await.unwrap());
    }
    let socket = silent.last_mut().unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(socket, &mut byte);
    assert!(matches!(timeout(PATIENCE, read).await.unwrap(), Ok(0) | Err(_)));
    assert_eq!(end.net.counts().handshakes_refused, 1);
    // The silent ones lose their places.
    while end.net.counts().handshakes_failed < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whoever is done with it gives the place back.
    let mut greeted = Vec::new();
    for _ in 0..4 {
        greeted.push(Played::dial(&end, &key()).await);
        end.connected().await;
    }
}

#[tokio::test]
async fn garbage_after_the_handshake_is_dropped_without_a_word() {
    use tokio::io::AsyncWriteExt;
    let mut end = End::new().await;
    let mut played = Played::dial(&end, &key()).await;
    played.read_init().await;
    end.connected().await;
    played.writer.get_mut().write_all(&[0; 18]).await.unwrap();
    assert_eq!(end.lost().await, "the length of a packet does not authenticate");
    assert_eq!(played.read().await, None);
}
