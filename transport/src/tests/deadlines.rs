//! Slow peers, on a clock that is tokio's and stands still unless all wait for it.

use std::time::Duration;

use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::{answer, dial, direction, oracle, seal, secret};
use crate::{Act, Deadlines, Fault, HandshakeError, OpenError, SealError, receive, send};

#[tokio::test(start_paused = true)]
async fn a_silent_peer_fails_the_act() {
    let start = Instant::now();
    let (io, _peer) = duplex(100);
    let run = dial(io, b"", &DEADLINES);
    assert_eq!(run.await.err(), timed_out(Act::Two));
    assert_eq!(start.elapsed(), seconds(5));

    let start = Instant::now();
    let (io, _peer) = duplex(100);
    let run = answer(io, &DEADLINES);
    assert_eq!(run.await.err(), timed_out(Act::One));
    assert_eq!(start.elapsed(), seconds(5));
}

/// A peer that does not read, either.
#[tokio::test(start_paused = true)]
async fn a_full_stream_fails_the_act() {
    let start = Instant::now();
    let (io, _peer) = duplex(49);
    let run = dial(io, b"", &DEADLINES);
    assert_eq!(run.await.err(), timed_out(Act::One));
    assert_eq!(start.elapsed(), seconds(5));
}

/// A byte a second keeps neither an act nor a handshake alive.
#[tokio::test(start_paused = true)]
async fn a_slow_peer_fails_the_act_or_the_handshake() {
    let acts = oracle::handshake(&secret(0x11), &secret(0x12), &secret(0x21), &secret(0x22)).acts;
    let theirs = [acts[0].as_slice(), &acts[2]].concat();
    let cases = [
        (DEADLINES, Act::One, 5),
        (Deadlines { act: seconds(60), ..DEADLINES }, Act::One, 10),
        (Deadlines { act: seconds(60), handshake: seconds(90), ..DEADLINES }, Act::Three, 90),
        (Deadlines { act: seconds(60), handshake: seconds(600), ..DEADLINES }, Act::Three, 110),
    ];
    for (deadlines, act, expected) in cases {
        let start = Instant::now();
        let (io, peer) = duplex(1000);
        tokio::spawn(dribble(peer, theirs.clone()));
        let run = answer(io, &deadlines);
        assert_eq!(run.await.err(), timed_out(act));
        assert_eq!(start.elapsed(), seconds(expected));
    }
    let patient = Deadlines { act: seconds(67), handshake: seconds(117), ..DEADLINES };
    let (io, peer) = duplex(1000);
    tokio::spawn(dribble(peer, theirs));
    assert!(answer(io, &patient).await.is_ok());
}

/// A deadline beyond the clock's range is none.
#[tokio::test(start_paused = true)]
async fn deadlines_do_not_overflow() {
    let max = Duration::MAX;
    let endless = Deadlines { act: max, handshake: max, body: max, flush: max };
    let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
    let (io, mut peer) = duplex(100);
    let mut reader = FramedRead::new(io, opener);
    peer.write_all(&seal(&mut sealer, b"late")[..18]).await.unwrap();
    let wait = timeout(seconds(1_000_000), receive(&mut reader, &endless));
    assert!(wait.await.is_err());
    assert!(timeout(seconds(1_000_000), answer(peer, &endless)).await.is_err());
}

/// Silence is allowed between packets, not inside one; the clock of a packet outlives the
/// futures that wait for it.
#[tokio::test(start_paused = true)]
async fn a_body_must_follow_its_length() {
    let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
    let packets = [&b"one"[..], b"two", b"three"].map(|message| seal(&mut sealer, message));
    let (io, mut peer) = duplex(1000);
    let mut reader = FramedRead::new(io, opener);

    let late = async {
        sleep(seconds(3600)).await;
        peer.write_all(&packets[0]).await.unwrap();
        peer.write_all(&packets[1][..18]).await.unwrap();
        sleep(seconds(29)).await;
        peer.write_all(&packets[1][18..]).await.unwrap();
        sleep(seconds(3600)).await;
        peer.write_all(&packets[2][..18]).await.unwrap();
        for byte in &packets[2][18..36] {
            sleep(seconds(1)).await;
            peer.write_all(&[*byte]).await.unwrap();
        }
        sleep(seconds(3600)).await;
    };
    let wait = async {
        for message in ["one", "two"] {
            assert_eq!(receive(&mut reader, &DEADLINES).await.unwrap().unwrap(), message);
        }
        let start = Instant::now();
        let error = loop {
            let received = receive(&mut reader, &DEADLINES);
            if let Ok(received) = timeout(seconds(4), received).await {
                break received.unwrap_err();
            }
        };
        assert!(matches!(error, OpenError::TimedOut));
        assert_eq!(start.elapsed(), seconds(3630));
        assert!(matches!(receive(&mut reader, &DEADLINES).await, Err(OpenError::Poisoned)));
    };
    tokio::select! {
        () = late => panic!("nobody was waiting"),
        () = wait => {}
    }
}

/// While nobody listens, no time of the peer's goes by.
#[tokio::test(start_paused = true)]
async fn a_body_may_wait_for_its_reader() {
    let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
    let packet = seal(&mut sealer, b"patient");
    let (io, mut peer) = duplex(1000);
    let mut reader = FramedRead::new(io, opener);
    let (start, rest) = packet.split_at(20);
    peer.write_all(start).await.unwrap();
    assert!(timeout(seconds(29), receive(&mut reader, &DEADLINES)).await.is_err());
    sleep(seconds(3600)).await;
    let late = async {
        sleep(Duration::from_millis(900)).await;
        peer.write_all(rest).await.unwrap();
        peer.write_all(&seal(&mut sealer, b"late")[..20]).await.unwrap();
    };
    let (received, ()) = tokio::join!(receive(&mut reader, &DEADLINES), late);
    assert_eq!(received.unwrap().unwrap(), "patient");
    let start = Instant::now();
    assert!(matches!(receive(&mut reader, &DEADLINES).await, Err(OpenError::TimedOut)));
    assert_eq!(start.elapsed(), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up() {
    let (sealer, _) = direction(&[7; 32], &[8; 32]);
    let (io, _peer) = duplex(1000);
    let mut writer = FramedWrite::new(io, sealer);
    let start = Instant::now();
    send(&mut writer, [[0; 900]], &DEADLINES).await.unwrap();
    let error = send(&mut writer, [[0; 900]], &DEADLINES).await.unwrap_err();
    assert!(matches!(error, SealError::TimedOut));
    assert_eq!(start.elapsed(), seconds(30));
    let error = send(&mut writer, [[0; 900]], &DEADLINES).await.unwrap_err();
    assert!(matches!(error, SealError::Poisoned));
}

async fn dribble(mut peer: DuplexStream, bytes: Vec<u8>) {
    for byte in bytes {
        sleep(seconds(1)).await;
        if peer.write_all(&[byte]).await.is_err() {
            return;
        }
    }
    sleep(seconds(3600)).await;
}

fn timed_out(act: Act) -> Option<HandshakeError> {
    Some(HandshakeError { act, fault: Fault::TimedOut })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const DEADLINES: Deadlines = Deadlines::DEFAULT;
