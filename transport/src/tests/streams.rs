//! Connections over streams: what is written and when, cancellation, ends.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, join},
    net::{TcpListener, TcpStream},
};
use tokio_util::codec::{FramedRead, FramedWrite};

use super::{answer, dial, direction, key, oracle, seal, secret};
use crate::{
    Act, Connection, Deadlines, Fault, HandshakeError, OpenError, SealError, accept_tcp,
    connect_tcp, receive, send,
};

#[tokio::test]
async fn messages_cross_a_connection() {
    let (here, there) = connected(b"init").await;
    assert_eq!(here.remote, key(0x21).public_key());
    assert_eq!(there.remote, key(0x11).public_key());
    let (mut reader, mut writer) = here.split();
    let (mut remote_reader, mut remote_writer) = there.split();
    assert_eq!(receive(&mut remote_reader, &DEADLINES).await.unwrap().unwrap(), "init");
    let messages = ["a", "", "ccc"];
    let receive_all = async {
        for message in messages {
            assert_eq!(receive(&mut reader, &DEADLINES).await.unwrap().unwrap(), message);
        }
    };
    let (sent, ()) = tokio::join!(send(&mut remote_writer, messages, &DEADLINES), receive_all);
    sent.unwrap();
    writer.get_mut().shutdown().await.unwrap();
    assert!(receive(&mut remote_reader, &DEADLINES).await.unwrap().is_none());
}

#[tokio::test]
async fn sockets_send_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Spawned, which also says that the futures are `Send`.
    let acceptor = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        accept_tcp(socket, &key(0x21), secret(0x22), &DEADLINES).await.ok().unwrap()
    });
    let remote = key(0x21).public_key();
    let dialler = tokio::spawn(async move {
        let socket = TcpStream::connect(address).await.unwrap();
        let key = key(0x11);
        connect_tcp(socket, &key, secret(0x12), remote, b"init", &DEADLINES).await.ok().unwrap()
    });
    let (mut remote_reader, _remote_writer) = acceptor.await.unwrap().into_split();
    let (_reader, mut writer) = dialler.await.unwrap().into_split();
    assert!(writer.get_ref().as_ref().nodelay().unwrap());
    assert!(remote_reader.get_ref().as_ref().nodelay().unwrap());
    assert_eq!(receive(&mut remote_reader, &DEADLINES).await.unwrap().unwrap(), "init");
    let batch: Vec<Vec<u8>> = (0..1500_usize).map(|index| vec![3; index]).collect();
    let sender = tokio::spawn(async move {
        send(&mut writer, batch, &DEADLINES).await.unwrap();
    });
    for index in 0..1500 {
        let message = receive(&mut remote_reader, &DEADLINES).await.unwrap().unwrap();
        assert_eq!(message, vec![3; index]);
    }
    sender.await.unwrap();
    assert!(receive(&mut remote_reader, &DEADLINES).await.unwrap().is_none());
}

/// Act three and `init` are one write, and one segment where the network allows.
#[tokio::test]
async fn the_first_message_leaves_with_act_three() {
    let expected = oracle::handshake(&secret(0x11), &secret(0x12), &secret(0x21), &secret(0x22));
    let [act_one, act_two, act_three] = &expected.acts;
    for first in [&b""[..], b"init"] {
        let writes = Arc::default();
        let io = join(act_two.as_slice(), Recorder(Arc::clone(&writes)));
        let run = dial(io, first, &DEADLINES);
        run.await.ok().unwrap();
        let packet = oracle::packet(&expected.chaining_key, &expected.initiator_key, 0, first);
        let packet = if first.is_empty() { Vec::new() } else { packet };
        let last = [act_three.as_slice(), &packet].concat();
        assert_eq!(*writes.lock().unwrap(), [act_one.clone(), last]);
    }
}

#[tokio::test]
async fn a_first_message_too_long_sends_nothing() {
    let writes: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let io = join(tokio::io::empty(), Recorder(Arc::clone(&writes)));
    let first = vec![0; 65_536];
    let run = dial(io, &first, &DEADLINES);
    let fault = Fault::FirstMessageTooLong(65_536);
    assert_eq!(run.await.err(), Some(HandshakeError { act: Act::One, fault }));
    assert!(writes.lock().unwrap().is_empty());
}

/// A stream that ends inside an act, at each offset; and at a write.
#[tokio::test]
async fn an_end_inside_an_act_is_a_failed_read() {
    let acts = oracle::handshake(&secret(0x11), &secret(0x12), &secret(0x21), &secret(0x22)).acts;
    let ended = Fault::ReadFailed(io::ErrorKind::UnexpectedEof);
    for end in 0..50 {
        let io = join(&acts[1][..end], tokio::io::sink());
        let run = dial(io, b"init", &DEADLINES);
        assert_eq!(run.await.err(), Some(HandshakeError { act: Act::Two, fault: ended }));
    }
    let theirs = [acts[0].as_slice(), &acts[2]].concat();
    for end in 0..50 + 66 {
        let act = if end < 50 { Act::One } else { Act::Three };
        let io = join(&theirs[..end], tokio::io::sink());
        let run = answer(io, &DEADLINES);
        assert_eq!(run.await.err(), Some(HandshakeError { act, fault: ended }));
    }
    let (io, peer) = duplex(100);
    drop(peer);
    let run = dial(io, b"", &DEADLINES);
    let fault = Fault::WriteFailed(io::ErrorKind::BrokenPipe);
    assert_eq!(run.await.err(), Some(HandshakeError { act: Act::One, fault }));
}

/// The end of a stream at each offset of three packets.
#[tokio::test]
async fn an_end_inside_a_packet_is_not_a_close() {
    let (mut sealer, _) = direction(&[7; 32], &[8; 32]);
    let packets: Vec<Vec<u8>> =
        [&b""[..], b"two", b"three"].map(|message| seal(&mut sealer, message)).into();
    let bytes = packets.concat();
    let boundaries: Vec<usize> = (0..=3).map(|count| packets[..count].concat().len()).collect();
    for end in 0..=bytes.len() {
        let (_, opener) = direction(&[7; 32], &[8; 32]);
        let mut reader = FramedRead::new(&bytes[..end], opener);
        let mut messages = 0;
        let outcome = loop {
            match receive(&mut reader, &DEADLINES).await {
                Ok(Some(_)) => messages += 1,
                outcome => break outcome,
            }
        };
        assert_eq!(messages, boundaries[1..].iter().filter(|boundary| **boundary <= end).count());
        match outcome {
            Ok(None) => assert!(boundaries.contains(&end)),
            Err(OpenError::Truncated) => assert!(!boundaries.contains(&end)),
            outcome => panic!("{end}: {outcome:?}"),
        }
    }
}

/// tokio-util reports an ordinary end after an error; `receive` does not.
#[tokio::test]
async fn a_reader_that_failed_stays_failed() {
    let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
    let mut bytes = seal(&mut sealer, b"damaged");
    bytes[20] ^= 1;
    bytes.extend(seal(&mut sealer, b"whole"));
    let mut reader = FramedRead::new(bytes.as_slice(), opener);
    let error = receive(&mut reader, &DEADLINES).await.unwrap_err();
    assert!(matches!(error, OpenError::BadMessageTag));
    for _ in 0..3 {
        let error = receive(&mut reader, &DEADLINES).await.unwrap_err();
        assert!(matches!(error, OpenError::Poisoned));
    }
}

#[tokio::test]
async fn a_writer_that_failed_stays_failed() {
    let (sealer, _) = direction(&[7; 32], &[8; 32]);
    let (io, peer) = duplex(100);
    let mut writer = FramedWrite::new(io, sealer);
    let too_long = send(&mut writer, [vec![0; 65_536]], &DEADLINES).await.unwrap_err();
    assert!(matches!(too_long, SealError::TooLong(65_536)));
    send(&mut writer, [b"fits"], &DEADLINES).await.unwrap();
    drop(peer);
    let broken = send(&mut writer, [b"lost"], &DEADLINES).await.unwrap_err();
    assert!(matches!(broken, SealError::Io(_)));
    let poisoned = send(&mut writer, [b"more"], &DEADLINES).await.unwrap_err();
    assert!(matches!(poisoned, SealError::Poisoned));
}

/// The stream belongs to the handshake, and goes with it.
#[tokio::test]
async fn a_cancelled_handshake_closes_the_stream() {
    let (io, mut peer) = duplex(100);
    assert!(poll_once(dial(io, b"init", &DEADLINES)).await.is_pending());
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent.len(), 50);
}

/// A byte at a time, and after each byte the future is thrown away.
#[tokio::test]
async fn receiving_can_be_cancelled_anywhere() {
    let (mut sealer, opener) = direction(&[7; 32], &[8; 32]);
    let messages = [&b"one"[..], b"", &[3; 100]];
    let bytes = messages.map(|message| seal(&mut sealer, message)).concat();
    let mut reader = FramedRead::new(Dribble { bytes, at: 0, ready: false }, opener);
    for message in messages {
        let mut cancelled = 0;
        let received = loop {
            if let Poll::Ready(received) = poll_once(receive(&mut reader, &DEADLINES)).await {
                break received.unwrap().unwrap();
            }
            cancelled += 1;
        };
        assert_eq!(received, message);
        assert!(cancelled >= message.len());
    }
    let end = poll_once(receive(&mut reader, &DEADLINES)).await;
    assert!(matches!(end, Poll::Pending));
    assert!(receive(&mut reader, &DEADLINES).await.unwrap().is_none());
}

/// What was sealed leaves whole, however often the future that writes it is thrown away.
#[tokio::test]
async fn sending_can_be_cancelled_anywhere() {
    let (sealer, opener) = direction(&[7; 32], &[8; 32]);
    let (io, peer) = duplex(7);
    let mut writer = FramedWrite::new(io, sealer);
    let mut reader = FramedRead::new(peer, opener);
    for message in [&b"one"[..], b"", &[3; 100]] {
        assert!(poll_once(send(&mut writer, [message], &DEADLINES)).await.is_pending());
        let received = loop {
            let nothing = send(&mut writer, [&[][..]; 0], &DEADLINES);
            let _ = poll_once(nothing).await;
            if let Poll::Ready(received) = poll_once(receive(&mut reader, &DEADLINES)).await {
                break received.unwrap().unwrap();
            }
        };
        assert_eq!(received, message);
    }
}

/// Two ends of a handshake over a duplex stream.
async fn connected(first: &[u8]) -> (Connection<DuplexStream>, Connection<DuplexStream>) {
    let (io, peer) = duplex(64);
    let (here, there) = tokio::join!(dial(io, first, &DEADLINES), answer(peer, &DEADLINES));
    (here.ok().unwrap(), there.ok().unwrap())
}

async fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Keeps each write apart.
struct Recorder(Arc<Mutex<Vec<Vec<u8>>>>);

impl AsyncWrite for Recorder {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Gives one byte at every second poll.
struct Dribble {
    bytes: Vec<u8>,
    at: usize,
    ready: bool,
}

impl AsyncRead for Dribble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ready = !self.ready;
        if self.ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(byte) = self.bytes.get(self.at).copied() {
            buffer.put_slice(&[byte]);
            self.at += 1;
        }
        Poll::Ready(Ok(()))
    }
}

const DEADLINES: Deadlines = Deadlines::DEFAULT;
