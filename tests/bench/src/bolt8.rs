//! BOLT 8: the handshake, one message, many messages.

use crate::clock::side_by_side;
use crate::curve::{curve_operations, secret_key, shaken};
use crate::ldk_pair::Pair;
use crate::table::{Row, micros};
use bytes::BytesMut;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;
use tokio_util::codec::{Decoder, Encoder};
use transport::{Deadlines, NodeKey};

/// All three.
pub fn run() {
    handshake();
    packet();
    stream();
}

/// Both sides in one thread, so that time is processor time.
fn handshake() {
    let [ours, theirs] = [(); 2].map(|()| NodeKey::new(secret_key()));
    let curve = curve_operations();
    let pair = Pair::new();
    let [it, curve, ldk] = side_by_side(
        60,
        10,
        [&mut || drop(black_box(shaken(&ours, &theirs))), &mut || curve(), &mut || {
            pair.disconnect(&pair.connect())
        }],
    );
    let row = |baseline: &str, theirs: f64, goal, most: f64| Row {
        work: "BOLT 8 handshake, CPU of both sides",
        ours: micros(it),
        baseline: baseline.to_owned(),
        theirs: micros(theirs),
        ratio: Some(it / theirs),
        goal,
        met: Some(it / theirs <= most),
    };
    row("its curve operations", curve, "at most 1.5", 1.5).print();
    row("LDK's, with both init", ldk, "ahead of it", 1.0).print();
}

fn packet() {
    let [ours, theirs] = [(); 2].map(|()| NodeKey::new(secret_key()));
    let ((mut sealer, _), (_, mut opener)) = shaken(&ours, &theirs);
    let message = [7_u8; 300];
    let mut buffer = BytesMut::with_capacity(1 << 16);
    let pair = Pair::new();
    let connection = pair.connect();
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[3; 32]).unwrap());
    let [it, ldk, ring] = side_by_side(
        40,
        50,
        [
            &mut || {
                for _ in 0..20 {
                    sealer.encode(&message, &mut buffer).unwrap();
                    assert_eq!(opener.decode(&mut buffer).unwrap().unwrap().len(), 300);
                }
            },
            &mut || pair.send(&connection, 20, 300),
            &mut || {
                for _ in 0..20 {
                    ring_packet(&key);
                }
            },
        ],
    )
    .map(|batch| batch / 20.0);
    let row = |baseline: &str, theirs: f64, goal, met| Row {
        work: "seal and open 300 bytes",
        ours: micros(it),
        baseline: baseline.to_owned(),
        theirs: micros(theirs),
        ratio: Some(it / theirs),
        goal,
        met,
    };
    row("LDK's, with its queues", ldk, "at most 1 / 1.5", Some(it / ldk <= 1.0 / 1.5)).print();
    row("ring's bare cipher", ring, "", None).print();
}

/// The two parts of a packet, as BOLT 8 has them.
fn ring_packet(key: &LessSafeKey) {
    for length in [2, 300] {
        let mut body = [7_u8; 316];
        let nonce = || Nonce::assume_unique_for_key([0; 12]);
        let tag =
            key.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut body[..length]).unwrap();
        body[length..length + 16].copy_from_slice(tag.as_ref());
        key.open_in_place(nonce(), Aad::empty(), &mut body[..length + 16]).unwrap();
    }
}

/// Many messages through a socket of loopback: one thread seals and writes, another reads and opens.
fn stream() {
    let (mut it, mut raw) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        raw = raw.max(raw_rate());
        it = it.max(rate());
    }
    Row {
        work: "messages of 300 bytes per second over loopback",
        ours: format!("{it:.0}"),
        baseline: "raw TCP of the same bytes".to_owned(),
        theirs: format!("{raw:.0}"),
        ratio: Some(it / raw),
        goal: "250,000",
        met: Some(it >= 250_000.0),
    }
    .print();
}

fn raw_rate() -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 1 << 16];
        let mut left = MESSAGES * SEALED;
        while left > 0 {
            left -= socket.read(&mut buffer).unwrap();
        }
    });
    let mut socket = TcpStream::connect(address).unwrap();
    let batch = vec![7; BATCH * SEALED];
    let start = Instant::now();
    for _ in 0..MESSAGES / BATCH {
        socket.write_all(&batch).unwrap();
    }
    reader.join().unwrap();
    MESSAGES as f64 / start.elapsed().as_secs_f64()
}

fn rate() -> f64 {
    let [ours, theirs] = [(); 2].map(|()| NodeKey::new(secret_key()));
    let their_id = theirs.public_key();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let deadlines = Deadlines::DEFAULT;
    let ephemerals = [secret_key(), secret_key()];
    let reader = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        runtime().block_on(async {
            let socket = from_std(socket);
            let peer = transport::accept_tcp(socket, &theirs, ephemerals[0], &deadlines).await;
            let (mut reader, _writer) = peer.unwrap().into_split();
            for _ in 0..MESSAGES {
                let message = transport::receive(&mut reader, &deadlines).await.unwrap().unwrap();
                assert_eq!(message.len(), 300);
            }
        });
    });
    let start = runtime().block_on(async {
        let socket = from_std(TcpStream::connect(address).unwrap());
        let peer =
            transport::connect_tcp(socket, &ours, ephemerals[1], their_id, &[], &deadlines).await;
        let (_reader, mut writer) = peer.unwrap().into_split();
        let batch = vec![[7_u8; 300]; BATCH];
        let start = Instant::now();
        for _ in 0..MESSAGES / BATCH {
            transport::send(&mut writer, &batch, &deadlines).await.unwrap();
        }
        start
    });
    reader.join().unwrap();
    MESSAGES as f64 / start.elapsed().as_secs_f64()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn from_std(socket: TcpStream) -> tokio::net::TcpStream {
    socket.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(socket).unwrap()
}

const MESSAGES: usize = 256 * 1_000;
/// So many at once, as the writer of a connection takes them from its queue.
const BATCH: usize = 200;
/// A message of 300 bytes on the wire.
const SEALED: usize = 300 + 34;
const ROUNDS: usize = 5;
