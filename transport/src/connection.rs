//! The handshake on a stream.

use std::{future::Future, io, time::Duration};

use bytes::BytesMut;
use secp256k1::{PublicKey, SecretKey};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout_at},
};
use tokio_util::codec::{Encoder, FramedRead, FramedWrite};

use crate::{
    ACT_ONE_LENGTH, ACT_THREE_LENGTH, ACT_TWO_LENGTH, Act, Fault, HandshakeError, Initiator,
    MAX_MESSAGE_LENGTH, NodeKey, Opener, Reader, Responder, Sealer, Writer,
    codec::{IDLE_BUFFER, PACKET_OVERHEAD},
};

/// How long a peer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Reading or writing one act.
    pub act: Duration,
    /// The whole handshake.
    pub handshake: Duration,
    /// From the length of a packet to the end of its message.
    pub body: Duration,
    /// Taking about 64 KiB that we write.
    pub flush: Duration,
}

impl Deadlines {
    /// 5 s for an act, 10 s for the handshake, 30 s for the body of a packet and for a flush.
    pub const DEFAULT: Self = Deadlines {
        act: Duration::from_secs(5),
        handshake: Duration::from_secs(10),
        body: Duration::from_secs(30),
        flush: Duration::from_secs(30),
    };

    /// For a dial through Tor: 15 s for an act, 30 s for the handshake.
    pub const TOR: Self = Deadlines {
        act: Duration::from_secs(15),
        handshake: Duration::from_secs(30),
        ..Deadlines::DEFAULT
    };
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines::DEFAULT
    }
}

/// A stream whose other end has proved who it is.
pub struct Connection<S> {
    /// The peer's node id.
    pub remote: PublicKey,
    io: S,
    sealer: Sealer,
    opener: Opener,
}

/// Dials: runs the handshake on `io` with the peer whose node id is `remote`, and sends `first`,
/// an encoded `init`, in one write with act three (with an empty `first` act three goes alone).
///
/// `ephemeral` must come from the system's entropy source and must never be used again. Dropping
/// the future closes the stream.
///
/// # Errors
/// Whatever it is, the stream is closed and nothing was sent after the fault.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    mut io: S,
    key: &NodeKey,
    ephemeral: SecretKey,
    remote: PublicKey,
    first: &[u8],
    deadlines: &Deadlines,
) -> Result<Connection<S>, HandshakeError> {
    if first.len() > MAX_MESSAGE_LENGTH {
        return Err(HandshakeError::new(Act::One, Fault::FirstMessageTooLong(first.len())));
    }
    let clock = Clock::start(deadlines);
    let (initiator, act_one) = Initiator::start(key, ephemeral, &remote)?;
    clock.write(&mut io, Act::One, &act_one).await?;
    // [BOLT 8 act_two R1] exactly 50 bytes are read
    let act_two = clock.read::<_, ACT_TWO_LENGTH>(&mut io, Act::Two).await?;
    let (act_three, mut sealer, opener) = initiator.act_two(&act_two)?;
    // [BOLT 8 overview G1] no message leaves before the handshake is over
    let size = ACT_THREE_LENGTH.saturating_add(PACKET_OVERHEAD).saturating_add(first.len());
    let mut output = BytesMut::with_capacity(size);
    output.extend_from_slice(&act_three);
    if !first.is_empty() {
        let sealed = sealer.encode(first, &mut output);
        sealed.map_err(|_| HandshakeError::new(Act::Three, Fault::Internal))?;
    }
    clock.write(&mut io, Act::Three, &output).await?;
    Ok(Connection { remote, io, sealer, opener })
}

/// Answers: runs the handshake on `io` with whoever dialled, and learns its node id.
///
/// `ephemeral` must come from the system's entropy source and must never be used again. Dropping
/// the future closes the stream.
///
/// # Errors
/// Whatever it is, the stream is closed and nothing was sent after the fault.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    mut io: S,
    key: &NodeKey,
    ephemeral: SecretKey,
    deadlines: &Deadlines,
) -> Result<Connection<S>, HandshakeError> {
    let clock = Clock::start(deadlines);
    // [BOLT 8 act_one R1] exactly 50 bytes are read
    let act_one = clock.read::<_, ACT_ONE_LENGTH>(&mut io, Act::One).await?;
    let (responder, act_two) = Responder::act_one(key, ephemeral, &act_one)?;
    clock.write(&mut io, Act::Two, &act_two).await?;
    // [BOLT 8 act_three R1] exactly 66 bytes are read
    let act_three = clock.read::<_, ACT_THREE_LENGTH>(&mut io, Act::Three).await?;
    let (remote, sealer, opener) = responder.act_three(&act_three)?;
    Ok(Connection { remote, io, sealer, opener })
}

/// [`connect`] on a socket, which is told to send small packets at once.
///
/// # Errors
/// As [`connect`]; a socket that refuses the option has failed to write act one.
pub async fn connect_tcp(
    socket: TcpStream,
    key: &NodeKey,
    ephemeral: SecretKey,
    remote: PublicKey,
    first: &[u8],
    deadlines: &Deadlines,
) -> Result<Connection<TcpStream>, HandshakeError> {
    let refused = |error: io::Error| Fault::WriteFailed(error.kind());
    socket.set_nodelay(true).map_err(|error| HandshakeError::new(Act::One, refused(error)))?;
    connect(socket, key, ephemeral, remote, first, deadlines).await
}

/// [`accept`] on a socket, which is told to send small packets at once.
///
/// # Errors
/// As [`accept`]; a socket that refuses the option has failed to read act one.
pub async fn accept_tcp(
    socket: TcpStream,
    key: &NodeKey,
    ephemeral: SecretKey,
    deadlines: &Deadlines,
) -> Result<Connection<TcpStream>, HandshakeError> {
    let refused = |error: io::Error| Fault::ReadFailed(error.kind());
    socket.set_nodelay(true).map_err(|error| HandshakeError::new(Act::One, refused(error)))?;
    accept(socket, key, ephemeral, deadlines).await
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    /// Two halves, to be used by two tasks: in one task two peers can block each other for ever
    /// when both only write.
    pub fn split(self) -> (Reader<ReadHalf<S>>, Writer<WriteHalf<S>>) {
        let (read, write) = tokio::io::split(self.io);
        frame(read, write, self.opener, self.sealer)
    }
}

impl Connection<TcpStream> {
    /// As [`Connection::split`], without a lock between the halves.
    #[must_use]
    pub fn into_split(self) -> (Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) {
        let (read, write) = self.io.into_split();
        frame(read, write, self.opener, self.sealer)
    }
}

fn frame<R: AsyncRead, W: AsyncWrite>(
    read: R,
    write: W,
    opener: Opener,
    sealer: Sealer,
) -> (Reader<R>, Writer<W>) {
    let mut writer = FramedWrite::with_capacity(write, sealer, IDLE_BUFFER);
    writer.set_backpressure_boundary(WRITE_BUFFER);
    (FramedRead::with_capacity(read, opener, IDLE_BUFFER), writer)
}

/// Runs every read and write of a handshake against the two deadlines.
struct Clock {
    act: Duration,
    end: Instant,
}

impl Clock {
    fn start(deadlines: &Deadlines) -> Self {
        Clock { act: deadlines.act, end: after(Instant::now(), deadlines.handshake) }
    }

    async fn read<S: AsyncRead + Unpin, const N: usize>(
        &self,
        io: &mut S,
        act: Act,
    ) -> Result<[u8; N], HandshakeError> {
        let mut bytes = [0; N];
        self.run(act, io.read_exact(&mut bytes), Fault::ReadFailed).await?;
        Ok(bytes)
    }

    async fn write<S: AsyncWrite + Unpin>(
        &self,
        io: &mut S,
        act: Act,
        bytes: &[u8],
    ) -> Result<(), HandshakeError> {
        let written = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        self.run(act, written, Fault::WriteFailed).await
    }

    async fn run<T>(
        &self,
        act: Act,
        step: impl Future<Output = io::Result<T>>,
        failed: fn(io::ErrorKind) -> Fault,
    ) -> Result<T, HandshakeError> {
        let end = after(Instant::now(), self.act).min(self.end);
        match timeout_at(end, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(HandshakeError::new(act, failed(error.kind()))),
            Err(_) => Err(HandshakeError::new(act, Fault::TimedOut)),
        }
    }
}

/// The end of a deadline; one of more than a year is none.
pub(crate) fn after(start: Instant, deadline: Duration) -> Instant {
    start.checked_add(deadline.min(YEAR)).unwrap_or(start)
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Bytes that are gathered before a batch of messages is written. tokio-util's own 8 KiB costs
/// three times the system calls.
const WRITE_BUFFER: usize = 64 * 1024;
